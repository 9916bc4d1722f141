import { createPublicKey, sign, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const length =
    body.length < 128
      ? Buffer.from([body.length])
      : body.length < 256
        ? Buffer.from([0x81, body.length])
        : Buffer.from([0x82, body.length >> 8, body.length & 0xff])
  return Buffer.concat([Buffer.from([tag]), length, body])
}

const commonNameOid = Buffer.from('0603550403', 'hex')
const sha256WithRsa = Buffer.from('300d06092a864886f70d01010b0500', 'hex')
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')

/** The same as PEM. */
export const testCertificatePem = (...request: Parameters<typeof testCertificate>): string =>
  new X509Certificate(Buffer.from(testCertificate(...request), 'base64')).toString()

/**
 * A self-signed certificate, in base64 of its DER, for a key made by the test (RFC 5280 §4.1).
 *
 * @param validity from and to, as UTCTime
 */
export function testCertificate(
  privateKey: KeyObject,
  commonName = 'test',
  validity: readonly [from: string, to: string] = ['200101000000Z', '490101000000Z'],
): string {
  const algorithm = privateKey.asymmetricKeyType === 'ec' ? ecdsaWithSha256 : sha256WithRsa
  const name = der(0x30, der(0x31, der(0x30, commonNameOid, der(0x0c, Buffer.from(commonName)))))
  const time = (text: string): Buffer => der(0x17, Buffer.from(text))
  const toBeSigned = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    der(0x30, time(validity[0]), time(validity[1])),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey))
  const certificate = new X509Certificate(der(0x30, toBeSigned, algorithm, signature))
  return certificate.raw.toString('base64')
}
