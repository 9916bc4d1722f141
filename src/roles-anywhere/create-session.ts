import { type RequestInfo } from '#http'
import { refuse } from '#kernel'
import { checkFreshness, parseX509Authorization, type SignableRequest, verifyX509Signature } from '#sigv4'
import { assumeRoleForService, type IssuedRoleSession } from '#sts'
import { type Certificate, readCertificate, readPem } from './certificate.ts'
import { identityOf, serialOf } from './identity.ts'
import type { RolesAnywhereNeeds } from './needs.ts'
import { verifyPath } from './path.ts'
import { findProfile } from './profile.ts'
import { readRevocationList } from './revocation-list.ts'
import { epochIdOf, findTrustAnchor, type TrustAnchor } from './trust-anchor.ts'

/** What CreateSession asks for. */
export type SessionRequest = {
  readonly request: SignableRequest
  readonly from: RequestInfo
  readonly trustAnchorArn: string
  readonly profileArn: string
  readonly roleArn: string
  readonly durationSeconds: number | undefined
  readonly sessionName: string | undefined
  /** `X-Amz-X509`: base64 of the DER. */
  readonly certificate: string
  /** `X-Amz-X509-Chain`: the same, with commas between. */
  readonly chain: string
}

/** A role session, and whose certificate it was traded for. */
export type CertificateSession = { readonly issued: IssuedRoleSession; readonly certificate: Certificate }

const denied = (message: string, why: string): never =>
  refuse('forbidden', 'roles-anywhere/denied', message, { why })

/**
 * Trades a certificate for a role session: time → signature → path to the trust anchor → profile → trust policy.
 *
 * @throws Failure forbidden `roles-anywhere/…`, `sts/not-authorized`; malformed `roles-anywhere/…`, `sts/invalid-request`;
 * unauthenticated `sigv4/…`
 */
export async function createSession(
  { sts }: RolesAnywhereNeeds,
  asked: SessionRequest,
): Promise<CertificateSession> {
  const { request, from, roleArn } = asked
  const authorization = parseX509Authorization(request)
  const now = sts.clock()
  checkFreshness(authorization, { now, services: ['rolesanywhere'] })
  const certificate = readCertificate(fromBase64(asked.certificate))
  if (certificate.serial !== authorization.serial) denied('Untrusted certificate.', 'another serial number')
  verifyX509Signature(authorization, request, certificate.x509.publicKey)

  const [anchor, profile] = await Promise.all([
    findTrustAnchor(sts.database, asked.trustAnchorArn),
    findProfile(sts.database, asked.profileArn),
  ])
  if (anchor === undefined || !anchor.enabled) return denied('Untrusted certificate.', 'no such trust anchor')
  const between =
    asked.chain === '' ? [] : asked.chain.split(',', 6).map((each) => readCertificate(fromBase64(each)))
  verifyPath({ certificate, between, now, ...trusted(anchor) })

  const { accountId } = anchor
  if (profile === undefined || !profile.enabled || profile.accountId !== accountId)
    return denied('The profile is not there or disabled.', 'profile')
  const account = roleArn.split(':')[4]
  if (account !== accountId || !profile.roles.includes(roleArn))
    return denied('The role is not one of the profile’s.', 'role')
  if (asked.sessionName !== undefined && !profile.acceptsSessionName)
    return denied('The profile accepts no role session name.', 'session name')
  const most = profile.maxSessionSeconds
  if ((asked.durationSeconds ?? 0) > most)
    refuse('malformed', 'roles-anywhere/duration', `The profile allows ${most} seconds at most.`)

  const { sessionName, sourceIdentity, tags } = identityOf(certificate)
  const issued = await assumeRoleForService(sts, {
    service: 'rolesanywhere.amazonaws.com',
    from,
    region: authorization.region,
    roleArn,
    sessionName: asked.sessionName ?? sessionName,
    durationSeconds: asked.durationSeconds ?? Math.min(3_600, most),
    policy: profile.sessionPolicy,
    policyArns: profile.policyArns,
    tags,
    sourceIdentity,
    context: [
      ['aws:SourceArn', anchor.arn],
      ['aws:SourceAccount', accountId],
      ...tags.map(({ key, value }) => [`aws:PrincipalTag/${key}`, value] as const),
    ],
    subject: { providerArn: anchor.arn, subject: serialOf(certificate) },
    family: [epochIdOf(anchor)],
  })
  return { issued, certificate }
}

/** The parsed form of a trust anchor. It was checked when it was saved. */
const trusted = ({ certificates, revocationLists }: TrustAnchor) => ({
  anchors: readPem(certificates, 'CERTIFICATE').map(readCertificate),
  lists: revocationLists === '' ? [] : readPem(revocationLists, 'X509 CRL').map(readRevocationList),
})

function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  return /^[A-Za-z0-9+/]{1,12000}={0,2}$/.test(text) && bytes.toString('base64') === text
    ? bytes
    : refuse('malformed', 'roles-anywhere/base64', 'A certificate header is not base64 of a DER certificate.')
}
