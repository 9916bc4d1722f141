import { attributeOf, childElements, isElement, pathOf } from '#xml'
import type { XmlElement } from '#xml'
import { refuseSaml } from './codes.ts'
import { readNameId } from './name-id.ts'
import type { NameId } from './name-id.ts'
import { ns } from './names.ts'
import { checkAttributes, expectEmpty, inAnyOrder, inOrder, leafText, many, one, optional } from './shape.ts'

/** Which context classes a service provider wants, and how they compare (SAML Core §3.3.2.2.1). */
export type RequestedContext = {
  readonly comparison: 'exact' | 'minimum' | 'maximum' | 'better'
  /** Empty when only declarations were asked for, which we do not know. */
  readonly classRefs: readonly string[]
}

/** What a service provider asks for the name it gets (SAML Core §3.4.1.1). */
export type NameIdPolicy = {
  readonly format: string | undefined
  readonly spNameQualifier: string | undefined
  readonly allowCreate: boolean | undefined
}

/** What an AuthnRequest asks (SAML Core §3.4.1). */
export type AuthnRequest = {
  readonly acsUrl: string | undefined
  readonly acsIndex: number | undefined
  readonly protocolBinding: string | undefined
  readonly forceAuthn: boolean
  readonly isPassive: boolean
  readonly subject: NameId | undefined
  readonly nameIdPolicy: NameIdPolicy | undefined
  readonly requestedContext: RequestedContext | undefined
}

const comparisons = ['exact', 'minimum', 'maximum', 'better'] as const

/**
 * Gate step 3 for an AuthnRequest. Extensions, ProviderName, Consent and Scoping are skipped: nothing of them is
 * shown or decides anything.
 *
 * @throws Failure malformed saml/shape-…
 */
export function readAuthnRequest(root: XmlElement): AuthnRequest {
  checkAttributes(root, {
    required: ['ID', 'Version', 'IssueInstant'],
    optional: [
      'Destination',
      'Consent',
      'ForceAuthn',
      'IsPassive',
      'AssertionConsumerServiceIndex',
      'AssertionConsumerServiceURL',
      'ProtocolBinding',
      'AttributeConsumingServiceIndex',
      'ProviderName',
    ],
  })
  const parts = inOrder(
    root,
    one(ns.saml, 'Issuer'),
    optional(ns.ds, 'Signature'),
    optional(ns.samlp, 'Extensions'),
    optional(ns.saml, 'Subject'),
    optional(ns.samlp, 'NameIDPolicy'),
    optional(ns.saml, 'Conditions'),
    optional(ns.samlp, 'RequestedAuthnContext'),
    optional(ns.samlp, 'Scoping'),
  )
  const [subject, policy, context] = ['Subject', 'NameIDPolicy', 'RequestedAuthnContext'].map((name) =>
    parts.first(name),
  )
  return {
    acsUrl: attributeOf(root, 'AssertionConsumerServiceURL'),
    acsIndex: indexOf(root),
    protocolBinding: attributeOf(root, 'ProtocolBinding'),
    forceAuthn: booleanOf(root, 'ForceAuthn') ?? false,
    isPassive: booleanOf(root, 'IsPassive') ?? false,
    subject: subject && readSubject(subject),
    nameIdPolicy: policy && readNameIdPolicy(policy),
    requestedContext: context && readContext(context),
  }
}

/** xs:boolean with its white space collapsed; `AllowCreate="1"` is common. */
function booleanOf(element: XmlElement, name: string): boolean | undefined {
  const text = attributeOf(element, name)?.trim()
  if (text === undefined) return undefined
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  return refuseSaml('shape-attribute', { at: pathOf(element), expected: `${name}: true or false` })
}

function indexOf(root: XmlElement): number | undefined {
  const text = attributeOf(root, 'AssertionConsumerServiceIndex')?.trim()
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    refuseSaml('shape-attribute', { at: 'AssertionConsumerServiceIndex', expected: '0 to 65535' })
  return Number(text)
}

/** A hint whom the service provider expects. How that subject would be confirmed is not ours to judge. */
function readSubject(subject: XmlElement): NameId | undefined {
  checkAttributes(subject)
  const nameId = inOrder(subject, optional(ns.saml, 'NameID'), many(ns.saml, 'SubjectConfirmation')).first(
    'NameID',
  )
  return nameId && readNameId(nameId)
}

function readNameIdPolicy(policy: XmlElement): NameIdPolicy {
  checkAttributes(policy, { optional: ['Format', 'SPNameQualifier', 'AllowCreate'] })
  expectEmpty(policy)
  return {
    format: attributeOf(policy, 'Format'),
    spNameQualifier: attributeOf(policy, 'SPNameQualifier'),
    allowCreate: booleanOf(policy, 'AllowCreate'),
  }
}

function readContext(context: XmlElement): RequestedContext {
  checkAttributes(context, { optional: ['Comparison'] })
  const parts = inAnyOrder(context, [
    many(ns.saml, 'AuthnContextClassRef'),
    many(ns.saml, 'AuthnContextDeclRef'),
  ])
  const wanted = attributeOf(context, 'Comparison') ?? 'exact'
  const comparison =
    comparisons.find((each) => each === wanted) ??
    refuseSaml('shape-attribute', { at: pathOf(context), expected: comparisons, found: wanted })
  for (const each of parts.all('AuthnContextDeclRef')) leafText(each)
  return { comparison, classRefs: parts.all('AuthnContextClassRef').map((each) => leafText(each).trim()) }
}

/** The Issuer of a request, read before anything is verified, only to know whose keys to try. */
export function claimedIssuer(root: XmlElement): string {
  const [issuer] = childElements(root)
  if (!isElement(issuer, ns.saml, 'Issuer'))
    return refuseSaml('shape-element', { at: 'Issuer', found: 'missing' })
  return leafText(issuer, { optional: ['Format', 'NameQualifier', 'SPNameQualifier'] })
}
