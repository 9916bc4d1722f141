import type { CliFlow } from '#cli-sessions'

/** The two clients that there are, and by which flow each comes. */
const flows: Readonly<Record<string, Extract<CliFlow, `login-${string}`>>> = {
  'arn:aws:signin:::devtools/same-device': 'login-same-device',
  'arn:aws:signin:::devtools/cross-device': 'login-cross-device',
}

/** The flow of a client id; undefined for any other. */
export const flowOf = (clientId: string): Extract<CliFlow, `login-${string}`> | undefined =>
  Object.hasOwn(flows, clientId) ? flows[clientId] : undefined

/** Where the code of the cross-device flow is shown. */
export const confirmationUrl = (publicUrl: URL): string => `${publicUrl.origin}/v1/sessions/confirmation`

/** Whether a flow may come back to an address: the loopback one on any port, or our own page. No other form exists. */
export const mayReturnTo = (flow: CliFlow, address: string, publicUrl: URL): boolean =>
  flow === 'login-cross-device'
    ? address === confirmationUrl(publicUrl)
    : /^http:\/\/127\.0\.0\.1:\d{1,5}\/oauth\/callback$/.test(address) && URL.canParse(address)
