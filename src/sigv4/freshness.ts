import { refuse } from '#kernel'

import type { Authorization } from './authorization.ts'

/** What a verifier asks of the time and the scope of a signature. */
export type FreshnessRules = {
  readonly now: Temporal.Instant
  /** The services this verifier is; a signature made for another one is worthless here. */
  readonly services: readonly string[]
  /**
   * How long a presigned request lives: fifteen minutes whatever it says, as STS has it, or until its own
   * X-Amz-Expires. Fifteen minutes where nothing is said.
   */
  readonly presigned?: 'fifteen-minutes' | 'as-signed' | undefined
}

const windowMilliseconds = 15 * 60_000

/**
 * Refuses a signature that is too old, too new, for another day than its scope says, or for another service.
 *
 * @throws Failure unauthenticated `sigv4/wrong-service`, `sigv4/wrong-day`, `sigv4/expired`, `sigv4/not-yet-current`
 */
export function checkFreshness(
  authorization: Pick<Authorization, 'signedAt' | 'date' | 'day' | 'service' | 'form' | 'expiresInSeconds'>,
  rules: FreshnessRules,
): void {
  const { signedAt, date, day, service, form, expiresInSeconds } = authorization
  if (!rules.services.includes(service)) {
    refuse(
      'unauthenticated',
      'sigv4/wrong-service',
      `Credential should be scoped to correct service: '${rules.services[0] ?? ''}'.`,
    )
  }
  if (!date.startsWith(day)) {
    refuse('unauthenticated', 'sigv4/wrong-day', 'Date in Credential scope does not match X-Amz-Date.')
  }
  // In milliseconds: this is asked for every request, and instants cost several times as much to add and compare.
  const [now, signed] = [rules.now.epochMilliseconds, signedAt.epochMilliseconds]
  const latest = now + windowMilliseconds
  if (signed > latest) {
    refuse(
      'unauthenticated',
      'sigv4/not-yet-current',
      `Signature not yet current: ${date} is still later than ${amzDateOf(latest)} (${amzDate(rules.now)} + 15 min.)`,
    )
  }
  const ownLife = form === 'presigned' && rules.presigned === 'as-signed' ? expiresInSeconds : undefined
  const earliest = now - (ownLife === undefined ? windowMilliseconds : ownLife * 1_000)
  if (signed < earliest) {
    refuse(
      'unauthenticated',
      'sigv4/expired',
      `Signature expired: ${date} is now earlier than ${amzDateOf(earliest)} (${amzDate(rules.now)} - ${
        ownLife === undefined ? '15 min.' : `${ownLife} s.`
      })`,
    )
  }
}

const amzDateOf = (milliseconds: number): string =>
  amzDate(Temporal.Instant.fromEpochMilliseconds(milliseconds))

/** An instant as X-Amz-Date writes it: `yyyymmddThhmmssZ`. */
export const amzDate = (at: Temporal.Instant): string =>
  at.toString({ smallestUnit: 'second', roundingMode: 'floor' }).replaceAll(/[-:]/g, '')
