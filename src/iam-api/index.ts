/**
 * The IAM Query API 2010-05-08 on the AWS wire, at the root of the origin. `rules.ts` says what each operation is
 * authorized for, `operations/` what it does; the tables are those of `#directory`, `#iam` and `#mfa`.
 *
 * URLs: `POST /` and `GET /?Action=…`, routed and authenticated by `#sts`.
 */
export { createIamApi } from './api.ts'
export { iamSettings } from './config.ts'
export type { IamSettings } from './config.ts'
export type { IamApiNeeds } from './needs.ts'
