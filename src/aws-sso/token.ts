import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  beginCliSession,
  type CliSession,
  findByCode,
  findLive,
  pollRequest,
  readToken,
  rotate,
  writeToken,
} from '#cli-sessions'
import { equal, sha256 } from '#crypto'
import { answerJson, type Context, requestInfo } from '#http'
import { refuse } from '#kernel'
import { authenticateClient, grants, requireGrant, type SsoClient } from './clients.ts'
import type { AwsSsoNeeds } from './needs.ts'
import { readBody } from './wire.ts'

const body = z.object({
  clientId: z.string().max(8_192),
  clientSecret: z.string().max(1_024),
  grantType: z.string().max(100),
  deviceCode: z.string().max(512).nullish(),
  code: z.string().max(512).nullish(),
  redirectUri: z.string().max(2_048).nullish(),
  codeVerifier: z.string().max(128).nullish(),
  refreshToken: z.string().max(2_048).nullish(),
})

type Asked = z.infer<typeof body>

/** `POST /token` (CreateToken). */
export async function createToken(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  if (ctx.query['aws_iam'] !== undefined)
    refuse('malformed', 'aws-sso/unsupported-grant-type', 'CreateTokenWithIAM is known and not offered.')
  const asked = await readBody(ctx, body)
  const client = authenticateClient(needs, asked)
  switch (asked.grantType) {
    case grants.device:
      requireGrant(client, grants.device)
      return issueTokens(needs, ctx, await byDeviceCode(needs, ctx, client, asked))
    case grants.code:
      requireGrant(client, grants.code)
      return issueTokens(needs, ctx, await byCode(needs, ctx, client, asked))
    case grants.refresh:
      requireGrant(client, grants.refresh)
      return issueTokens(needs, ctx, await byRefreshToken(needs, client, asked))
    default:
      return refuse('malformed', 'aws-sso/unsupported-grant-type', 'This grant type is not offered.')
  }
}

type Session = Pick<CliSession, 'sessionId' | 'generation' | 'expiresAt'>

function issueTokens(needs: AwsSsoNeeds, ctx: Context, session: Session): void {
  const { sessionId, generation } = session
  const left = Math.floor(needs.clock().until(session.expiresAt).total('seconds'))
  const expiresIn = Math.min(needs.cli.settings.portal_token_seconds, left)
  const expiresAt = Math.floor(needs.clock().epochMilliseconds / 1_000) + expiresIn
  answerJson(ctx, {
    accessToken: writeToken(needs.vault, 'sso-access', { sessionId, number: expiresAt }),
    tokenType: 'Bearer',
    expiresIn,
    refreshToken: writeToken(needs.vault, 'sso-refresh', { sessionId, number: generation }),
  })
}

/** RFC 8628 §3.4 and §3.5. A dead code says so: the clients poll until they hear anything but "pending". */
async function byDeviceCode(
  needs: AwsSsoNeeds,
  ctx: Context,
  client: SsoClient,
  { deviceCode }: Asked,
): Promise<Session> {
  if (!deviceCode) return missing('deviceCode')
  const request = await findByCode(needs.database, deviceCode)
  const over = (): never =>
    refuse('expired', 'aws-sso/expired-token', 'The device code is over. Begin again.')
  if (request?.flow !== 'sso-device') return over()
  if (!equal(request.clientHash, sha256(client.clientId)))
    return refuse('conflict', 'aws-sso/invalid-grant', 'The device code was given to another client.')
  if (Temporal.Instant.compare(request.expiresAt, needs.clock()) <= 0) return over()
  switch (request.outcome.state) {
    case 'waiting':
      return (await pollRequest(needs.database, needs.clock, request)) === 'too-soon'
        ? refuse('throttled', 'aws-sso/slow-down', 'You ask too often. Wait five seconds longer.')
        : refuse('conflict', 'aws-sso/authorization-pending', 'Nobody has answered yet.')
    case 'denied':
      return refuse('forbidden', 'aws-sso/access-denied', 'The request was refused in the browser.')
    case 'allowed':
      return (
        (await beginCliSession(needs.cli, {
          of: request,
          allowed: request.outcome,
          from: requestInfo(ctx),
        })) ?? over()
      )
  }
}

/** RFC 6749 §4.1.3 with RFC 7636 §4.6. */
async function byCode(
  needs: AwsSsoNeeds,
  ctx: Context,
  client: SsoClient,
  { code, redirectUri, codeVerifier }: Asked,
): Promise<Session> {
  if (!code) return missing('code')
  if (!redirectUri) return missing('redirectUri')
  if (!codeVerifier || !/^[\w.~-]{43,128}$/.test(codeVerifier)) return missing('codeVerifier')
  const request = await findByCode(needs.database, code)
  const no = (): never => refuse('conflict', 'aws-sso/invalid-grant', 'The code is not valid.')
  if (
    request?.flow !== 'sso-code' ||
    request.outcome.state !== 'allowed' ||
    !equal(request.clientHash, sha256(client.clientId)) ||
    request.redirectUri !== redirectUri ||
    !equal(request.codeChallenge ?? '', createHash('sha256').update(codeVerifier).digest('base64url')) ||
    Temporal.Instant.compare(request.expiresAt, needs.clock()) <= 0
  )
    return no()
  return (
    (await beginCliSession(needs.cli, { of: request, allowed: request.outcome, from: requestInfo(ctx) })) ??
    no()
  )
}

/** RFC 6749 §6, with rotation. */
async function byRefreshToken(
  needs: AwsSsoNeeds,
  client: SsoClient,
  { refreshToken }: Asked,
): Promise<Session> {
  if (!refreshToken) return missing('refreshToken')
  const no = (): never =>
    refuse('conflict', 'aws-sso/invalid-grant', 'The refresh token is not valid any more.')
  const read = readToken(needs.vault, 'sso-refresh', refreshToken)
  const found = read && (await findLive(needs.cli, read.sessionId, 'sso'))
  if (read === undefined || found === undefined) return no()
  const { session } = found
  if (!equal(session.clientHash, sha256(client.clientId))) return no()
  const rotated = await rotate(needs.cli, session, read.number)
  return rotated.state === 'reused' ? no() : { ...session, generation: rotated.generation }
}

const missing = (name: string): never =>
  refuse('malformed', 'aws-sso/invalid-request', `The parameter ${name} is missing or not valid.`)
