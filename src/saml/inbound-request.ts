import type { App, ServiceProvider } from '#apps'
import { attributeOf, elementsOf, isElement } from '#xml'
import type { XmlElement } from '#xml'
import { claimedIssuer } from './authn-request.ts'
import { refuseSaml } from './codes.ts'
import type { SamlCode } from './codes.ts'
import { readMessage } from './message.ts'
import { ns } from './names.ts'
import type { KeyCache } from './pinned-keys.ts'
import { defaultSkew } from './semantics.ts'
import { checkVersion, expectRoot, requiredTimeOf } from './shape.ts'
import { verifyDetached, verifySignatures } from './signature-profile.ts'
import type { TransportedMessage } from './transport.ts'

/** An app with its SAML side. */
export type Peer = { readonly app: App; readonly provider: ServiceProvider }

/** A request whose sender is known, and proven where it was signed. */
export type InboundRequest = {
  readonly root: XmlElement
  readonly peer: Peer
  readonly id: string
  readonly isSigned: boolean
}

/** What reading a request takes. */
export type InboundNeeds = {
  readonly findPeer: (entityId: string) => Promise<Peer | undefined>
  readonly keysOf: KeyCache
  readonly now: Temporal.Instant
}

/** What kind of request it must be, where it must have been sent, and whether this kind is always signed. */
export type Expected = {
  readonly root: 'AuthnRequest' | 'LogoutRequest'
  readonly destination: string
  readonly mustSign: (peer: Peer) => boolean
  readonly unsigned: SamlCode
}

/** How old a request may be (§4: 10 minutes). */
export const requestLife: Temporal.Duration = Temporal.Duration.from({ minutes: 10 })

/**
 * Gate steps 0 to 2 for a request of a service provider, then Destination and IssueInstant, in the order of the
 * checks: reading, who it says it is, signature as registered, destination, age. Its shape the caller reads next.
 *
 * @throws Failure saml/xml-…, saml/shape-root, saml/peer-…, saml/sig-…, saml/redirect-signature, saml/req-… and the
 *   expectation's own code when it is not signed
 */
export async function verifyRequest(
  { findPeer, keysOf, now }: InboundNeeds,
  message: TransportedMessage,
  expected: Expected,
): Promise<InboundRequest> {
  const root = readMessage(message.xml)
  expectRoot(root, ns.samlp, expected.root)
  checkVersion(root)
  const entityId = claimedIssuer(root)
  const peer =
    (await findPeer(entityId)) ?? refuseSaml('peer-unknown', { at: 'Issuer', found: entityId.slice(0, 200) })
  if (!peer.app.enabled) refuseSaml('peer-disabled', { found: peer.app.name })
  const keys = keysOf(peer.provider.settings.signingCertificates)
  const isSigned = message.detached
    ? verifyOctets(root, message.detached, keys)
    : verifySignatures(root, keys).has(root)
  if (!isSigned && expected.mustSign(peer)) refuseSaml(expected.unsigned, { found: peer.app.name })
  checkDestination(root, isSigned, expected.destination)
  checkAge(root, now)
  return { root, peer, id: attributeOf(root, 'ID') ?? '', isSigned }
}

function verifyOctets(
  root: XmlElement,
  detached: NonNullable<TransportedMessage['detached']>,
  keys: ReturnType<KeyCache>,
): boolean {
  // Two kinds of signature on one message is one too many to be sure which was meant.
  for (const element of elementsOf(root))
    if (isElement(element, ns.ds, 'Signature'))
      refuseSaml('sig-position', { expected: 'none by the Redirect binding' })
  verifyDetached(detached, keys)
  return true
}

function checkDestination(root: XmlElement, isSigned: boolean, expected: string): void {
  const found = attributeOf(root, 'Destination')
  if (found === undefined ? isSigned : found !== expected)
    refuseSaml('req-destination', { expected, found: found?.slice(0, 200) })
}

function checkAge(root: XmlElement, now: Temporal.Instant): void {
  const issued = requiredTimeOf(root, 'IssueInstant')
  const isFuture = Temporal.Instant.compare(issued, now.add(defaultSkew)) > 0
  if (isFuture || Temporal.Instant.compare(issued, now.subtract(requestLife)) < 0)
    refuseSaml('req-stale', { expected: now.toString(), found: issued.toString() })
}
