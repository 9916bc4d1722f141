import { createHash, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { attributeOf, canonicalize, childElements, elementsOf, isElement, pathOf, textOf } from '#xml'
import type { XmlElement } from '#xml'
import { digestAlgorithms, fits, signatureAlgorithms, verifies } from './algorithms.ts'
import type { SignatureAlgorithm } from './algorithms.ts'
import { refuseSaml } from './codes.ts'
import { ns } from './names.ts'
import type { DetachedSignature } from './transport.ts'

/** A public key registered for a peer in one role. `fingerprint`: SHA-256 of its certificate or SPKI, in hex. */
export type PinnedKey = { readonly key: KeyObject; readonly fingerprint: string }

/** Which elements a verified signature covers, and the fingerprint of the key that fitted. */
export type SignedElements = ReadonlyMap<XmlElement, string>

/** Where a signature belongs: after the Issuer of a message or an assertion, or first in metadata. */
export type SignaturePlace = 'message' | 'metadata'

type ReadSignature = {
  readonly signed: XmlElement
  readonly signature: XmlElement
  readonly signedInfo: XmlElement
  readonly algorithm: SignatureAlgorithm
  readonly signatureValue: Buffer
  readonly inclusivePrefixes: readonly string[]
  readonly digest: 'sha256' | 'sha384' | 'sha512'
  readonly digestValue: Buffer
}

const c14nFamily = new Set([
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments',
  'http://www.w3.org/2006/12/xml-c14n11',
  'http://www.w3.org/2006/12/xml-c14n11#WithComments',
  'http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
])
const enveloped = `${ns.ds}enveloped-signature`

/**
 * Gate step 2: every signature in the tree is where it may be, has the one structure we accept, and verifies with a
 * key pinned for this peer. All positions and structures are judged before any cryptography is done.
 *
 * @throws Failure unauthenticated saml/sig-…; forbidden saml/peer-no-key when a signature stands before no key
 */
export function verifySignatures(
  root: XmlElement,
  keys: readonly PinnedKey[],
  place: SignaturePlace = 'message',
): SignedElements {
  const signatures: ReadSignature[] = []
  for (const signature of elementsOf(root)) {
    if (!isElement(signature, ns.ds, 'Signature')) continue
    const { parent } = signature
    if (!parent) return refuseSaml('sig-position', { found: 'a signature as the root' })
    if (signatures.some(({ signed }) => signed === parent)) refuseSaml('sig-count', { at: pathOf(parent) })
    checkPosition(root, parent, signature, place)
    signatures.push(readSignature(parent, signature))
  }
  if (signatures.length > 0 && keys.length === 0) refuseSaml('peer-no-key')
  const signed = new Map<XmlElement, string>()
  for (const signature of signatures) signed.set(signature.signed, verifyOne(signature, keys))
  return signed
}

/**
 * Verifies a signature of the Redirect binding over the octets as received.
 *
 * @throws Failure forbidden saml/peer-no-key; unauthenticated saml/sig-algorithm, saml/sig-key, saml/redirect-signature
 */
export function verifyDetached(detached: DetachedSignature, keys: readonly PinnedKey[]): void {
  if (keys.length === 0) refuseSaml('peer-no-key')
  const algorithm = algorithmOf(detached.algorithm, 'SigAlg')
  const fitting = fittingKeys(algorithm, keys)
  const bytes = Buffer.from(detached.octets)
  if (!fitting.some(({ key }) => verifies(algorithm, key, bytes, detached.signature)))
    refuseSaml('redirect-signature', { expected: fitting.map(({ fingerprint }) => fingerprint) })
}

function checkPosition(
  root: XmlElement,
  parent: XmlElement,
  signature: XmlElement,
  place: SignaturePlace,
): void {
  const children = childElements(parent)
  const ownAssertion =
    isElement(parent, ns.saml, 'Assertion') && parent.parent === root && isElement(root, ns.samlp, 'Response')
  const position = place === 'message' && isElement(children[0], ns.saml, 'Issuer') ? 1 : 0
  const mayBeSigned = parent === root || (place === 'message' && ownAssertion)
  if (!mayBeSigned || children[position] !== signature)
    refuseSaml('sig-position', {
      at: pathOf(signature),
      expected: 'directly after the Issuer of the root or its Assertion',
    })
}

/** The one structure of a Signature that we accept (XML Signature §4, narrowed as SAML Core §5.4 does). */
function readSignature(signed: XmlElement, signature: XmlElement): ReadSignature {
  plainAttributes(signature, ['Id'])
  const [signedInfo, signatureValue, keyInfo, ...rest] = partsOf(signature)
  if (
    !isElement(signedInfo, ns.ds, 'SignedInfo') ||
    !isElement(signatureValue, ns.ds, 'SignatureValue') ||
    (keyInfo && !isElement(keyInfo, ns.ds, 'KeyInfo')) ||
    rest.length > 0
  )
    return refuseSaml('sig-structure', {
      at: pathOf(signature),
      expected: 'SignedInfo, SignatureValue, KeyInfo',
    })
  plainAttributes(signatureValue, ['Id'])

  plainAttributes(signedInfo, ['Id'])
  const [c14n, method, ...references] = partsOf(signedInfo)
  if (!isElement(c14n, ns.ds, 'CanonicalizationMethod') || !isElement(method, ns.ds, 'SignatureMethod'))
    return refuseSaml('sig-structure', { at: pathOf(signedInfo) })
  checkCanonicalization(c14n)
  plainAttributes(method, ['Algorithm'])
  if (childElements(method).length > 0) refuseSaml('sig-structure', { at: pathOf(method) })
  const algorithm = algorithmOf(attributeOf(method, 'Algorithm'), pathOf(method))

  const [reference] = references
  if (references.some((each) => !isElement(each, ns.ds, 'Reference')))
    refuseSaml('sig-structure', { at: pathOf(signedInfo) })
  if (!reference || references.length !== 1)
    return refuseSaml('sig-reference-count', {
      at: pathOf(signedInfo),
      expected: 1,
      found: references.length,
    })
  return {
    signed,
    signature,
    signedInfo,
    algorithm,
    signatureValue: base64Leaf(signatureValue),
    ...readReference(signed, reference),
  }
}

function readReference(
  signed: XmlElement,
  reference: XmlElement,
): Pick<ReadSignature, 'inclusivePrefixes' | 'digest' | 'digestValue'> {
  plainAttributes(reference, ['URI', 'Id'])
  const id = attributeOf(signed, 'ID')
  if (id === undefined || id === '' || attributeOf(reference, 'URI') !== `#${id}`)
    refuseSaml('sig-reference', {
      at: pathOf(reference),
      expected: 'the ID of the element that carries the signature',
    })
  const [transforms, method, value, ...rest] = partsOf(reference)
  if (!isElement(transforms, ns.ds, 'Transforms'))
    return refuseSaml('sig-transform', { at: pathOf(reference) })
  if (!isElement(method, ns.ds, 'DigestMethod') || !isElement(value, ns.ds, 'DigestValue') || rest.length > 0)
    return refuseSaml('sig-structure', { at: pathOf(reference) })
  plainAttributes(method, ['Algorithm'])
  plainAttributes(value, [])
  if (childElements(method).length > 0) refuseSaml('sig-structure', { at: pathOf(method) })
  const uri = attributeOf(method, 'Algorithm')
  const digest =
    digestAlgorithms.get(uri ?? '') ?? refuseSaml('sig-digest-algorithm', { at: pathOf(method), found: uri })
  return { inclusivePrefixes: readTransforms(transforms), digest, digestValue: base64Leaf(value) }
}

function readTransforms(transforms: XmlElement): readonly string[] {
  plainAttributes(transforms, [])
  const [first, second, ...rest] = partsOf(transforms)
  for (const each of childElements(transforms)) {
    if (!isElement(each, ns.ds, 'Transform')) refuseSaml('sig-structure', { at: pathOf(each) })
    plainAttributes(each, ['Algorithm'])
    if (c14nFamily.has(attributeOf(each, 'Algorithm') ?? ''))
      refuseSaml('sig-c14n', { at: pathOf(each), found: attributeOf(each, 'Algorithm') })
  }
  if (
    !first ||
    !second ||
    rest.length > 0 ||
    attributeOf(first, 'Algorithm') !== enveloped ||
    attributeOf(second, 'Algorithm') !== ns.ec ||
    childElements(first).length > 0
  )
    return refuseSaml('sig-transform', {
      at: pathOf(transforms),
      expected: 'enveloped signature, exclusive C14N',
    })
  const [prefixes, ...more] = partsOf(second)
  if (!prefixes) return []
  if (!isElement(prefixes, ns.ec, 'InclusiveNamespaces') || more.length > 0 || prefixes.children.length > 0)
    return refuseSaml('sig-transform', { at: pathOf(second) })
  plainAttributes(prefixes, ['PrefixList'])
  return (attributeOf(prefixes, 'PrefixList') ?? '')
    .split(/[ \t\n\r]+/)
    .filter((prefix) => prefix !== '')
    .map((prefix) => (prefix === '#default' ? '' : prefix))
}

function checkCanonicalization(method: XmlElement): void {
  plainAttributes(method, ['Algorithm'])
  if (attributeOf(method, 'Algorithm') !== ns.ec)
    refuseSaml('sig-c14n', { at: pathOf(method), found: attributeOf(method, 'Algorithm') })
  if (method.children.some((child) => child.kind === 'element'))
    refuseSaml('sig-structure', { at: pathOf(method) })
}

const algorithmOf = (uri: string | undefined, at: string): SignatureAlgorithm =>
  signatureAlgorithms.get(uri ?? '') ?? refuseSaml('sig-algorithm', { at, found: uri })

function fittingKeys(algorithm: SignatureAlgorithm, keys: readonly PinnedKey[]): readonly PinnedKey[] {
  const fitting = keys.filter(({ key }) => fits(algorithm, key))
  if (fitting.length === 0)
    refuseSaml('sig-key', { expected: algorithm.uri, found: keys.map(({ key }) => key.asymmetricKeyType) })
  return fitting
}

function verifyOne(read: ReadSignature, keys: readonly PinnedKey[]): string {
  const fitting = fittingKeys(read.algorithm, keys)
  const signedInfo = Buffer.from(canonicalize(read.signedInfo))
  const fitted = fitting.find(({ key }) => verifies(read.algorithm, key, signedInfo, read.signatureValue))
  if (!fitted)
    return refuseSaml('sig-value', {
      at: pathOf(read.signature),
      expected: fitting.map(({ fingerprint }) => fingerprint),
    })
  const canonical = canonicalize(read.signed, {
    omit: read.signature,
    inclusivePrefixes: read.inclusivePrefixes,
  })
  const digest = createHash(read.digest).update(canonical).digest()
  if (digest.length !== read.digestValue.length || !timingSafeEqual(digest, read.digestValue))
    refuseSaml('sig-digest', { at: pathOf(read.signed) })
  return fitted.fingerprint
}

/** Child elements of a part that holds nothing else but white space. */
function partsOf(element: XmlElement): readonly XmlElement[] {
  for (const child of element.children)
    if (child.kind === 'text' && /[^ \t\n\r]/.test(child.value))
      refuseSaml('sig-structure', { at: pathOf(element) })
  return childElements(element)
}

function plainAttributes(element: XmlElement, allowed: readonly string[]): void {
  for (const { namespace, local } of element.attributes)
    if (namespace !== '' || !allowed.includes(local))
      refuseSaml('sig-structure', { at: pathOf(element), found: local })
}

function base64Leaf(element: XmlElement): Buffer {
  if (childElements(element).length > 0) refuseSaml('sig-structure', { at: pathOf(element) })
  const text = textOf(element).replaceAll(/[ \t\n\r]/g, '')
  const bytes = Buffer.from(text, 'base64')
  if (text === '' || bytes.toString('base64') !== text)
    refuseSaml('sig-structure', { at: pathOf(element), expected: 'base64' })
  return bytes
}
