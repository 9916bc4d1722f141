import { createHash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { random } from '#kernel'
import { canonicalWriter, element } from '#xml'
import type { CanonicalWriter, CanonicalXml, ElementTemplate } from '#xml'
import { signatureAlgorithms, signBytes } from './algorithms.ts'
import { ns } from './names.ts'

/** Writes every message of ours. */
export const writeSaml: CanonicalWriter = canonicalWriter({
  saml: ns.saml,
  samlp: ns.samlp,
  md: ns.md,
  ds: ns.ds,
  xenc: ns.xenc,
})

/** An ID for a message: 128 random bits, never beginning with a digit (Entra refuses those). */
export const newId = (): string => `_${random(16).toString('hex')}`

/** A time as SAML writes it, in milliseconds. */
export const timeText = (instant: Temporal.Instant): string => instant.toString({ fractionalSecondDigits: 3 })

/** A key of ours with its certificate in PEM. */
export type Signer = { readonly privateKey: KeyObject; readonly certificate: string | undefined }

const digestUri = 'http://www.w3.org/2001/04/xmlenc#sha256'
const signatureUri: Readonly<Record<'rsa' | 'ec', string>> = {
  rsa: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  ec: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
}

/** The base64 of a PEM certificate, on one line. */
const certificateText = (pem: string): string => pem.replaceAll(/-----[^-]+-----|\s/g, '')

/**
 * Signs an element and puts the signature after its `position`-th child: 1 for what begins with an Issuer, 0 for
 * metadata. The template is canonical as it will be written, so the digest is a hash of its text (RFC 9231 §2).
 */
export async function signElement(
  template: ElementTemplate,
  signer: Signer,
  position: 0 | 1 = 1,
): Promise<CanonicalXml> {
  const uri = signatureUri[signer.privateKey.asymmetricKeyType === 'ec' ? 'ec' : 'rsa']
  const algorithm = signatureAlgorithms.get(uri)
  if (!algorithm) throw new Error(`no algorithm ${uri}`)
  const digest = createHash('sha256').update(writeSaml(template).canonical).digest('base64')
  const signedInfo = element(
    'ds:SignedInfo',
    {},
    element('ds:CanonicalizationMethod', { Algorithm: ns.ec }),
    element('ds:SignatureMethod', { Algorithm: uri }),
    element(
      'ds:Reference',
      { URI: `#${template.attributes['ID'] ?? ''}` },
      element(
        'ds:Transforms',
        {},
        element('ds:Transform', { Algorithm: `${ns.ds}enveloped-signature` }),
        element('ds:Transform', { Algorithm: ns.ec }),
      ),
      element('ds:DigestMethod', { Algorithm: digestUri }),
      element('ds:DigestValue', {}, digest),
    ),
  )
  const value = await signBytes(algorithm, signer.privateKey, Buffer.from(writeSaml(signedInfo).canonical))
  const signature = element(
    'ds:Signature',
    {},
    signedInfo,
    element('ds:SignatureValue', {}, value.toString('base64')),
    signer.certificate === undefined ? undefined : keyInfo(signer.certificate),
  )
  const { children } = template
  return writeSaml({
    ...template,
    children: [...children.slice(0, position), signature, ...children.slice(position)],
  })
}

/** A certificate as XML Signature and metadata carry it. */
export const keyInfo = (pem: string): ElementTemplate =>
  element(
    'ds:KeyInfo',
    {},
    element('ds:X509Data', {}, element('ds:X509Certificate', {}, certificateText(pem))),
  )

/**
 * The signed query of a Redirect message (SAML Bindings §3.4.4.1): encoded once, and those octets signed.
 *
 * @param message the deflated message in base64
 */
export async function signQuery(
  kind: 'SAMLRequest' | 'SAMLResponse',
  message: string,
  relayState: string | undefined,
  signer: Signer,
): Promise<string> {
  const uri = signatureUri[signer.privateKey.asymmetricKeyType === 'ec' ? 'ec' : 'rsa']
  const algorithm = signatureAlgorithms.get(uri)
  if (!algorithm) throw new Error(`no algorithm ${uri}`)
  const parts = [
    `${kind}=${encodeURIComponent(message)}`,
    ...(relayState === undefined ? [] : [`RelayState=${encodeURIComponent(relayState)}`]),
    `SigAlg=${encodeURIComponent(uri)}`,
  ]
  const octets = parts.join('&')
  const signature = await signBytes(algorithm, signer.privateKey, Buffer.from(octets))
  return `${octets}&Signature=${encodeURIComponent(signature.toString('base64'))}`
}
