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
  readonly presigned?: 'fifteen-minutes' | 'as-signed'
}

const window = Temporal.Duration.from({ minutes: 15 })

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
  const latest = rules.now.add(window)
  if (Temporal.Instant.compare(signedAt, latest) > 0) {
    refuse(
      'unauthenticated',
      'sigv4/not-yet-current',
      `Signature not yet current: ${date} is still later than ${amzDate(latest)} (${amzDate(rules.now)} + 15 min.)`,
    )
  }
  const ownLife = form === 'presigned' && rules.presigned === 'as-signed' ? expiresInSeconds : undefined
  const earliest = rules.now.subtract(ownLife === undefined ? window : { seconds: ownLife })
  if (Temporal.Instant.compare(signedAt, earliest) < 0) {
    refuse(
      'unauthenticated',
      'sigv4/expired',
      `Signature expired: ${date} is now earlier than ${amzDate(earliest)} (${amzDate(rules.now)} - ${
        ownLife === undefined ? '15 min.' : `${ownLife} s.`
      })`,
    )
  }
}

/** An instant as X-Amz-Date writes it: `yyyymmddThhmmssZ`. */
export const amzDate = (at: Temporal.Instant): string =>
  at.toString({ smallestUnit: 'second', roundingMode: 'floor' }).replaceAll(/[-:]/g, '')
