/**
 * Signing in: the steps between "this browser is nobody" and "this browser is a user". Knows no protocol.
 *
 * URLs: `/login/:id`, `/go/:id`, `/signout`.
 */
export type { ForApp, SigninPages, StepForm, TotpEnrolment } from './pages.ts'
