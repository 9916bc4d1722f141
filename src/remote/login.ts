import { setTimeout } from 'node:timers/promises'
import { refuse } from '#kernel'
import type { Command, Machine } from '#terminal'
import { ask, type Answer, endpoint, member } from './ask.ts'
import { readLogin, serverUrl, type StoredLogin, writeLogin } from './token-store.ts'

/** The built-in public client of the command line. */
const clientId = 'signet-cli'

const form = (fields: Readonly<Record<string, string>>): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
})

const urlOption = {
  type: 'string',
  value: 'URL',
  help: 'the server; else SIGNET_URL, the one last signed in to, or http://localhost:4000',
} as const

/** `signet login`: signs in with a browser, here or on another device (RFC 8628). */
export const loginCommand: Command = {
  name: 'login',
  summary: 'Sign in on this command line with a browser.',
  options: { url: urlOption },
  async run(machine, input) {
    const url = serverUrl(machine, input.text('url'))
    const [deviceEndpoint, tokenEndpoint] = await Promise.all([
      endpoint(url, 'device_authorization_endpoint'),
      endpoint(url, 'token_endpoint'),
    ])
    const started = await ask(
      deviceEndpoint,
      form({ client_id: clientId, scope: 'openid profile offline_access' }),
    )
    const deviceCode = member(started.body, 'device_code')
    const userCode = member(started.body, 'user_code')
    const page = member(started.body, 'verification_uri_complete') ?? member(started.body, 'verification_uri')
    if (deviceCode === undefined || userCode === undefined || page === undefined)
      return refuseAnswer(url, started)
    machine.err(`Open ${page}\nand check that it shows the code ${userCode}.\n`)
    const tokens = await poll(machine, tokenEndpoint, deviceCode, {
      interval: Number(member(started.body, 'interval') ?? 5),
      expiresIn: Number(member(started.body, 'expires_in') ?? 600),
    })
    writeLogin(machine, toStored(machine, url, tokens))
    machine.err(`Signed in to ${url}.\n`)
    return 0
  },
}

/** Asks until the person has answered, as often as the server allows (RFC 8628 §3.5). */
async function poll(
  machine: Machine,
  tokenEndpoint: string,
  deviceCode: string,
  pace: { interval: number; expiresIn: number },
): Promise<Answer> {
  let interval = pace.interval
  const end = machine.clock().add({ seconds: pace.expiresIn })
  while (Temporal.Instant.compare(machine.clock(), end) < 0) {
    await setTimeout(interval * 1_000)
    const answer = await ask(
      tokenEndpoint,
      form({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: deviceCode,
        client_id: clientId,
      }),
    )
    if (answer.status === 200) return answer
    const error = member(answer.body, 'error')
    if (error === 'slow_down') interval += 5
    else if (error === 'access_denied')
      refuse('forbidden', 'cli/denied', 'The sign-in was denied in the browser.')
    else if (error === 'expired_token') break
    else if (error !== 'authorization_pending') return refuseAnswer(new URL(tokenEndpoint).origin, answer)
  }
  return refuse('expired', 'cli/login-expired', 'Nobody confirmed the code in time. Run signet login again.')
}

const refuseAnswer = (url: string, { status, body }: Answer): never =>
  refuse(
    'unavailable',
    'cli/refused',
    `${url} refused: ${member(body, 'error_description') ?? member(body, 'title') ?? member(body, 'error') ?? `status ${status}`}`,
  )

function toStored(machine: Machine, url: string, { body }: Answer, before?: StoredLogin): StoredLogin {
  const accessToken = member(body, 'access_token')
  if (accessToken === undefined)
    return refuse('unavailable', 'cli/refused', `${url} answered without a token.`)
  return {
    url,
    access_token: accessToken,
    // A server that does not rotate keeps the old one valid.
    refresh_token: member(body, 'refresh_token') ?? before?.refresh_token,
    expires_at: machine
      .clock()
      .add({ seconds: Number(member(body, 'expires_in') ?? 300) })
      .toString(),
  }
}

/**
 * A valid access token of the kept sign-in, renewed when less than a minute is left.
 *
 * @throws Failure unauthenticated cli/not-signed-in
 */
export async function accessToken(machine: Machine, url: string): Promise<string> {
  const login = readLogin(machine, url)
  const again = (): never =>
    refuse(
      'unauthenticated',
      'cli/not-signed-in',
      `You are not signed in to ${url}. Run: signet login --url ${url}`,
    )
  if (login === undefined) return again()
  const soon = machine.clock().add({ seconds: 60 })
  if (Temporal.Instant.compare(Temporal.Instant.from(login.expires_at), soon) > 0) return login.access_token
  if (login.refresh_token === undefined) return again()
  const answer = await ask(
    await endpoint(url, 'token_endpoint'),
    form({ grant_type: 'refresh_token', refresh_token: login.refresh_token, client_id: clientId }),
  )
  if (answer.status !== 200) return again()
  const fresh = toStored(machine, url, answer, login)
  writeLogin(machine, fresh)
  return fresh.access_token
}

/** `signet token`: prints an access token, for curl and scripts. */
export const tokenCommand: Command = {
  name: 'token',
  summary: 'Print an access token of the sign-in, renewed when needed.',
  options: { url: urlOption },
  async run(machine, input) {
    machine.out(`${await accessToken(machine, serverUrl(machine, input.text('url')))}\n`)
    return 0
  },
}
