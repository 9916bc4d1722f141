import { z } from 'zod'
import { clientIdentity } from '#audit'
import type { RequestInfo } from '#http'
import { callerIdentity } from '#iam'
import { isFailure, refuse } from '#kernel'
import { type AuthenticateNeeds, serviceKey, stsErrorOf } from '#sts'
import { principalOf, type Principal, signable, signedRequest } from './authorize-request.ts'
import type { EnforcementPoint } from './caller.ts'
import type { DecideNeeds } from './decide.ts'

/** `POST /access/v1/signing-keys`: a signed request that the service received from a caller it does not know yet. */
export const signingKeysBody = z.object({ request: signedRequest })

/** What verifies further requests of this caller to this service, this day. Always with status 200. */
export type SigningKeyAnswer =
  | {
      readonly verified: true
      readonly access_key_id: string
      /** The HMAC key of day, region and service, base64url; or the public key of SigV4A. */
      readonly key: { readonly hmac: string } | { readonly jwk: object }
      readonly principal: Principal & { readonly tags: Readonly<Record<string, string>> }
      /** Pairs of a revocation subject and its epoch: over when the feed tells of a higher one. */
      readonly epochs: readonly (readonly [subject: string, epoch: number])[]
      /** RFC 3339. */
      readonly expires_at: string
    }
  | {
      readonly verified: false
      readonly error: { readonly code: string; readonly message: string; readonly status: number }
    }

/**
 * Gives a service the key that verifies a caller's further requests to it, and who the caller is: for its own prefix and
 * one day, and only for a caller whose signed request it shows. What the service does to whoever holds the key, it could
 * do to itself anyway; another service's requests cannot be made with it.
 *
 * @throws Failure forbidden access/no-signing-keys
 */
export async function issueSigningKey(
  needs: AuthenticateNeeds & Pick<DecideNeeds, 'audit'>,
  asked: { point: EnforcementPoint; from: RequestInfo; body: z.infer<typeof signingKeysBody> },
): Promise<SigningKeyAnswer> {
  const { point, from, body } = asked
  if (!point.app.signingKeys)
    return refuse(
      'forbidden',
      'access/no-signing-keys',
      'This service may not hold signing keys. Give its app signing_keys: true.',
    )
  const entry = {
    source: 'access',
    name: 'IssueSigningKey',
    request: from,
    accountId: point.app.accountId,
    readOnly: true,
  } as const
  try {
    const given = await serviceKey(needs, signable(body.request), { services: [point.prefix] })
    const { signed, authorization, key, epochs, expiresAt } = given
    const { accessKeyId, day, region } = authorization
    const expires = expiresAt.toString({ smallestUnit: 'second' })
    await needs.audit.recordSoon({
      ...entry,
      by: { ...callerIdentity(signed.caller), invokedBy: point.clientId },
      parameters: { accessKeyId, day, region, service: point.prefix },
      response: { expiration: expires },
    })
    return {
      verified: true,
      access_key_id: accessKeyId,
      key:
        key.kind === 'hmac'
          ? { hmac: key.secret.toString('base64url') }
          : { jwk: key.publicKey.export({ format: 'jwk' }) },
      principal: { ...principalOf(signed.caller), tags: signed.caller.tags },
      epochs,
      expires_at: expires,
    }
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.kind === 'unavailable') throw thrown
    const { code, message, status } = stsErrorOf(thrown)
    await needs.audit.recordSoon({
      ...entry,
      by: clientIdentity(point.clientId),
      parameters: { service: point.prefix },
      error: { code, message },
    })
    return { verified: false, error: { code, message, status } }
  }
}
