import { createHash } from 'node:crypto'
import { SignJWT } from 'jose'
import { z } from 'zod'
import {
  beginCliSession,
  type CliSession,
  findByCode,
  findLive,
  readToken,
  rotate,
  wasPasswordChanged,
  writeToken,
} from '#cli-sessions'
import { equal, sha256 } from '#crypto'
import { findUserById, type User } from '#directory'
import { answerJson, type Context, readForm, readJson, requestInfo, type RequestInfo } from '#http'
import { findRoleById, userCaller } from '#iam'
import { isFailure, refuse, uuid } from '#kernel'
import { assumeRole, beginUserSession, type SessionCredentials } from '#sts'
import { flowOf } from './clients.ts'
import { sessionNameOf } from './choose.ts'
import { verifyProof } from './dpop.ts'
import type { AwsLoginNeeds } from './needs.ts'

const body = z.object({
  clientId: z.string().max(256),
  grantType: z.string().max(100),
  code: z.string().max(512).nullish(),
  redirectUri: z.string().max(2_048).nullish(),
  codeVerifier: z.string().max(128).nullish(),
  refreshToken: z.string().max(2_048).nullish(),
})

/** Credentials are short: the refresh token, which only the key's holder can use, is what lasts. */
const accessSeconds = 900

/** `POST /v1/token` (CreateOAuth2Token), with JSON or a form. */
export async function createToken(needs: AwsLoginNeeds, ctx: Context): Promise<void> {
  if (ctx.querystring !== '') notOffered()
  const given: unknown =
    ctx.is('application/x-www-form-urlencoded') === 'application/x-www-form-urlencoded'
      ? Object.fromEntries(await readForm(ctx))
      : await readJson(ctx, { limit: 65_536, depth: 8, anyType: true })
  const read = body.safeParse(given)
  if (!read.success) return missing(read.error.issues[0]?.path.join('.') || 'body')
  const asked = read.data
  const flow = flowOf(asked.clientId)
  if (flow === undefined) return missing('clientId')
  const thumbprint = await verifyProof(needs, ctx.get('dpop'))
  const from = requestInfo(ctx)
  switch (asked.grantType) {
    case 'authorization_code': {
      const session = await byCode(needs, from, { ...asked, flow, thumbprint })
      const issued = await issueFor(needs, from, session)
      return send(needs, ctx, session, {
        ...issued,
        idToken: await idToken(needs, issued.arn, asked.clientId),
      })
    }
    case 'refresh_token': {
      const session = await byRefreshToken(needs, { ...asked, thumbprint })
      return send(needs, ctx, session, await issueFor(needs, from, session))
    }
    default:
      return missing('grantType')
  }
}

/** Known operations of the service that are not built: client credentials, introspection, revocation. */
export const notOffered = (): never =>
  refuse('malformed', 'aws-login/not-offered', 'This operation is known and not offered.')

const missing = (name: string): never =>
  refuse('malformed', 'aws-login/parameter', `The parameter ${name} is missing or not valid.`)

type Session = Pick<
  CliSession,
  'sessionId' | 'generation' | 'userId' | 'roleId' | 'browserFamily' | 'authTime' | 'mfaAt'
>

type Asked = Omit<z.infer<typeof body>, 'grantType'> & { readonly thumbprint: string }

/** Trades a code (RFC 6749 §4.1.3, RFC 7636 §4.6) and binds the session to the proof's key. */
async function byCode(
  needs: AwsLoginNeeds,
  from: RequestInfo,
  { clientId, code, redirectUri, codeVerifier, flow, thumbprint }: Asked & { readonly flow: string },
): Promise<Session> {
  if (!code) return missing('code')
  if (!redirectUri) return missing('redirectUri')
  if (!codeVerifier || !/^[\w.~-]{43,128}$/.test(codeVerifier)) return missing('codeVerifier')
  const request = await findByCode(needs.database, code)
  const no = (): never =>
    refuse('expired', 'aws-login/code-over', 'The authorization code is not valid any more.')
  if (
    request?.flow !== flow ||
    request.outcome.state !== 'allowed' ||
    !equal(request.clientHash, sha256(clientId)) ||
    request.redirectUri !== redirectUri ||
    !equal(request.codeChallenge ?? '', createHash('sha256').update(codeVerifier).digest('base64url'))
  )
    return no()
  const begun = await beginCliSession(needs.cli, {
    of: request,
    allowed: request.outcome,
    from,
    keyThumbprint: thumbprint,
  })
  return begun ?? no()
}

