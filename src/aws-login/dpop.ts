import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { z } from 'zod'
import { firstUse } from '#cli-sessions'
import type { Queryable } from '#database'
import { type Clock, refuse } from '#kernel'

const claims = z.object({
  htm: z.literal('POST'),
  htu: z.string().max(2_048),
  iat: z.int(),
  jti: z.string().min(1).max(256),
})
const header = z.object({
  jwk: z
    .looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() })
    .refine((jwk) => !('d' in jwk)),
})

/** The proof may be so far from our time. */
const mostSeconds = 300

/**
 * Checks a proof of possession (RFC 9449 §4.3): signature by the key that it carries, for this very request, new.
 *
 * @returns the key's RFC 7638 thumbprint
 * @throws Failure malformed aws-login/proof
 */
export async function verifyProof(
  needs: { readonly database: Queryable; readonly clock: Clock; readonly publicUrl: URL },
  proof: string,
): Promise<string> {
  const now = needs.clock()
  if (proof === '' || proof.length > 8_192) return no('missing or too long')
  const verified = await jwtVerify(proof, EmbeddedJWK, {
    algorithms: ['ES256'],
    typ: 'dpop+jwt',
    currentDate: new Date(now.epochMilliseconds),
    clockTolerance: mostSeconds,
  }).catch((cause: unknown) => no(String(cause)))
  const carried = header.safeParse(verified.protectedHeader)
  const said = claims.safeParse(verified.payload)
  if (!carried.success || !said.success) return no('header or claims')
  const { htu, iat, jti } = said.data
  if (!isHere(htu, needs.publicUrl)) return no(`htu ${htu}`)
  if (Math.abs(iat - now.epochMilliseconds / 1_000) > mostSeconds) return no('iat')
  const { kty, crv, x, y } = carried.data.jwk
  const thumbprint = await calculateJwkThumbprint({ kty, crv, x, y })
  const until = now.add({ seconds: 2 * mostSeconds })
  if (!(await firstUse(needs.database, { purpose: 'dpop', value: `${thumbprint}\n${jti}`, until })))
    return no('seen before')
  return thumbprint
}

/** `htu` without query and fragment, compared as a URL (RFC 9449 §4.3, check 9). */
function isHere(htu: string, publicUrl: URL): boolean {
  const url = URL.parse(htu)
  return (
    url !== null &&
    url.origin === publicUrl.origin &&
    url.pathname === '/v1/token' &&
    url.username === '' &&
    url.password === ''
  )
}

const no = (detail: string): never =>
  refuse('malformed', 'aws-login/proof', 'The DPoP proof is missing or not valid for this request.', {
    detail,
  })
