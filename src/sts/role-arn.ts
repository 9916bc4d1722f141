import { invalid } from './session-limits.ts'

/**
 * The account a role's ARN names. Any partition: SDKs of all regions come here.
 *
 * @throws Failure malformed `sts/invalid-request`
 */
export function accountOfRoleArn(arn: string): string {
  const [, accountId] = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/.exec(arn) ?? []
  return accountId ?? invalid(`Request ARN is invalid: ${arn.slice(0, 256)}`)
}
