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

/**
 * Refuses what is no ARN at all, before anything is looked up: six fields, none of partition, service and resource
 * empty. An ARN that names no role is refused as a role that does not trust the caller is.
 *
 * @throws Failure malformed `sts/invalid-request`
 */
export function requireArn(text: string): void {
  if (!/^arn:[^:]+:[^:]+:[^:]*:[^:]*:./.test(text)) invalid(`${text.slice(0, 256)} is invalid`)
}
