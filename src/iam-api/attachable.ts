import { lockPolicy } from '#iam'

import type { Call } from './call.ts'
import { invalidInput, noSuchEntity } from './limits.ts'

type Attaching = Pick<Call, 'db' | 'needs' | 'accountId'>

/**
 * A managed policy that is about to be attached: the account's own, or a built-in one. It
 * stays until the transaction ends.
 *
 * @throws Failure malformed iam-api/invalid-input for what is no policy's ARN; not-found iam-api/no-entity
 */
export async function requireAttachable(call: Attaching, arn: string): Promise<void> {
  if (!(await isThere(call, arn))) noSuchEntity(`Policy ${arn} does not exist or is not attachable.`)
}

/** As `requireAttachable`, for a policy that is about to become a boundary. */
export async function requireBoundary(call: Attaching, arn: string): Promise<void> {
  if (!(await isThere(call, arn))) noSuchEntity(`Scope ARN: ${arn} does not exist or is not attachable.`)
}

async function isThere({ db, needs, accountId }: Attaching, arn: string): Promise<boolean> {
  const owner = requirePolicyArn(arn)
  return owner === 'aws'
    ? needs.builtInPolicies.has(arn)
    : owner === accountId && (await lockPolicy(db, arn, 'keep')) !== undefined
}

/** The owner in a policy's ARN. @throws Failure malformed iam-api/invalid-input for what is none */
export const requirePolicyArn = (arn: string): string =>
  /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/./.exec(arn)?.[1] ?? invalidInput(`ARN ${arn} is not valid.`)

/** The boundary of a user or role, as answers have it. */
export const boundaryOf = (
  arn: string | undefined,
):
  | { readonly PermissionsBoundaryType: 'PermissionsBoundaryPolicy'; readonly PermissionsBoundaryArn: string }
  | undefined =>
  arn === undefined
    ? undefined
    : { PermissionsBoundaryType: 'PermissionsBoundaryPolicy', PermissionsBoundaryArn: arn }
