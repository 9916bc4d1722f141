import type { KeyObject } from 'node:crypto'
import { element } from '#xml'
import type { CanonicalXml, ElementTemplate } from '#xml'
import { encryptAssertion } from './encrypt.ts'
import type { NameId } from './name-id.ts'
import { bearer, nameIdFormats, statuses } from './names.ts'
import type { StatusName } from './names.ts'
import { newId, signElement, timeText, writeSaml } from './sign.ts'
import type { Signer } from './sign.ts'

/** Who answers what, to whom. `inResponseTo` undefined: nobody asked. */
export type Answer = {
  readonly issuer: string
  readonly destination: string
  readonly inResponseTo: string | undefined
  readonly now: Temporal.Instant
}

/** What an assertion of ours says. */
export type Statement = {
  readonly audience: string
  readonly nameId: NameId
  readonly sessionIndex: string
  readonly authnInstant: Temporal.Instant
  readonly sessionNotOnOrAfter: Temporal.Instant
  readonly contextClass: string
  /** Values by attribute name; a name without values is left out. */
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

/** How long an assertion can be presented. */
const life = Temporal.Duration.from({ minutes: 5 })
/** How much a receiver's clock may be behind ours. */
const early = Temporal.Duration.from({ seconds: 60 })

const issuerOf = (issuer: string): ElementTemplate => element('saml:Issuer', {}, issuer)

const status = (top: StatusName, second?: StatusName): ElementTemplate =>
  element(
    'samlp:Status',
    {},
    element(
      'samlp:StatusCode',
      { Value: statuses[top] },
      second && element('samlp:StatusCode', { Value: statuses[second] }),
    ),
  )

const message = (
  name: string,
  answer: Answer,
  ...children: (ElementTemplate | CanonicalXml)[]
): ElementTemplate =>
  element(
    name,
    {
      ID: newId(),
      Version: '2.0',
      IssueInstant: timeText(answer.now),
      Destination: answer.destination,
      InResponseTo: answer.inResponseTo,
    },
    issuerOf(answer.issuer),
    ...children,
  )

/**
 * A successful Response with one assertion (SAML Profiles §4.1.4.2), in this order: the assertion is signed, encrypted, and
 * the whole is signed, each where the app wants it.
 *
 * @param encryptFor the app's RSA key for encryption; undefined: not encrypted
 */
export async function writeResponse(
  answer: Answer,
  statement: Statement,
  sign: 'assertion' | 'response' | 'both',
  signer: Signer,
  encryptFor?: KeyObject,
): Promise<string> {
  const template = assertion(answer, statement)
  const plain = sign === 'response' ? writeSaml(template) : await signElement(template, signer)
  const piece = encryptFor === undefined ? plain : encryptAssertion(plain, encryptFor)
  const response = message('samlp:Response', answer, status('Success'), piece)
  return (sign === 'assertion' ? writeSaml(response) : await signElement(response, signer)).canonical
}

/** A signed Response that says why there is no assertion. */
export const writeError = async (
  answer: Answer,
  top: StatusName,
  second: StatusName | undefined,
  signer: Signer,
): Promise<string> =>
  (await signElement(message('samlp:Response', answer, status(top, second)), signer)).canonical

/** A LogoutResponse, signed inside for the POST binding, or plain for Redirect, which signs its octets. */
export async function writeLogoutResponse(
  answer: Answer,
  second: 'PartialLogout' | undefined,
  signer: Signer | undefined,
): Promise<string> {
  const template = message('samlp:LogoutResponse', answer, status('Success', second))
  return (signer ? await signElement(template, signer) : writeSaml(template)).canonical
}

function assertion(answer: Answer, statement: Statement): ElementTemplate {
  const { now, issuer, destination, inResponseTo } = answer
  const end = timeText(now.add(life))
  return element(
    'saml:Assertion',
    { ID: newId(), Version: '2.0', IssueInstant: timeText(now) },
    issuerOf(issuer),
    element(
      'saml:Subject',
      {},
      writeNameId(statement.nameId),
      element(
        'saml:SubjectConfirmation',
        { Method: bearer },
        element('saml:SubjectConfirmationData', {
          NotOnOrAfter: end,
          Recipient: destination,
          InResponseTo: inResponseTo,
        }),
      ),
    ),
    element(
      'saml:Conditions',
      { NotBefore: timeText(now.subtract(early)), NotOnOrAfter: end },
      element('saml:AudienceRestriction', {}, element('saml:Audience', {}, statement.audience)),
    ),
    element(
      'saml:AuthnStatement',
      {
        AuthnInstant: timeText(statement.authnInstant),
        SessionIndex: statement.sessionIndex,
        SessionNotOnOrAfter: timeText(statement.sessionNotOnOrAfter),
      },
      element('saml:AuthnContext', {}, element('saml:AuthnContextClassRef', {}, statement.contextClass)),
    ),
    attributeStatement(statement.attributes),
  )
}

const writeNameId = ({ value, format, nameQualifier, spNameQualifier }: NameId): ElementTemplate =>
  element(
    'saml:NameID',
    {
      Format: format === nameIdFormats.unspecified ? undefined : format,
      NameQualifier: nameQualifier,
      SPNameQualifier: spNameQualifier,
    },
    value,
  )

function attributeStatement(attributes: Statement['attributes']): ElementTemplate | undefined {
  const written = [...attributes]
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) =>
      element(
        'saml:Attribute',
        { Name: name, NameFormat: nameFormatOf(name) },
        ...values.map((value) => element('saml:AttributeValue', {}, value)),
      ),
    )
  return written.length === 0 ? undefined : element('saml:AttributeStatement', {}, ...written)
}

/** A name that is a URI says so; others are basic (SAML Core §8.2). */
const nameFormatOf = (name: string): string =>
  `urn:oasis:names:tc:SAML:2.0:attrname-format:${/^(?:urn:|https?:)/.test(name) ? 'uri' : 'basic'}`
