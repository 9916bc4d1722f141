import type { Audit } from '#audit'
import type { Transaction } from '#database'
import { callerIdentity, demand, findRoleByArn } from '#iam'
import { refuse } from '#kernel'
import type { StsNeeds } from '#sts'
import type { ApiCaller } from './caller.ts'

/** What changes of things of the caller's own account stand on. */
type ChangeNeeds = { readonly sts: StsNeeds; readonly audit: Audit }

/** Changes of things of the caller's account: each and its event of this source, together or not at all. */
export const changesOf =
  (source: string) =>
  <Answer>(
    { sts, audit }: ChangeNeeds,
    { caller, from }: ApiCaller,
    event: string,
    arn: string,
    parameters: object,
    work: (tx: Transaction) => Promise<Answer>,
  ): Promise<Answer> =>
    sts.database.transaction(async (tx) => {
      const answer = await work(tx)
      await audit.record(tx, {
        source,
        name: event,
        by: callerIdentity(caller),
        request: from,
        accountId: caller.accountId,
        parameters: { name: arn.slice(arn.lastIndexOf('/') + 1), ...parameters },
        resources: [{ ARN: arn }],
      })
      return answer
    })

/**
 * Refuses a role that the caller may not hand on to a service, or that is none of the account's.
 *
 * @param member the member of the body that named it
 * @throws Failure forbidden iam/denied; malformed api/body
 */
export async function requirePassRole(
  { sts }: Pick<ChangeNeeds, 'sts'>,
  by: ApiCaller,
  { arn, service, member }: { readonly arn: string; readonly service: string; readonly member: string },
): Promise<void> {
  const { accountId } = by.caller
  await demand(sts, {
    ...by,
    action: 'iam:PassRole',
    resource: { arn, accountId },
    context: [['iam:PassedToService', service]],
  })
  const role = await findRoleByArn(sts.database, arn)
  if (role === undefined || role.accountId !== accountId)
    refuse('malformed', 'api/body', `${member}: There is no role ${arn} in this account.`)
}
