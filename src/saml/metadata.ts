import { attributeOf, childElements, isElement, pathOf, readXml, textOf, XmlError } from '#xml'
import type { XmlElement, XmlLimits } from '#xml'
import { refuseSaml } from './codes.ts'
import { readKeys } from './metadata-keys.ts'
import type { MetadataKeys } from './metadata-keys.ts'
import { bindings, ns } from './names.ts'
import { verifySignatures } from './signature-profile.ts'
import type { PinnedKey } from './signature-profile.ts'

/** Where a peer takes messages of one kind. `responseLocation`: where it wants the answers, if elsewhere. */
export type Endpoint = {
  readonly binding: string
  readonly location: string
  readonly responseLocation: string | undefined
}

/** An assertion consumer service of a service provider. `isDefault` undefined: not said. */
export type IndexedEndpoint = Endpoint & { readonly index: number; readonly isDefault: boolean | undefined }

type PeerMetadata = MetadataKeys & {
  readonly entityId: string
  readonly validUntil: Temporal.Instant | undefined
  readonly nameIdFormats: readonly string[]
  readonly singleLogout: readonly Endpoint[]
}

/** What we need to know of an identity provider. */
export type IdpMetadata = PeerMetadata & {
  readonly singleSignOn: readonly Endpoint[]
  readonly wantAuthnRequestsSigned: boolean
}

/** What we need to know of a service provider. */
export type SpMetadata = PeerMetadata & {
  readonly assertionConsumers: readonly IndexedEndpoint[]
  readonly authnRequestsSigned: boolean
  readonly wantAssertionsSigned: boolean
}

/** How to read a metadata document. */
export type MetadataOptions = {
  /** Which entity to take from an EntitiesDescriptor; a lone EntityDescriptor must then be this one. */
  readonly entityId?: string
  /** When given, a document whose validUntil has passed is refused. */
  readonly now?: Temporal.Instant
  /** Longest document in characters; 1 MiB unless told. */
  readonly maxLength?: number
  /** Whether endpoints on this machine may be plain http; for trying things out. */
  readonly loopbackHttp?: boolean
  /** When given, the document must be signed with one of these. */
  readonly signers?: readonly PinnedKey[]
}

const limits: XmlLimits = { maxDepth: 32, maxNodes: 400_000, maxAttributes: 64, maxNameLength: 256 }

/**
 * Reads the metadata of an identity provider (SAML Metadata 2.0), tolerant where that is harmless.
 *
 * @throws Failure malformed saml/meta-…
 */
export function parseIdpMetadata(xml: string, options: MetadataOptions = {}): IdpMetadata {
  const { entity, role, shared } = readPeer(xml, 'IDPSSODescriptor', options)
  const singleSignOn = readEndpoints(role, 'SingleSignOnService', options)
  if (singleSignOn.length === 0)
    refuseSaml('meta-endpoint', { at: pathOf(entity), expected: 'SingleSignOnService' })
  if (shared.signingKeys.length === 0)
    refuseSaml('meta-no-key', { at: pathOf(role), expected: 'a signing key of this role' })
  return {
    ...shared,
    singleSignOn,
    wantAuthnRequestsSigned: booleanOf(role, 'WantAuthnRequestsSigned') ?? false,
  }
}

/**
 * Reads the metadata of a service provider. One that never signs needs no key.
 *
 * @throws Failure malformed saml/meta-…
 */
export function parseSpMetadata(xml: string, options: MetadataOptions = {}): SpMetadata {
  const { entity, role, shared } = readPeer(xml, 'SPSSODescriptor', options)
  const authnRequestsSigned = booleanOf(role, 'AuthnRequestsSigned') ?? false
  if (authnRequestsSigned && shared.signingKeys.length === 0)
    refuseSaml('meta-no-key', { at: pathOf(role), expected: 'a signing key, since it says it signs' })
  const assertionConsumers = partsNamed(role, 'AssertionConsumerService').map((element) => ({
    ...readEndpoint(element, options),
    index: indexOf(element),
    isDefault: booleanOf(element, 'isDefault'),
  }))
  if (!assertionConsumers.some(({ binding }) => binding === bindings.post))
    refuseSaml('meta-endpoint', { at: pathOf(entity), expected: 'AssertionConsumerService by HTTP-POST' })
  return {
    ...shared,
    assertionConsumers,
    authnRequestsSigned,
    wantAssertionsSigned: booleanOf(role, 'WantAssertionsSigned') ?? false,
  }
}

/**
 * Refuses metadata whose validUntil has passed.
 *
 * @throws Failure malformed saml/meta-expired
 */
export function requireCurrent(
  { validUntil }: Pick<PeerMetadata, 'validUntil'>,
  now: Temporal.Instant,
): void {
  if (validUntil && Temporal.Instant.compare(validUntil, now) <= 0)
    refuseSaml('meta-expired', { expected: now.toString(), found: validUntil.toString() })
}

