import type { Assertion } from './assertion.ts'
import { refuseSaml } from './codes.ts'
import { statuses } from './names.ts'
import type { Response } from './response.ts'

/** Clock difference that is forgiven by default. */
export const defaultSkew: Temporal.Duration = Temporal.Duration.from({ seconds: 60 })

const before = (one: Temporal.Instant, other: Temporal.Instant): boolean =>
  Temporal.Instant.compare(one, other) < 0

/**
 * Refuses an answer that is not Success. An unsigned one is believed only so far as to end what it answers.
 *
 * @throws Failure unauthenticated saml/ctx-status
 */
export function checkStatus({ status }: Response): void {
  if (status.code !== statuses.Success) refuseSaml('ctx-status', { found: [status.code, status.second] })
}

/**
 * The peer of this transaction said it: the assertion, and the response where it names an issuer.
 *
 * @throws Failure unauthenticated saml/ctx-issuer
 */
export function checkIssuer(response: Response, assertion: Assertion, entityId: string): void {
  for (const [at, found] of [
    ['Assertion/Issuer', assertion.issuer],
    ['Response/Issuer', response.issuer ?? entityId],
  ] as const)
    if (found !== entityId) refuseSaml('ctx-issuer', { at, expected: entityId, found })
}

/**
 * The message was meant for this endpoint. A signed Response must say so; an unsigned one may keep silent.
 *
 * @throws Failure unauthenticated saml/ctx-destination
 */
export function checkDestination(response: Response, isSigned: boolean, endpoints: readonly string[]): void {
  const { destination } = response
  if (destination === undefined ? isSigned : !endpoints.includes(destination))
    refuseSaml('ctx-destination', { expected: endpoints, found: destination })
}

/**
 * The bearer may present it here, and every audience restriction names us.
 *
 * @throws Failure unauthenticated saml/ctx-recipient, saml/ctx-audience
 */
export function checkAddressees(
  { confirmation, conditions }: Assertion,
  recipients: readonly string[],
  audiences: readonly string[],
): void {
  if (confirmation.recipient === undefined || !recipients.includes(confirmation.recipient))
    refuseSaml('ctx-recipient', { expected: recipients, found: confirmation.recipient })
  const restrictions = conditions.audiences
  if (
    restrictions.length === 0 ||
    !restrictions.every((list) => list.some((each) => audiences.includes(each)))
  )
    refuseSaml('ctx-audience', { expected: audiences, found: restrictions })
}

/** How old a message may be, and how far two clocks may differ. */
export type Freshness = { readonly maxAge: Temporal.Duration; readonly skew: Temporal.Duration }

/**
 * It counts now: after NotBefore, before NotOnOrAfter of conditions and confirmation, issued lately and not tomorrow,
 * and the session it tells of has not ended.
 *
 * @throws Failure expired saml/ctx-issue-instant, saml/ctx-not-yet, saml/ctx-expired, saml/ctx-confirmation-expired,
 *   saml/ctx-session-expired
 */
export function checkTimes(
  { issueInstant, conditions, confirmation, authnStatements }: Assertion,
  now: Temporal.Instant,
  { maxAge, skew }: Freshness,
): void {
  const [early, late] = [now.subtract(skew), now.add(skew)]
  if (before(late, issueInstant) || before(issueInstant, now.subtract(maxAge)))
    refuseSaml('ctx-issue-instant', {
      expected: `${now.toString()} less ${maxAge.toString()}`,
      found: issueInstant.toString(),
    })
  const { notBefore, notOnOrAfter } = conditions
  if (notBefore && before(late, notBefore))
    refuseSaml('ctx-not-yet', { expected: now.toString(), found: notBefore.toString() })
  if (notOnOrAfter && !before(early, notOnOrAfter))
    refuseSaml('ctx-expired', { expected: now.toString(), found: notOnOrAfter.toString() })
  if (!before(early, confirmation.notOnOrAfter))
    refuseSaml('ctx-confirmation-expired', {
      expected: now.toString(),
      found: confirmation.notOnOrAfter.toString(),
    })
  for (const { sessionNotOnOrAfter } of authnStatements)
    if (sessionNotOnOrAfter && !before(now, sessionNotOnOrAfter))
      refuseSaml('ctx-session-expired', { expected: now.toString(), found: sessionNotOnOrAfter.toString() })
}
