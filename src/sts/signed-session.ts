import { verify } from 'node:crypto'
import { z } from 'zod'

import { refuse } from '#kernel'
import { type Keys, signJwt } from '#keys'
import { revocationSubject } from '#sessions'
import { sigv4aJwk, sigv4aKey } from '#sigv4'

import { roleSessionArn } from './callers.ts'
import type { SessionClaims } from './claims.ts'
import { tokenCharacters } from './packed-size.ts'
import { refuseToken } from './refuse-token.ts'
import type { SessionCredentials } from './session-token.ts'
import { tagRecord } from './tags.ts'

/** The signed form of a role session's token. */
export type SignedSessions = {
  /** The sealed token inside a signed one. @throws Failure malformed `sts/packed-policy-too-large` */
  readonly wrap: (
    sealed: SessionCredentials,
    claims: SessionClaims,
    minimumSize: number | undefined,
  ) => SessionCredentials
  /** The sealed token out of a signed one. @throws Failure unauthenticated `sts/invalid-token` */
  readonly unwrap: (accessKeyId: string, token: string) => string
}

const typ = 'session+jwt'
const header = z.object({ alg: z.literal('ES256'), typ: z.literal(typ), kid: z.string() })
const inside = z.object({ akid: z.string(), sst: z.string() })

/**
 * Tokens that a service verifies with our public keys alone: a JWT of type `session+jwt`, signed by a session key, with
 *
 * - `sub`, `account`, `user_id`, `tags`, `source_identity`: who the session is
 * - `akid`, `cnf.jwk`: the access key id and the public key that its SigV4A signatures are verified with
 * - `epochs`: pairs of a revocation subject and its epoch at issue, held against the feed of revocations
 * - `sst`: the sealed token, which is all that our own processes read
 *
 * What it says is readable by whoever sees it; the sealed form is the default for that reason.
 */
export function signedSessions(needs: {
  readonly keys: Pick<Keys, 'active' | 'list'>
  /** The origin of the public URL. */
  readonly issuer: string
}): SignedSessions {
  return {
    wrap(sealed, claims, minimumSize = 0) {
      const key = needs.keys.active('session', 'ES256')
      const payload = payloadOf(needs.issuer, sealed, claims)
      const token = signJwt(key, typ, payload)
      if (token.length > tokenCharacters) {
        const percent = Math.ceil((token.length * 100) / tokenCharacters)
        refuse(
          'malformed',
          'sts/packed-policy-too-large',
          `Packed size of session tags consumes ${percent}% of allotted space.`,
        )
      }
      const missing = minimumSize - token.length
      // Base64 makes four characters of three bytes; the member itself takes a few.
      const pad = missing > 0 ? 'x'.repeat(Math.ceil((missing * 3) / 4)) : undefined
      return {
        ...sealed,
        sessionToken: pad === undefined ? token : signJwt(key, typ, { ...payload, pad }),
      }
    },

    unwrap(accessKeyId, token) {
      const [head = '', body = '', signature = '', ...more] = token.split('.')
      const { kid } = header.safeParse(jsonOf(head)).data ?? refuseToken()
      const key = needs.keys.list('session').find((each) => each.kid === kid)
      const bytes = Buffer.from(signature, 'base64url')
      const isGenuine =
        key !== undefined &&
        more.length === 0 &&
        bytes.toString('base64url') === signature &&
        verify(
          'sha256',
          Buffer.from(`${head}.${body}`),
          { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
          bytes,
        )
      const { data } = isGenuine ? inside.safeParse(jsonOf(body)) : { data: undefined }
      return data?.akid === accessKeyId ? data.sst : refuseToken()
    },
  }
}

function payloadOf(
  issuer: string,
  { accessKeyId, secretAccessKey, sessionToken }: SessionCredentials,
  claims: SessionClaims,
): object {
  const { principal, accountId, sourceIdentity, tags, issuedAt, expiresAt } = claims
  if (principal.kind !== 'role') throw new TypeError('Only sessions of roles have the signed form.')
  const { roleName: name, roleId, sessionName } = principal
  return {
    iss: issuer,
    sub: roleSessionArn({ accountId, name }, sessionName),
    iat: issuedAt.epochMilliseconds / 1000,
    exp: expiresAt.epochMilliseconds / 1000,
    account: accountId,
    user_id: `${roleId}:${sessionName}`,
    source_identity: sourceIdentity,
    tags: tags.length === 0 ? undefined : tagRecord(tags),
    akid: accessKeyId,
    cnf: { jwk: sigv4aJwk(sigv4aKey(accessKeyId, secretAccessKey.reveal()).publicKey) },
    epochs: epochsOfSession(accessKeyId, claims).map(([kind, id, epoch]) => [
      revocationSubject(kind, id),
      epoch,
    ]),
    sst: sessionToken,
  }
}

/** All that a session rests on, itself included. */
export const epochsOfSession = (
  accessKeyId: string,
  { epochs }: Pick<SessionClaims, 'epochs'>,
): SessionClaims['epochs'] => [...epochs, ['key', accessKeyId, 0]]

function jsonOf(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}
