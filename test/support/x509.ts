import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Certificates and revocation lists for tests, made bit by bit (RFC 5280), so that wrong ones can be made as well. */
export type TestCertificate = {
  readonly der: Buffer
  readonly pem: string
  readonly key: KeyObject
  readonly name: string
  readonly serial: bigint
}

type Options = {
  readonly name: string
  /** Who signs; itself without one. */
  readonly issuer?: TestCertificate
  readonly key?: KeyObject
  readonly serial?: bigint
  readonly notBefore?: string
  readonly notAfter?: string
  readonly ca?: boolean
  readonly pathLength?: number
  /** Bits of the key usage by number: 0 digitalSignature, 5 keyCertSign, 6 cRLSign; `null` leaves it out. */
  readonly usage?: readonly number[] | null
  /** Object identifiers in hex. */
  readonly extendedUsage?: readonly string[]
  readonly subject?: readonly (readonly [oidHex: string, text: string])[]
  readonly extensions?: readonly Buffer[]
  readonly hash?: 'sha1' | 'sha256'
}

export const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const length =
    body.length < 128
      ? Buffer.of(body.length)
      : body.length < 256
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff)
  return Buffer.concat([Buffer.of(tag), length, body])
}
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const commonName = '550403'
const named = (attributes: readonly (readonly [string, string])[]) =>
  der(0x30, ...attributes.map(([id, text]) => der(0x31, der(0x30, oid(id), der(0x0c, Buffer.from(text))))))
const integer = (value: bigint): Buffer => {
  const hex = value.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return der(0x02, Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex'))
}
const time = (text: string) =>
  der(0x17, Buffer.from(`${text.slice(2).replaceAll(/[-:T]/g, '').slice(0, 12)}Z`))
const algorithmOf = (key: KeyObject, hash: 'sha1' | 'sha256'): Buffer =>
  key.asymmetricKeyType === 'ec'
    ? der(0x30, oid(hash === 'sha1' ? '2a8648ce3d0401' : '2a8648ce3d040302'))
    : der(0x30, oid(hash === 'sha1' ? '2a864886f70d010105' : '2a864886f70d01010b'), der(0x05))
const bits = (bytes: Buffer) => der(0x03, Buffer.of(0), bytes)

/** An extension. */
export const extension = (oidHex: string, critical: boolean, value: Buffer): Buffer =>
  der(0x30, oid(oidHex), ...(critical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value))

const usageBits = (wanted: readonly number[]): Buffer => {
  const byte = wanted.reduce((all, bit) => all | (0x80 >> bit), 0)
  return der(0x03, Buffer.of(0, byte))
}

export const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
export const rsaKey = (bitsOfKey = 2_048): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength: bitsOfKey }).privateKey

let serials = 4_096n

/** Makes a certificate. */
export function makeCertificate(options: Options): TestCertificate {
  const { name, ca = false, hash = 'sha256' } = options
  const key = options.key ?? ecKey()
  const signer = options.issuer?.key ?? key
  const serial = options.serial ?? ++serials
  const usage = options.usage === undefined ? (ca ? [5, 6] : [0]) : options.usage
  const extensions = [
    ...(ca || options.pathLength !== undefined
      ? [
          extension(
            '551d13',
            true,
            der(
              0x30,
              ...(ca ? [der(0x01, Buffer.of(0xff))] : []),
              ...(options.pathLength === undefined ? [] : [integer(BigInt(options.pathLength))]),
            ),
          ),
        ]
      : []),
    ...(usage === null ? [] : [extension('551d0f', true, usageBits(usage))]),
    ...(options.extendedUsage === undefined
      ? []
      : [extension('551d25', false, der(0x30, ...options.extendedUsage.map(oid)))]),
    ...(options.extensions ?? []),
  ]
  const tbs = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    integer(serial),
    algorithmOf(signer, hash),
    named([[commonName, options.issuer?.name ?? name]]),
    der(
      0x30,
      time(options.notBefore ?? '2020-01-01T00:00:00'),
      time(options.notAfter ?? '2049-01-01T00:00:00'),
    ),
    named([[commonName, name], ...(options.subject ?? [])]),
    createPublicKey(key.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [der(0xa3, der(0x30, ...extensions))]),
  )
  const whole = der(0x30, tbs, algorithmOf(signer, hash), bits(sign(hash, tbs, signer)))
  return { der: whole, pem: toPem(whole, 'CERTIFICATE'), key, name, serial }
}

/** Makes a revocation list, as PEM. */
export function makeRevocationList(
  issuer: Pick<TestCertificate, 'name' | 'key'>,
  revoked: readonly bigint[],
  {
    nextUpdate = '2049-01-01T00:00:00',
    key = issuer.key,
  }: { nextUpdate?: string | null; key?: KeyObject } = {},
): string {
  const since = time('2020-01-02T00:00:00')
  const tbs = der(
    0x30,
    der(0x02, Buffer.of(1)),
    algorithmOf(key, 'sha256'),
    named([[commonName, issuer.name]]),
    since,
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(revoked.length === 0
      ? []
      : [der(0x30, ...revoked.map((serial) => der(0x30, integer(serial), since)))]),
  )
  return toPem(der(0x30, tbs, algorithmOf(key, 'sha256'), bits(sign('sha256', tbs, key))), 'X509 CRL')
}

const toPem = (bytes: Buffer, label: string): string =>
  `-----BEGIN ${label}-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`
