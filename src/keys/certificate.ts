import { type KeyObject, sign } from 'node:crypto'

/** One DER element (X.690 §8.1): tag, length, content. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const size: number[] = []
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256)
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length, ...size), body])
}

const sequence = (...content: readonly Uint8Array[]) => der(0x30, ...content)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const sha256WithRsa = sequence(oid('2a864886f70d01010b'), der(0x05))

const name = (commonName: string) =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName, 'utf8')))))

/** Dates until 2049 are UTCTime, later ones GeneralizedTime (RFC 5280 §4.1.2.5). */
function time(instant: Temporal.Instant): Buffer {
  const digits = instant.toString({ smallestUnit: 'second' }).replaceAll(/[-:TZ]/g, '')
  return digits < '2050'
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : der(0x18, Buffer.from(`${digits}Z`))
}

/**
 * A self-signed X.509 v3 certificate (RFC 5280) as PEM: the form in which SAML peers want a public key. It proves
 * nothing by itself; peers pin it from our metadata.
 *
 * @param request `serial` is 8–20 random bytes; the keys are RSA or P-256
 */
export function selfSignedCertificate(request: {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly commonName: string
  readonly serial: Uint8Array
  readonly notBefore: Temporal.Instant
  readonly notAfter: Temporal.Instant
}): string {
  const algorithm = request.privateKey.asymmetricKeyType === 'ec' ? ecdsaWithSha256 : sha256WithRsa
  const serial = Buffer.from(request.serial)
  // A positive integer whose first byte is not zero: neither sign nor padding can change it.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    algorithm,
    name(request.commonName),
    sequence(time(request.notBefore), time(request.notAfter)),
    name(request.commonName),
    request.publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', signed, request.privateKey)
  const certificate = sequence(signed, algorithm, der(0x03, Buffer.of(0), signature))
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
