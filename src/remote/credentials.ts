import { refuse } from '#kernel'
import type { Command, Input, Machine } from '#terminal'
import { ask, member } from './ask.ts'
import { accessToken } from './login.ts'
import { serverUrl } from './token-store.ts'

/** Temporary credentials of a role. */
export type Credentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** RFC 3339. */
  readonly expiration: string
  /** `arn:aws:sts::…:assumed-role/Role/session`. */
  readonly assumedRoleArn: string
}

/** The options of every command that takes a role. */
export const roleOptions = {
  role: { type: 'string', value: 'ROLE', help: 'the role’s ARN, or its name in the home account' },
  'session-name': { type: 'string', value: 'NAME', help: 'the role session’s name; else your user name' },
  duration: { type: 'string', value: 'SECONDS', help: 'how long it lasts; else the server’s default' },
  url: { type: 'string', value: 'URL', help: 'the server; else SIGNET_URL or the one last signed in to' },
} as const

/** `signet credentials`: what AWS tools run as `credential_process` (aws-wire page §7.9): JSON on standard output, nothing else. */
export const credentialsCommand: Command = {
  name: 'credentials',
  summary: 'Take a role and print its credentials as AWS’s credential_process wants them.',
  options: roleOptions,
  async run(machine, input) {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await takeRole(machine, input)
    machine.out(
      `${JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: expiration })}\n`,
    )
    return 0
  },
}

/** `signet env`: lines for `eval "$(signet env --role R)"`. */
export const envCommand: Command = {
  name: 'env',
  summary: 'Take a role and print its credentials as lines for the shell.',
  options: {
    ...roleOptions,
    shell: { type: 'string', value: 'sh|powershell', help: 'whose lines; else sh' },
  },
  async run(machine, input) {
    const shell = input.text('shell') ?? 'sh'
    if (shell !== 'sh' && shell !== 'powershell')
      return refuse('malformed', 'cli/shell', `"${shell}" is not known. Write sh or powershell.`)
    const credentials = await takeRole(machine, input)
    const variables = {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_ENDPOINT_URL: serverUrl(machine, input.text('url')),
    }
    for (const [name, value] of Object.entries(variables))
      machine.out(shell === 'sh' ? `export ${name}='${value}'\n` : `$Env:${name} = '${value}'\n`)
    return 0
  },
}

/** Asks for a role session as the signed-in user. @throws Failure cli/role, cli/not-signed-in, and the server's own words */
export async function takeRole(machine: Machine, input: Pick<Input, 'text'>): Promise<Credentials> {
  const role = input.text('role')
  if (role === undefined)
    return refuse(
      'malformed',
      'cli/role',
      'Which role? Write --role ARN or --role NAME; the portal lists yours.',
    )
  const duration = input.text('duration')
  if (duration !== undefined && !/^\d{1,6}$/.test(duration))
    return refuse(
      'malformed',
      'cli/duration',
      `"${duration}" is no number of seconds. Write --duration 3600.`,
    )
  const url = serverUrl(machine, input.text('url'))
  const { status, body } = await ask(`${url}/api/v1/role-sessions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await accessToken(machine, url)}`,
    },
    body: JSON.stringify({
      role,
      session_name: input.text('session-name'),
      duration_seconds: duration === undefined ? undefined : Number(duration),
    }),
  })
  if (status !== 200 && status !== 201)
    return refuse(
      'forbidden',
      'cli/refused',
      `${url} gives no session of ${role}: ${member(body, 'title') ?? member(body, 'message') ?? `status ${status}`}`,
    )
  const read = (name: string): string => {
    const value = member(body, name)
    // Only what can stand between quotes in a shell may come out of here.
    return value !== undefined && /^[\w+/=:.-]+$/.test(value)
      ? value
      : refuse('unavailable', 'cli/refused', `${url} answered without a usable ${name}.`)
  }
  return {
    accessKeyId: read('access_key_id'),
    secretAccessKey: read('secret_access_key'),
    sessionToken: read('session_token'),
    expiration: read('expiration'),
    assumedRoleArn: member(body, 'assumed_role_arn') ?? '',
  }
}
