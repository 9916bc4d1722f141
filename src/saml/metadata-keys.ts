import { createHash, X509Certificate } from 'node:crypto'
import { attributeOf, childElements, isElement, pathOf, textOf } from '#xml'
import type { XmlElement } from '#xml'
import { isUsableKey } from './algorithms.ts'
import { refuseSaml } from './codes.ts'
import { ns } from './names.ts'
import type { PinnedKey } from './signature-profile.ts'

/** A key that a certificate brought; its end is a warning for people, not a refusal. */
type CertifiedKey = PinnedKey & {
  readonly certificate: X509Certificate
  readonly notAfter: Temporal.Instant
}

/** The keys of one role. A KeyDescriptor that does not say its use serves both. */
export type MetadataKeys = {
  readonly signingKeys: readonly CertifiedKey[]
  readonly encryptionKeys: readonly CertifiedKey[]
}

/**
 * Reads the keys of a role from its certificates (SAML Metadata §2.4.1.1).
 *
 * @throws Failure malformed saml/meta-no-key for a certificate that cannot be read or whose key is too weak
 */
export function readKeys(role: XmlElement): MetadataKeys {
  const keys = childElements(role)
    .filter((child) => isElement(child, ns.md, 'KeyDescriptor'))
    .flatMap((descriptor) =>
      certificatesIn(descriptor).map((key) => ({ use: attributeOf(descriptor, 'use'), key })),
    )
  return {
    signingKeys: keys.filter(({ use }) => use === undefined || use === 'signing').map(({ key }) => key),
    encryptionKeys: keys.filter(({ use }) => use === undefined || use === 'encryption').map(({ key }) => key),
  }
}

const certificatesIn = (descriptor: XmlElement): readonly CertifiedKey[] =>
  childElements(descriptor)
    .filter((child) => isElement(child, ns.ds, 'KeyInfo'))
    .flatMap((info) => childElements(info).filter((child) => isElement(child, ns.ds, 'X509Data')))
    .flatMap((data) => childElements(data).filter((child) => isElement(child, ns.ds, 'X509Certificate')))
    .map(readCertificate)

function readCertificate(element: XmlElement): CertifiedKey {
  const certificate = parseCertificate(
    Buffer.from(textOf(element).replaceAll(/[ \t\n\r]/g, ''), 'base64'),
    element,
  )
  const key = certificate.publicKey
  if (!isUsableKey(key))
    refuseSaml('meta-no-key', {
      at: pathOf(element),
      expected: 'RSA from 2048 bits, or EC on P-256, P-384, P-521',
      found: [key.asymmetricKeyType, key.asymmetricKeyDetails?.modulusLength],
    })
  return {
    key,
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
    certificate,
    notAfter: certificate.validToDate.toTemporalInstant(),
  }
}

function parseCertificate(der: Buffer, element: XmlElement): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch {
    return refuseSaml('meta-no-key', { at: pathOf(element), found: 'not a certificate' })
  }
}
