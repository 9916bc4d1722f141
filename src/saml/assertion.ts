import { attributeOf, childElements, pathOf, textOf } from '#xml'
import type { XmlElement } from '#xml'
import { refuseSaml } from './codes.ts'
import { readIssuer, readNameId } from './name-id.ts'
import type { NameId } from './name-id.ts'
import { bearer, ns } from './names.ts'
import {
  checkAttributes,
  checkVersion,
  expectEmpty,
  inAnyOrder,
  inOrder,
  leafText,
  many,
  one,
  optional,
  requiredTimeOf,
  timeOf,
} from './shape.ts'

/** How the bearer may confirm to be the subject (SAML Core §2.4.1.2). */
type Confirmation = {
  readonly recipient: string | undefined
  readonly notOnOrAfter: Temporal.Instant
  readonly inResponseTo: string | undefined
}

/** Under which circumstances an assertion counts; one list of audiences per AudienceRestriction. */
type Conditions = {
  readonly notBefore: Temporal.Instant | undefined
  readonly notOnOrAfter: Temporal.Instant | undefined
  readonly audiences: readonly (readonly string[])[]
}

/** That and how the subject signed in (SAML Core §2.7.2). */
type AuthnStatement = {
  readonly authnInstant: Temporal.Instant
  readonly sessionIndex: string | undefined
  readonly sessionNotOnOrAfter: Temporal.Instant | undefined
  readonly contextClassRef: string | undefined
}

