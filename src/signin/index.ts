/**
 * Signing in: the steps between "this browser is nobody" and "this browser is a user". Knows no protocol: whoever wants
 * somebody signed in calls `assess` (is the session enough?) and `begin` (then ask), and is called back by its resumer.
 *
 * A dispatcher decides each step from what is stored; steps never lead to one another. URLs: `/login/:id`, `/go/:id`,
 * `/signout`. Owns the tables `signin_pending`, `signin_go`, `known_device` and `signin_bucket`.
 */
export { begin, finishUpstream } from './begin.ts'
export { createBuckets } from './buckets.ts'
export type { Buckets } from './buckets.ts'
export { beginSession } from './finish.ts'
export { deviceOf } from './known-device.ts'
export { tryPassword } from './password.ts'
export { seeOther } from './dispatcher.ts'
export { createGo } from './go.ts'
export { noUpstream } from './needs.ts'
export type { Resume, SigninNeeds, SignInResult, SignOutReport, Upstream } from './needs.ts'
export type { ForApp, SigninPages, StepForm } from './pages.ts'
export { sweepSignin } from './pending.ts'
export { assess, mayUse } from './requirement.ts'
export type { Assessment, AssessNeeds, Requirement } from './requirement.ts'
export { sessionForms, signinRoutes } from './routes.ts'
export { faultOfNewPassword, mayChangePassword } from './new-password.ts'
export { judgePassword, minimumLength, passwordFaultText } from './password-rules.ts'
export type { PasswordFault, Strength } from './password-rules.ts'
