/**
 * Taking an account's users, groups, roles and policies over from AWS, and back: the document that `aws iam
 * get-account-authorization-details` prints (IAM API Reference, GetAccountAuthorizationDetails). No tables of its own.
 */
export { exportDetails } from './export.ts'
export { importDetails } from './import.ts'
export type { Imported } from './import.ts'
export type { ImportedThing, ImportNeeds } from './run.ts'