/** The next of a refresh token, for the holder of its key alone; the same again for a moment. */
async function byRefreshToken(needs: AwsLoginNeeds, { refreshToken, thumbprint }: Asked): Promise<Session> {
  if (!refreshToken) return missing('refreshToken')
  const over = (): never => refuse('expired', 'aws-login/session-over', 'The session is over. Log in again.')
  const read = readToken(needs.vault, 'login-refresh', refreshToken)
  if (read === undefined) return over()
  const found = await findLive(needs.cli, read.sessionId, 'login')
  if (found === undefined)
    return (await wasPasswordChanged(needs.database, read.sessionId))
      ? refuse('expired', 'aws-login/password-changed', 'The password was changed. Log in again.')
      : over()
  const { session } = found
  // Whoever stole the token and not the key gets nothing, and ends nothing.
  if (session.keyThumbprint === undefined || !equal(session.keyThumbprint, thumbprint)) return over()
  const rotated = await rotate(needs.cli, session, read.number)
  return rotated.state === 'reused' ? over() : { ...session, generation: rotated.generation }
}

type IssuedFor = { readonly credentials: SessionCredentials; readonly arn: string }

/** Credentials of what the person chose: the role now, as its trust policy is now, or the user. */
async function issueFor(needs: AwsLoginNeeds, from: RequestInfo, session: Session): Promise<IssuedFor> {
  const user: User | undefined = await findUserById(needs.database, session.userId)
  if (user === undefined)
    return refuse('expired', 'aws-login/session-over', 'The session is over. Log in again.')
  const by = userCaller(user, { issuedAt: session.authTime, mfaAt: session.mfaAt })
  const family = [session.browserFamily, session.sessionId]
  if (session.roleId === undefined) {
    const { credentials } = await beginUserSession(needs.sts, { by, family, from, seconds: accessSeconds })
    return { credentials, arn: user.arn }
  }
  const role = await findRoleById(needs.database, session.roleId)
  const gone = (): never =>
    refuse('forbidden', 'aws-login/role-refused', 'The role may not be taken any more. Log in again.')
  if (role === undefined) return gone()
  try {
    return await assumeRole(needs.sts, {
      by,
      family,
      from,
      roleArn: role.arn,
      sessionName: sessionNameOf(user),
      durationSeconds: accessSeconds,
    })
  } catch (thrown) {
    if (isFailure(thrown) && thrown.kind === 'forbidden') return gone()
    throw thrown
  }
}

function send(
  needs: AwsLoginNeeds,
  ctx: Context,
  { sessionId, generation }: Session,
  { credentials, idToken: token }: IssuedFor & { readonly idToken?: string },
): void {
  answerJson(ctx, {
    accessToken: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey.reveal(),
      sessionToken: credentials.sessionToken,
    },
    tokenType: 'aws_sigv4',
    expiresIn: accessSeconds,
    refreshToken: writeToken(needs.vault, 'login-refresh', { sessionId, number: generation }),
    ...(token === undefined ? {} : { idToken: token }),
  })
}

/** Tells the command line whom it acts as: `sub` is the ARN. Its issuer is not our OpenID one, so it opens nothing else. */
async function idToken(needs: AwsLoginNeeds, arn: string, clientId: string): Promise<string> {
  const key = needs.keys.active('oidc', 'ES256')
  const now = Math.floor(needs.clock().epochMilliseconds / 1_000)
  return new SignJWT({})
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: key.kid })
    .setIssuer(`${needs.publicUrl.origin}/v1`)
    .setSubject(arn)
    .setAudience(clientId)
    .setIssuedAt(now)
    .setExpirationTime(now + accessSeconds)
    .setJti(uuid())
    .sign(key.privateKey)
}
