import type { KeyObject } from 'node:crypto'
import { Failure, isFailure } from '#kernel'
import { refuseSaml } from './codes.ts'
import type { SamlCode } from './codes.ts'
import { verifyResponse } from './gate.ts'
import { parseIdpMetadata, requireCurrent } from './metadata.ts'
import type { IdpMetadata } from './metadata.ts'
import { checkNameId } from './name-id.ts'
import {
  checkAddressees,
  checkDestination,
  checkIssuer,
  checkStatus,
  checkTimes,
  defaultSkew,
} from './semantics.ts'
import { decodeBase64, decodeUtf8 } from './transport.ts'

/** What AssumeRoleWithSAML brings: whose assertion it says it is, and for whom it must have been made. */
export type StsAssertionRequest = {
  /** The metadata document of the IAM SAML provider that PrincipalArn names. */
  readonly metadata: string
  /** ARN of that provider and its account, for the log. */
  readonly providerArn: string
  readonly accountId: string
  /** SAMLAssertion as received: base64 of a Response. */
  readonly assertion: string
  /** Our STS sign-in endpoints, and AWS's where the provider opted in. */
  readonly recipients: readonly string[]
  /** The same and our entityID. */
  readonly audiences: readonly string[]
  readonly now: Temporal.Instant
  /** The provider's own RSA private keys, when its assertions come encrypted. */
  readonly decryptionKeys?: readonly KeyObject[]
}

/** What a verified assertion says, as STS uses it. `recipient` is what AWS calls Audience. */
export type StsAssertion = {
  readonly issuer: string
  readonly nameId: string
  /** The NameID's Format, whole. */
  readonly nameIdFormat: string
  readonly recipient: string
  /** Values by attribute Name, in document order. */
  readonly attributes: ReadonlyMap<string, readonly string[]>
  readonly sessionNotOnOrAfter: Temporal.Instant | undefined
  readonly assertionId: string
  readonly issueInstant: Temporal.Instant
  /** The earlier of the confirmation's and the conditions' end. */
  readonly notOnOrAfter: Temporal.Instant
}

/** Where metadata becomes keys; `cachedMetadataReader` keeps them. */
export type StsAssertionNeeds = { readonly readMetadata: (xml: string) => IdpMetadata }

/** AWS's bounds of SAMLAssertion, in characters. */
const [minCharacters, maxCharacters] = [4, 100_000]
/** An assertion can be redeemed this long from IssueInstant (AWS: within 5 minutes of issuance). */
const redeemable = Temporal.Duration.from({ minutes: 5 })

/**
 * Verifies the assertion of an AssumeRoleWithSAML call: the whole gate with the provider's keys, then issuer, times,
 * addressees and NameID. Whether it was used before, and what its attributes allow, STS decides.
 *
 * @throws Failure with reason `saml/<code>`; kind expired for times, and AWS's message where it is known
 */
export function verifyStsAssertion(needs: StsAssertionNeeds, request: StsAssertionRequest): StsAssertion {
  try {
    return verify(needs, request)
  } catch (thrown) {
    throw inWordsOfSts(thrown)
  }
}

function verify(needs: StsAssertionNeeds, request: StsAssertionRequest): StsAssertion {
  const { assertion: encoded, recipients, audiences, now } = request
  if (encoded.length < minCharacters)
    refuseSaml('in-base64', { expected: minCharacters, found: encoded.length })
  const xml = decodeUtf8(decodeBase64(encoded, maxCharacters))
  const metadata = needs.readMetadata(request.metadata)
  requireCurrent(metadata, now)
  const { response, assertion, isResponseSigned } = verifyResponse(
    xml,
    metadata.signingKeys,
    request.decryptionKeys,
  )
  checkStatus(response)
  if (!assertion) return refuseSaml('shape-assertion-count')
  checkIssuer(response, assertion, metadata.entityId)
  checkTimes(assertion, now, { maxAge: redeemable, skew: defaultSkew })
  checkDestination(response, isResponseSigned, recipients)
  checkAddressees(assertion, recipients, audiences)
  checkNameId(assertion.nameId)
  const { conditions, confirmation, authnStatements } = assertion
  return {
    issuer: assertion.issuer,
    nameId: assertion.nameId.value,
    nameIdFormat: assertion.nameId.format,
    recipient: confirmation.recipient ?? '',
    attributes: assertion.attributes,
    sessionNotOnOrAfter: earliest(authnStatements.map((statement) => statement.sessionNotOnOrAfter)),
    assertionId: assertion.id,
    issueInstant: assertion.issueInstant,
    notOnOrAfter: earliest([conditions.notOnOrAfter, confirmation.notOnOrAfter]) ?? confirmation.notOnOrAfter,
  }
}

const earliest = (times: readonly (Temporal.Instant | undefined)[]): Temporal.Instant | undefined =>
  times.filter((time) => time !== undefined).toSorted((one, other) => Temporal.Instant.compare(one, other))[0]

/** Messages that AWS's clients know, by code or by the code's family. */
const stsWords: readonly (readonly [SamlCode | 'sig-', string])[] = [
  ['sig-', 'Response signature invalid'],
  ['ctx-issuer', 'Issuer not present in specified provider'],
  ['ctx-issue-instant', 'Token must be redeemed within 5 minutes of issuance'],
  ['ctx-expired', 'Response has expired'],
  ['ctx-confirmation-expired', 'Response has expired'],
  ['ctx-session-expired', 'Response has expired'],
]

function inWordsOfSts(thrown: unknown): unknown {
  if (!isFailure(thrown)) return thrown
  const words = stsWords.find(([code]) => thrown.reason.startsWith(`saml/${code}`))?.[1]
  if (words === undefined) return thrown
  return new Failure(thrown.kind, thrown.reason, words, thrown.detail, { cause: thrown })
}

/**
 * A metadata reader that remembers what it read, least recently used out first, since parsing keys costs more than a
 * signature. `parse` is what it remembers the results of.
 */
export function cachedMetadataReader(
  maxDocuments = 256,
  parse: (xml: string) => IdpMetadata = (xml) =>
    parseIdpMetadata(xml, { maxLength: 10_000_000, loopbackHttp: true }),
): (xml: string) => IdpMetadata {
  const known = new Map<string, IdpMetadata>()
  return (xml) => {
    const found = known.get(xml) ?? parse(xml)
    known.delete(xml)
    known.set(xml, found)
    for (const oldest of known.keys()) {
      if (known.size <= maxDocuments) break
      known.delete(oldest)
    }
    return found
  }
}
