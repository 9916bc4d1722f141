import type { TotpEnrolment } from '#mfa'

/** Where a form of an interaction posts to, and the two tokens it carries. */
export type StepForm = {
  readonly action: string
  /** Against cross-site requests; bound to the browser. */
  readonly csrf: string
  /** Names the step that the form is good for, under a MAC: an old form restarts instead of failing. */
  readonly step: string
}

/** The app that a sign-in is for; `null` when it is for Signet itself. */
export type ForApp = { readonly name: string } | null

type Asking = { readonly form: StepForm; readonly app: ForApp; readonly problem: string | null }

/** The pages of this slice and what each is given. */
export type SigninPages = {
  'signin/identify': Asking & {
    readonly identifier: string
    readonly notice: string | null
    readonly connections: readonly { readonly id: string; readonly label: string }[]
  }
  'signin/password': Asking & { readonly identifier: string }
  'signin/new-password': Asking & { readonly identifier: string }
  'signin/factor-totp': Asking & { readonly identifier: string; readonly hasRecoveryCodes: boolean }
  'signin/recovery-code': Asking & { readonly identifier: string }
  'signin/enrol-totp': Asking & { readonly totp: TotpEnrolment }
  'signin/recovery-codes': { readonly form: StepForm; readonly codes: readonly string[] }
  'signin/denied': {
    readonly form: StepForm
    readonly app: ForApp
    readonly identifier: string
    /** One sentence for the user. */
    readonly reason: string
    readonly requestId: string
  }
  /** `target` is an absolute URL that the server kept. */
  'signin/go': { readonly target: string }
  'signin/sign-out': { readonly userName: string; readonly csrf: string }
  'signin/signed-out': { readonly told: readonly string[]; readonly notTold: readonly string[] }
}
