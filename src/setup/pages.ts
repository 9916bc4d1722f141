import type { TotpEnrolment } from '#mfa'
import type { StepForm } from '#signin'

/** A field of the first form that was refused, with the sentence that says why. */
export type WelcomeErrors = {
  readonly [Field in 'organization' | 'userName' | 'mail' | 'password' | 'passwordAgain']?: string
}

/** The pages of this slice and what each is given. */
export type SetupPages = {
  'setup/unclaimed': Record<never, never>
  'setup/stale-link': { readonly why: 'unknown' | 'expired' | 'claimed' }
  'setup/welcome': {
    readonly form: StepForm
    readonly errors: WelcomeErrors
    readonly values: { readonly organization: string; readonly userName: string; readonly mail: string }
    /** Of the password that was refused, 0 to 4; `null` before the first attempt. */
    readonly strength: 0 | 1 | 2 | 3 | 4 | null
  }
  'setup/totp': { readonly form: StepForm; readonly problem: string | null; readonly totp: TotpEnrolment }
  'setup/recovery-codes': { readonly form: StepForm; readonly codes: readonly string[] }
}
