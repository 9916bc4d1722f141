import type { Factors } from '#mfa'
import type { Progress } from './pending.ts'
import type { Requirement } from './requirement.ts'

/** What the browser is asked next. */
export type Step =
  | 'identify'
  | 'password'
  | 'totp'
  | 'recovery-code'
  | 'enrol-totp'
  | 'keep-codes'
  /** The password was given by somebody else: choose an own one. */
  | 'new-password'
  /** Nothing: everything asked for is proved. */
  | 'done'

/** Whether the proofs hold a second factor. */
export const hasSecondFactor = (progress: Progress): boolean =>
  progress.proofs.some(({ factor }) => ['totp', 'recovery-code', 'passkey', 'upstream-mfa'].includes(factor))

/**
 * The next step, from what is stored alone: steps never lead to one another.
 *
 * @param factors of the user who proved to be it; absent while nobody did
 * @param mustChange the password that was used is to be changed first
 */
export function nextStep(
  progress: Progress,
  requirement: Requirement,
  factors: Factors | undefined,
  mustChange = false,
): Step {
  if (progress.userId === undefined || factors === undefined)
    return progress.identifier === undefined ? 'identify' : 'password'
  if (progress.codes !== undefined) return 'keep-codes'
  const byPassword = progress.proofs.some(({ factor }) => factor === 'password')
  const end = byPassword && mustChange ? 'new-password' : 'done'
  if (hasSecondFactor(progress)) return end
  // Who has a second factor here is asked for it after a password; an upstream's sign-in is enough unless more is wanted.
  const wanted = requirement.requireMfa || progress.policyWantsMfa === true
  if (factors.totp.length > 0 && (wanted || byPassword)) {
    return progress.wantsRecoveryCode === true && factors.recoveryCodesLeft > 0 ? 'recovery-code' : 'totp'
  }
  return wanted ? 'enrol-totp' : end
}
