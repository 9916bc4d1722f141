import { policyRefs, readPolicy, type AuthorizeNeeds } from '#iam'
import { refuse } from '#kernel'

import type { Tag } from './claims.ts'

/** What limits a session: a policy of its own, and managed policies by ARN. */
export type SessionLimits = {
  readonly policy?: string | undefined
  readonly policyArns?: readonly string[] | undefined
}

const maxPolicyCharacters = 2_048
const maxPolicyArns = 10
const maxTags = 50

/** Refuses what AWS finds in the values, after the constraints of the model: `InvalidParameterValue`. */
export const invalidValue = (message: string): never => refuse('malformed', 'sts/invalid-value', message)

/** Refuses a request as AWS's validation does. */
export const invalid = (message: string): never => refuse('malformed', 'sts/invalid-request', message)

/**
 * Reads a session's policies.
 *
 * @throws Failure malformed `iam/malformed-policy`, `sts/invalid-request`
 */
export async function readSessionLimits(
  { database, builtInPolicies }: AuthorizeNeeds,
  accountId: string,
  { policy, policyArns = [] }: SessionLimits,
): Promise<{ readonly sessionPolicy?: string | undefined; readonly sessionPolicyArns: readonly string[] }> {
  if (policy !== undefined) {
    // The model leaves AssumeRole's policy open; the limit is the same everywhere.
    if (policy.length > maxPolicyCharacters) {
      invalid(
        `1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to ${maxPolicyCharacters}`,
      )
    }
    readPolicy(policy, 'session')
  }
  if (policyArns.length > maxPolicyArns) {
    invalid(
      `1 validation error detected: Value '[…]' at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to ${maxPolicyArns}`,
    )
  }
  const own = `arn:aws:iam::${accountId}:policy/`
  const found = await policyRefs(database, builtInPolicies, policyArns)
  const missing = policyArns.find(
    (arn) =>
      !(arn.startsWith(own) || arn.startsWith('arn:aws:iam::aws:policy/')) ||
      !found.some(({ id }) => id === arn),
  )
  if (missing !== undefined) {
    refuse(
      'malformed',
      'iam/malformed-policy',
      `The policy ${missing} does not exist in the account of the session.`,
    )
  }
  return { sessionPolicy: policy, sessionPolicyArns: [...new Set(policyArns)] }
}

/**
 * Refuses tags that cannot be: too many, two that differ by case alone, reserved ones, transitive keys without a tag.
 *
 * @throws Failure malformed `sts/invalid-request`, `sts/invalid-value`
 */
export function checkTags(tags: readonly Tag[], transitiveTagKeys: readonly string[]): void {
  if (tags.length > maxTags) invalid(`A session can have at most ${maxTags} tags.`)
  const keys = new Set(tags.map(({ key }) => key.toLowerCase()))
  if (keys.size !== tags.length) {
    invalidValue('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
  }
  if ([...keys].some((key) => key.startsWith('aws:'))) invalidValue('Tag keys cannot begin with "aws:".')
  if (transitiveTagKeys.some((key) => !keys.has(key.toLowerCase()))) {
    invalidValue('The specified transitive tag key must be included in the requested tags.')
  }
}

/**
 * The seconds a role session lasts. What is asked for is given or refused, never shortened in silence.
 *
 * @throws Failure malformed `sts/invalid-request`
 */
export function roleSessionSeconds(
  asked: number | undefined,
  { maxSessionSeconds, chained }: { readonly maxSessionSeconds: number; readonly chained: boolean },
): number {
  const seconds = asked ?? 3_600
  if (seconds > maxSessionSeconds) {
    invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.')
  }
  if (chained && seconds > 3_600) {
    invalid(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    )
  }
  return seconds
}

/** Names of sessions and sources: the form AWS allows. */
export const isSessionName = (name: string): boolean => /^[\w+=,.@-]{2,64}$/.test(name)