/** What an assertion says, each value read from the element it stands in. */
export type Assertion = {
  readonly element: XmlElement
  readonly id: string
  readonly issueInstant: Temporal.Instant
  readonly issuer: string
  readonly nameId: NameId
  readonly confirmation: Confirmation
  readonly conditions: Conditions
  readonly authnStatements: readonly AuthnStatement[]
  /** Values by attribute Name, in document order. */
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

/**
 * Gate step 3 for an assertion: exactly the shape that this slice understands (SAML Core §2.3.3, narrowed).
 *
 * @throws Failure malformed saml/shape-…
 */
export function readAssertion(element: XmlElement): Assertion {
  checkVersion(element)
  checkAttributes(element, { required: ['ID', 'Version', 'IssueInstant'] })
  const head = new Set(['Issuer', 'Signature', 'Subject', 'Conditions'])
  const statements = inAnyOrder(element, [
    one(ns.saml, 'Issuer'),
    optional(ns.ds, 'Signature'),
    one(ns.saml, 'Subject'),
    one(ns.saml, 'Conditions', 'shape-conditions'),
    many(ns.saml, 'AuthnStatement', 1, 'shape-authn-statement'),
    many(ns.saml, 'AttributeStatement'),
  ])
  checkHeadOrder(element, head)
  return {
    element,
    id: attributeOf(element, 'ID') ?? '',
    issueInstant: requiredTimeOf(element, 'IssueInstant'),
    issuer: readIssuer(statements.get('Issuer')),
    ...readSubject(statements.get('Subject')),
    conditions: readConditions(statements.get('Conditions')),
    authnStatements: statements.all('AuthnStatement').map(readAuthnStatement),
    attributes: readAttributes(statements.all('AttributeStatement')),
  }
}

/** Issuer, Signature, Subject and Conditions come first and in this order; Entra and ADFS mix the statements after them. */
function checkHeadOrder(assertion: XmlElement, head: ReadonlySet<string>): void {
  const names = childElements(assertion).map(({ local }) => local)
  const expected = [...head].filter((name) => names.includes(name))
  if (names.slice(0, expected.length).join(' ') !== expected.join(' '))
    refuseSaml('shape-element', { at: pathOf(assertion), expected })
}

function readSubject(subject: XmlElement): Pick<Assertion, 'nameId' | 'confirmation'> {
  checkAttributes(subject)
  const parts = inOrder(
    subject,
    one(ns.saml, 'NameID', 'shape-nameid'),
    one(ns.saml, 'SubjectConfirmation', 'shape-confirmation'),
  )
  return {
    nameId: readNameId(parts.get('NameID')),
    confirmation: readConfirmation(parts.get('SubjectConfirmation')),
  }
}

function readConfirmation(confirmation: XmlElement): Confirmation {
  checkAttributes(confirmation, { required: ['Method'] })
  const method = attributeOf(confirmation, 'Method')
  if (method !== bearer)
    refuseSaml('shape-confirmation', { at: pathOf(confirmation), expected: bearer, found: method })
  const data = inOrder(confirmation, one(ns.saml, 'SubjectConfirmationData', 'shape-confirmation')).get(
    'SubjectConfirmationData',
  )
  if (attributeOf(data, 'NotBefore') !== undefined)
    refuseSaml('shape-confirmation', { at: pathOf(data), found: 'NotBefore' })
  checkAttributes(data, { optional: ['NotOnOrAfter', 'Recipient', 'InResponseTo', 'Address'] })
  expectEmpty(data)
  return {
    recipient: attributeOf(data, 'Recipient'),
    notOnOrAfter:
      timeOf(data, 'NotOnOrAfter') ??
      refuseSaml('shape-confirmation', { at: pathOf(data), expected: 'NotOnOrAfter' }),
    inResponseTo: attributeOf(data, 'InResponseTo'),
  }
}

function readConditions(conditions: XmlElement): Conditions {
  checkAttributes(conditions, { optional: ['NotBefore', 'NotOnOrAfter'] })
  const parts = inAnyOrder(
    conditions,
    [
      many(ns.saml, 'AudienceRestriction'),
      optional(ns.saml, 'OneTimeUse', 'shape-condition'),
      optional(ns.saml, 'ProxyRestriction', 'shape-condition'),
    ],
    'shape-condition',
  )
  for (const each of parts.all('OneTimeUse')) {
    checkAttributes(each)
    expectEmpty(each)
  }
  for (const each of parts.all('ProxyRestriction')) {
    checkAttributes(each, { optional: ['Count'] })
    readAudiences(each, 0)
  }
  return {
    notBefore: timeOf(conditions, 'NotBefore'),
    notOnOrAfter: timeOf(conditions, 'NotOnOrAfter'),
    audiences: parts.all('AudienceRestriction').map((restriction) => {
      checkAttributes(restriction)
      return readAudiences(restriction, 1)
    }),
  }
}

const readAudiences = (element: XmlElement, min: number): readonly string[] =>
  inOrder(element, many(ns.saml, 'Audience', min))
    .all('Audience')
    .map((audience) => leafText(audience))

function readAuthnStatement(statement: XmlElement): AuthnStatement {
  checkAttributes(statement, {
    required: ['AuthnInstant'],
    optional: ['SessionIndex', 'SessionNotOnOrAfter'],
  })
  const parts = inOrder(statement, optional(ns.saml, 'SubjectLocality'), one(ns.saml, 'AuthnContext'))
  for (const locality of parts.all('SubjectLocality')) {
    checkAttributes(locality, { optional: ['Address', 'DNSName'] })
    expectEmpty(locality)
  }
  const context = inOrder(
    parts.get('AuthnContext'),
    optional(ns.saml, 'AuthnContextClassRef'),
    optional(ns.saml, 'AuthnContextDeclRef'),
    many(ns.saml, 'AuthenticatingAuthority'),
  )
  checkAttributes(parts.get('AuthnContext'))
  const classRef = context.first('AuthnContextClassRef')
  const declRef = context.first('AuthnContextDeclRef')
  if (!classRef && !declRef) refuseSaml('shape-element', { at: pathOf(parts.get('AuthnContext')) })
  for (const leaf of [...context.all('AuthnContextDeclRef'), ...context.all('AuthenticatingAuthority')])
    leafText(leaf)
  return {
    authnInstant: requiredTimeOf(statement, 'AuthnInstant'),
    sessionIndex: attributeOf(statement, 'SessionIndex'),
    sessionNotOnOrAfter: timeOf(statement, 'SessionNotOnOrAfter'),
    contextClassRef: classRef && leafText(classRef),
  }
}

const anyValues = many(ns.saml, 'AttributeValue')

function readAttributes(statements: readonly XmlElement[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  for (const statement of statements) {
    checkAttributes(statement)
    for (const attribute of inOrder(statement, many(ns.saml, 'Attribute', 1)).all('Attribute')) {
      // ADFS adds its own a:OriginalIssuer: of another namespace, so it changes nothing we read.
      checkAttributes(attribute, {
        required: ['Name'],
        optional: ['NameFormat', 'FriendlyName'],
        foreign: 'ignore',
      })
      const name = attributeOf(attribute, 'Name') ?? ''
      if (found.has(name)) refuseSaml('shape-attribute-name', { at: pathOf(attribute), found: name })
      found.set(name, inOrder(attribute, anyValues).all('AttributeValue').map(readValue))
    }
  }
  return found
}

function readValue(value: XmlElement): string {
  for (const { namespace, local } of value.attributes)
    if (namespace !== ns.xsi || (local !== 'type' && local !== 'nil'))
      refuseSaml('shape-attribute', { at: pathOf(value), found: local })
  if (childElements(value).length > 0) refuseSaml('shape-element', { at: pathOf(value) })
  return textOf(value)
}
