import { refuse } from '#kernel'
import type { Certificate } from './certificate.ts'
import { isListOf, type RevocationList } from './revocation-list.ts'

/** Authorities between the anchor and the certificate: so many at most. */
const mostBetween = 5
const clientAuth = '1.3.6.1.5.5.7.3.2'
const anyUsage = '2.5.29.37.0'

const no = (why: string): never =>
  refuse('forbidden', 'roles-anywhere/untrusted', 'Untrusted certificate.', { why })

/**
 * Proves a certificate by a path to one of the anchors (RFC 5280 §6, without policies and name constraints: where a
 * certificate has those as critical, it was refused when it was read).
 *
 * @param path `between`: authorities that came along, in any order
 * @throws Failure forbidden roles-anywhere/untrusted, the reason as detail
 */
export function verifyPath(path: {
  readonly certificate: Certificate
  readonly between: readonly Certificate[]
  readonly anchors: readonly Certificate[]
  readonly lists: readonly RevocationList[]
  readonly now: Temporal.Instant
}): void {
  const { certificate, between, anchors, lists, now } = path
  if (between.length > mostBetween) no('too many authorities')
  requireEndEntity(certificate)
  requireValid(certificate, now)

  let below = certificate
  let authorities = 0
  const left = new Set(between)
  for (;;) {
    const anchor = anchors.find((each) => issued(each, below))
    const issuer = anchor ?? [...left].find((each) => issued(each, below))
    if (issuer === undefined) return no('no path to the trust anchor')
    requireAuthority(issuer, authorities)
    requireValid(issuer, now)
    requireNotRevoked(below, issuer, { lists, now })
    if (anchor !== undefined) return undefined
    left.delete(issuer)
    below = issuer
    authorities += 1
  }
}

/** Whether one certificate signed another: names, key identifiers, key usage and the signature itself. */
const issued = (issuer: Certificate, subject: Certificate): boolean =>
  issuer.subject.equals(subject.issuer) &&
  subject.x509.checkIssued(issuer.x509) &&
  subject.x509.verify(issuer.x509.publicKey)

/** What AWS asks of the certificate that signs requests: no authority, for signatures, for clients where it says so. */
function requireEndEntity({ isCa, keyUsage, extendedKeyUsage, x509 }: Certificate): void {
  if (isCa) no('an authority')
  if (keyUsage?.has('digitalSignature') !== true) no('not for digital signatures')
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.some((id) => id === clientAuth || id === anyUsage))
    no('not for clients')
  requireStrong(x509)
}

function requireAuthority({ isCa, keyUsage, pathLength, x509 }: Certificate, authoritiesBelow: number): void {
  if (!isCa) no('an issuer is no authority')
  if (keyUsage !== undefined && !keyUsage.has('keyCertSign')) no('an issuer may not sign certificates')
  if (pathLength !== undefined && authoritiesBelow > pathLength)
    no('the path is longer than an authority allows')
  requireStrong(x509)
}

function requireStrong({ publicKey, signatureAlgorithm }: Certificate['x509']): void {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {}
  const strong =
    publicKey.asymmetricKeyType === 'rsa'
      ? (modulusLength ?? 0) >= 2_048
      : ['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve ?? '')
  if (!strong) no('a weak key')
  if (!/sha-?(256|384|512)/i.test(signatureAlgorithm ?? '')) no('a weak signature')
}

function requireValid({ notBefore, notAfter }: Certificate, now: Temporal.Instant): void {
  if (Temporal.Instant.compare(now, notBefore) < 0) no('not valid yet')
  if (Temporal.Instant.compare(now, notAfter) > 0) no('no longer valid')
}

/** With a list of the issuer at hand, it must be one of now: who keeps the new list away must not win by it. */
function requireNotRevoked(
  certificate: Certificate,
  issuer: Certificate,
  { lists, now }: { readonly lists: readonly RevocationList[]; readonly now: Temporal.Instant },
): void {
  const own = lists.filter((list) => isListOf(list, issuer))
  if (own.some(({ revoked }) => revoked.has(certificate.serial))) no('revoked')
  const isFresh = ({ thisUpdate, nextUpdate }: RevocationList): boolean =>
    Temporal.Instant.compare(thisUpdate, now) <= 0 &&
    (nextUpdate === undefined || Temporal.Instant.compare(now, nextUpdate) <= 0)
  if (own.length > 0 && !own.some(isFresh)) no('the revocation list is too old')
}
