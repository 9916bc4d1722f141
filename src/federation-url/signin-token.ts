import { z } from 'zod'
import { firstUse } from '#cli-sessions'
import { type Context, readForm, readQuery, requestInfo } from '#http'
import { callerIdentity, findRoleById } from '#iam'
import { refuse } from '#kernel'
import { proveSession, type ProvenSession } from '#sts'
import type { FederationUrlNeeds } from './needs.ts'

const credentials = z.object({
  sessionId: z.string().min(16).max(128),
  sessionKey: z.string().min(1).max(128),
  sessionToken: z.string().min(1).max(8_192),
})

const sealed = z.object({
  /** Access key id and token. */
  k: z.string(),
  t: z.string(),
  /** Epoch seconds: the end of the browser's session, and of this token. */
  u: z.number(),
  x: z.number(),
})

/** What a sign-in token stands for. */
type Opened = z.infer<typeof sealed>

const context = 'federation-url/signin-token'
const lifeSeconds = 900

/** `Action=getSigninToken`: proves the credentials and gives a token for the browser, good once and for 15 minutes. */
export async function getSigninToken(needs: FederationUrlNeeds, ctx: Context): Promise<void> {
  const isForm = ctx.method === 'POST' && ctx.is('application/x-www-form-urlencoded') !== false
  const form = isForm && ctx.querystring === '' ? await readForm(ctx) : readQuery(ctx)
  if (form.get('Action') !== 'getSigninToken') return bad('The action must be getSigninToken or login.')
  const read = credentials.safeParse(parsed(form.get('Session') ?? ''))
  if (!read.success) return bad('Session must be JSON with sessionId, sessionKey and sessionToken.')
  const { sessionId, sessionKey, sessionToken } = read.data
  const proven = await proveSession(needs.sts, {
    accessKeyId: sessionId,
    secretAccessKey: sessionKey,
    sessionToken,
  })
  const until = await endOf(needs, proven, form.get('SessionDuration'))
  await needs.audit.recordSoon({
    source: 'signin',
    name: 'GetSigninToken',
    by: callerIdentity(proven.caller),
    request: requestInfo(ctx),
    accountId: proven.caller.accountId,
  })
  const token: Opened = {
    k: sessionId,
    t: sessionToken,
    u: Math.floor(until.epochMilliseconds / 1_000),
    x: Math.floor(needs.clock().epochMilliseconds / 1_000) + lifeSeconds,
  }
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'application/json'
  const SigninToken = needs.vault.seal(JSON.stringify(token), context).toString('base64url')
  ctx.body = JSON.stringify({ SigninToken })
}

const bad = (message: string): never => refuse('malformed', 'federation-url/request', message)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** When the browser's session ends: with the credentials, or as long as was asked, within the role's maximum. */
async function endOf(
  needs: FederationUrlNeeds,
  { session }: ProvenSession,
  asked: string | undefined,
): Promise<Temporal.Instant> {
  const { principal, chainDepth } = session
  if (principal.kind !== 'role' && principal.kind !== 'federated-user')
    return bad('Credentials of AssumeRole or GetFederationToken are needed.')
  if (asked === undefined) return session.expiresAt
  if (principal.kind === 'federated-user')
    return bad('SessionDuration may not be given with GetFederationToken.')
  if (chainDepth > 0) return bad('SessionDuration may not be given with credentials of a chained role.')
  if (!/^\d{3,5}$/.test(asked) || Number(asked) < 900 || Number(asked) > 43_200)
    return bad('SessionDuration must be 900 to 43200 seconds.')
  const role = await findRoleById(needs.database, principal.roleId)
  if (Number(asked) > (role?.maxSessionSeconds ?? 0))
    return bad('SessionDuration is longer than the role allows.')
  return needs.clock().add({ seconds: Number(asked) })
}

/** What a token stands for, without using it up. @throws Failure expired federation-url/token-over */
export async function lookAt(
  needs: FederationUrlNeeds,
  token: string,
): Promise<{ readonly proven: ProvenSession; readonly opened: Opened }> {
  let opened: Opened
  try {
    opened = sealed.parse(JSON.parse(needs.vault.open(Buffer.from(token, 'base64url'), context).toString()))
  } catch {
    return over()
  }
  if (opened.x * 1_000 <= needs.clock().epochMilliseconds) return over()
  const until = Temporal.Instant.fromEpochMilliseconds(opened.u * 1_000)
  const proven = await proveSession(needs.sts, { accessKeyId: opened.k, sessionToken: opened.t }, until)
  return { proven, opened }
}

const over = (): never =>
  refuse(
    'expired',
    'federation-url/token-over',
    'This sign-in link was used, or is too old. Ask for a new one.',
  )

/** Uses a token up. @throws Failure expired federation-url/token-over */
export async function useUp(needs: FederationUrlNeeds, opened: Opened): Promise<void> {
  const until = Temporal.Instant.fromEpochMilliseconds(opened.x * 1_000)
  // What it holds names it: base64 has more than one spelling of the same bytes.
  const value = `${opened.k} ${opened.u} ${opened.x}`
  if (!(await firstUse(needs.database, { purpose: context, value, until }))) over()
}