function readPeer(
  xml: string,
  roleName: 'IDPSSODescriptor' | 'SPSSODescriptor',
  options: MetadataOptions,
): { entity: XmlElement; role: XmlElement; shared: PeerMetadata } {
  const root = readDocument(xml, options)
  if (options.signers) checkSigner(root, options.signers)
  const entity = findEntity(root, options.entityId)
  const role = findRole(entity, roleName)
  const shared: PeerMetadata = {
    entityId: attributeOf(entity, 'entityID') ?? '',
    validUntil: earliest([root, entity, role].map(validUntilOf)),
    ...readKeys(role),
    nameIdFormats: partsNamed(role, 'NameIDFormat').map((format) => textOf(format).trim()),
    singleLogout: readEndpoints(role, 'SingleLogoutService', options),
  }
  if (options.now) requireCurrent(shared, options.now)
  return { entity, role, shared }
}

function readDocument(xml: string, { maxLength = 1_048_576 }: MetadataOptions): XmlElement {
  if (xml.length > maxLength) refuseSaml('meta-too-large', { expected: maxLength, found: xml.length })
  try {
    return readXml(xml, limits, 'document')
  } catch (thrown) {
    if (!(thrown instanceof XmlError)) throw thrown
    return refuseSaml('meta-xml', { at: thrown.offset, found: `${thrown.code}: ${thrown.message}` })
  }
}

function checkSigner(root: XmlElement, signers: readonly PinnedKey[]): void {
  try {
    if (verifySignatures(root, signers, 'metadata').has(root)) return
  } catch (cause) {
    refuseSaml('meta-signature', { found: cause instanceof Error ? cause.message : 'unreadable' })
  }
  refuseSaml('meta-signature', { found: 'not signed' })
}

function findEntity(root: XmlElement, wanted: string | undefined): XmlElement {
  const entities: XmlElement[] = []
  const collect = (element: XmlElement): void => {
    if (isElement(element, ns.md, 'EntityDescriptor')) entities.push(element)
    else if (isElement(element, ns.md, 'EntitiesDescriptor')) childElements(element).forEach(collect)
  }
  collect(root)
  const ids = entities.map((entity) => attributeOf(entity, 'entityID') ?? '')
  if (new Set(ids).size < ids.length) refuseSaml('meta-entity', { found: 'the same entityID twice' })
  const found = wanted === undefined ? entities[0] : entities[ids.indexOf(wanted)]
  const id = found && attributeOf(found, 'entityID')
  if (!found || (wanted === undefined && entities.length > 1) || !id || id.length > 1_024)
    return refuseSaml('meta-entity', {
      expected: wanted ?? 'exactly one entity with an entityID',
      found: ids.slice(0, 5),
    })
  return found
}

function findRole(entity: XmlElement, name: string): XmlElement {
  const roles = partsNamed(entity, name).filter((role) =>
    (attributeOf(role, 'protocolSupportEnumeration') ?? '').split(/[ \t\n\r]+/).includes(ns.samlp),
  )
  const [role] = roles
  if (!role || roles.length > 1)
    return refuseSaml('meta-role', {
      at: pathOf(entity),
      expected: `one ${name} for SAML 2.0`,
      found: roles.length,
    })
  return role
}

const partsNamed = (element: XmlElement, local: string): readonly XmlElement[] =>
  childElements(element).filter((child) => isElement(child, ns.md, local))

const readEndpoints = (role: XmlElement, local: string, options: MetadataOptions): readonly Endpoint[] =>
  partsNamed(role, local).map((element) => readEndpoint(element, options))

function readEndpoint(element: XmlElement, options: MetadataOptions): Endpoint {
  const url = (name: string): string | undefined => {
    const text = attributeOf(element, name)
    if (text === undefined) return undefined
    if (!isAcceptableUrl(text, options.loopbackHttp ?? false))
      refuseSaml('meta-endpoint', {
        at: `${pathOf(element)}/@${name}`,
        expected: 'https',
        found: text.slice(0, 200),
      })
    return text
  }
  return {
    binding:
      attributeOf(element, 'Binding') ??
      refuseSaml('meta-endpoint', { at: pathOf(element), expected: 'Binding' }),
    location: url('Location') ?? refuseSaml('meta-endpoint', { at: pathOf(element), expected: 'Location' }),
    responseLocation: url('ResponseLocation'),
  }
}

function isAcceptableUrl(text: string, loopbackHttp: boolean): boolean {
  const url = URL.parse(text)
  if (!url || text.trim() !== text || text.length > 2_048) return false
  if (url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (loopbackHttp && url.protocol === 'http:' && isLoopback(url.hostname))
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)

function indexOf(element: XmlElement): number {
  const text = (attributeOf(element, 'index') ?? '').trim()
  // xs:unsignedShort (SAML Metadata §2.2.3).
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    refuseSaml('meta-endpoint', { at: pathOf(element), expected: 'index' })
  return Number(text)
}

/** xs:boolean with its white space collapsed; anything else counts as not said. */
function booleanOf(element: XmlElement, name: string): boolean | undefined {
  const text = attributeOf(element, name)?.trim()
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : undefined
}

function validUntilOf(element: XmlElement): Temporal.Instant | undefined {
  const text = attributeOf(element, 'validUntil')
  if (text === undefined) return undefined
  try {
    return Temporal.Instant.from(text)
  } catch {
    return refuseSaml('meta-expired', { at: pathOf(element), expected: 'a time', found: text.slice(0, 50) })
  }
}

const earliest = (times: readonly (Temporal.Instant | undefined)[]): Temporal.Instant | undefined =>
  times.filter((time) => time !== undefined).toSorted((one, other) => Temporal.Instant.compare(one, other))[0]
