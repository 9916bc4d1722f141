import type { Certificate } from './certificate.ts'

/** What a certificate tells of its holder, in the shapes of a session. */
export type X509Identity = {
  /** The serial number in hex: the session's name unless the client gives one. */
  readonly sessionName: string
  /** `CN=…`; undefined without a common name that can stand there. */
  readonly sourceIdentity: string | undefined
  /** `x509Subject/CN` and so on: the session's tags, and condition keys `aws:PrincipalTag/…` of the trust policy. */
  readonly tags: readonly { readonly key: string; readonly value: string }[]
}

const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u

/** Several values of one attribute are one tag each, as AWS writes them: `OU`, then `OU/1`. */
function numbered(prefix: string, pairs: readonly (readonly [string, string])[]): X509Identity['tags'] {
  const counts = new Map<string, number>()
  return pairs.flatMap(([attribute, value]) => {
    const count = counts.get(attribute) ?? 0
    counts.set(attribute, count + 1)
    // A value that no tag can have is left out: a policy that asks for it then says no.
    return tagText.test(value)
      ? [{ key: `${prefix}/${attribute}${count === 0 ? '' : `/${count}`}`, value }]
      : []
  })
}

/** The alternative names that AWS tells: DNS names and URIs. */
const alternativeNames = (text: string | undefined): readonly (readonly [string, string])[] =>
  (text ?? '').split(', ').flatMap((each) => {
    const [, kind, value] = /^(DNS|URI):([^"]+)$/.exec(each) ?? []
    return kind === undefined || value === undefined ? [] : [[kind, value] as const]
  })

/** The serial number in hex, as sessions are named and as `signet revoke federated` takes it. */
export const serialOf = ({ serial }: Pick<Certificate, 'serial'>): string =>
  serial.toString(16).padStart(2, '0')

/** What a proven certificate tells. */
export function identityOf(certificate: Certificate): X509Identity {
  const { x509, subjectNames, issuerNames } = certificate
  const commonName = subjectNames.find(([attribute]) => attribute === 'CN')?.[1] ?? ''
  const source = `CN=${commonName}`
  return {
    sessionName: serialOf(certificate).slice(0, 64),
    sourceIdentity: commonName !== '' && /^[\w+=,.@-]{2,64}$/.test(source) ? source : undefined,
    tags: [
      ...numbered('x509Subject', subjectNames),
      ...numbered('x509Issuer', issuerNames),
      ...numbered('x509SAN', alternativeNames(x509.subjectAltName)),
    ].slice(0, 50),
  }
}
