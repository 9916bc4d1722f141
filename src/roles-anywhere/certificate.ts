import { X509Certificate } from 'node:crypto'
import { refuse } from '#kernel'
import { type Der, extensionsOf, inside, integerOf, oidOf, readOne, textOf } from './der.ts'

/** A certificate, with what the path rules ask of it (RFC 5280). */
export type Certificate = {
  readonly x509: X509Certificate
  readonly serial: bigint
  /** Names as encoded, for comparing. */
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly subjectNames: readonly (readonly [attribute: string, value: string])[]
  readonly issuerNames: readonly (readonly [attribute: string, value: string])[]
  readonly notBefore: Temporal.Instant
  readonly notAfter: Temporal.Instant
  readonly isCa: boolean
  /** How many authorities may stand below this one; undefined for any number. */
  readonly pathLength: number | undefined
  /** Bits of the key usage; undefined where the certificate says nothing. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined
  /** Object identifiers of the extended key usage; undefined where the certificate says nothing. */
  readonly extendedKeyUsage: readonly string[] | undefined
}

type KeyUsage = (typeof keyUsages)[number]
const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

const ids = { basicConstraints: '2.5.29.19', keyUsage: '2.5.29.15', extendedKeyUsage: '2.5.29.37' } as const
/** What may be critical: what is judged here, and alternative names, which only tell. */
const understood: readonly string[] = [...Object.values(ids), '2.5.29.17']

const attributes: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'E',
}

const no = (why: string): never =>
  refuse('forbidden', 'roles-anywhere/certificate', 'The certificate cannot be used.', { why })

/** Reads one certificate. @throws Failure forbidden roles-anywhere/certificate, malformed roles-anywhere/der */
export function readCertificate(der: Buffer): Certificate {
  let x509: X509Certificate
  try {
    x509 = new X509Certificate(der)
  } catch {
    return no('not a certificate')
  }
  if (!x509.raw.equals(der)) return no('bytes after the certificate')
  const [tbs] = inside(readOne(der))
  const fields = tbs === undefined ? [] : inside(tbs)
  // [0] version, serial, algorithm, issuer, validity, subject, key, then optional ones.
  const [version, serial, , issuer, , subject] = fields
  if (version?.tag !== 0xa0 || serial === undefined || issuer === undefined || subject === undefined)
    return no('not version 3')
  const list = fields.find(({ tag }) => tag === 0xa3)
  const extensions = list === undefined ? new Map<string, never>() : extensionsOf(readOne(list.content))
  for (const { id, critical } of extensions.values())
    if (critical && !understood.includes(id)) return no(`critical extension ${id}`)
  const constraints = extensions.get(ids.basicConstraints)
  const [ca, length] = constraints === undefined ? [] : inside(readOne(constraints.value))
  const isCa = ca?.tag === 0x01 && ca.content[0] === 0xff
  const usage = extensions.get(ids.keyUsage)
  const extended = extensions.get(ids.extendedKeyUsage)
  return {
    x509,
    serial: integerOf(serial),
    issuer: issuer.raw,
    subject: subject.raw,
    subjectNames: namesOf(subject),
    issuerNames: namesOf(issuer),
    notBefore: Temporal.Instant.fromEpochMilliseconds(x509.validFromDate.getTime()),
    notAfter: Temporal.Instant.fromEpochMilliseconds(x509.validToDate.getTime()),
    isCa,
    pathLength: isCa && length !== undefined ? Number(integerOf(length)) : undefined,
    keyUsage: usage === undefined ? undefined : bitsOf(readOne(usage.value)),
    extendedKeyUsage: extended === undefined ? undefined : inside(readOne(extended.value)).map(oidOf),
  }
}

const namesOf = (name: Der): readonly (readonly [string, string])[] =>
  inside(name).flatMap((set) =>
    inside(set).flatMap((pair) => {
      const [type, value] = inside(pair)
      const attribute = type && attributes[oidOf(type)]
      const text = value && textOf(value)
      return attribute === undefined || text === undefined ? [] : [[attribute, text] as const]
    }),
  )

function bitsOf({ tag, content }: Der): ReadonlySet<KeyUsage> {
  if (tag !== 0x03) return no('key usage')
  const bits = content.subarray(1)
  return new Set(keyUsages.filter((_name, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0))
}

/** The certificates of a PEM text. @throws Failure malformed roles-anywhere/pem */
export function readPem(text: string, label: 'CERTIFICATE' | 'X509 CRL'): readonly Buffer[] {
  const found = [
    ...text.matchAll(new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, 'g')),
  ].map(([, base64 = '']) => Buffer.from(base64.replaceAll(/\s/g, ''), 'base64'))
  return found.length === 0
    ? refuse('malformed', 'roles-anywhere/pem', `There is no ${label} in this text (PEM).`)
    : found
}
