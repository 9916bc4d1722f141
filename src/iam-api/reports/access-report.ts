import { serviceLastAccessed, type Accessor, type ServiceUse } from '#analyzer'
import { type Queryable, sql } from '#database'
import { findUserById, listMembers } from '#directory'
import { findRoleById, policyHolders, type PolicyHolder } from '#iam'
import { uuid } from '#kernel'

import type { Call } from '../call.ts'
import { grantedServices } from '../granted-services.ts'
import { heldPolicies, holderOf, managedPolicy } from '../holders.ts'
import { noSuchEntity } from '../limits.ts'
import type { IamApiNeeds } from '../needs.ts'

type Asked = Pick<Call, 'db' | 'accountId' | 'needs'>

/** A report of GenerateServiceLastAccessedDetails. */
export type AccessReport = {
  /** The user, group, role or policy that it is about. */
  readonly arn: string
  readonly granularity: 'SERVICE_LEVEL' | 'ACTION_LEVEL'
  readonly createdAt: Temporal.Instant
  /** Absent while it is being made. */
  readonly completedAt: Temporal.Instant | undefined
  /** By name: what the policies allow, with the last use. */
  readonly services: readonly { readonly service: string; readonly use: ServiceUse | undefined }[]
}

/** Who could have used what a report is about. */
export type ReportedAccessor = Accessor & { readonly id: string; readonly path: string }

const policyArn = /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/./

/** Notes that a report is being made, and forgets those of before yesterday. @returns the id of the job */
export async function beginAccessReport(
  tx: Queryable,
  now: Temporal.Instant,
  accountId: string,
  request: Pick<AccessReport, 'arn' | 'granularity'>,
): Promise<string> {
  await tx.query(sql`delete from access_report where created_at < ${now.subtract({ hours: 24 })}`)
  const jobId = uuid()
  await tx.query(
    sql`insert into access_report (job_id, account_id, request, created_at)
        values (${jobId}, ${accountId}, ${JSON.stringify(request)}, ${now})`,
  )
  return jobId
}

/** A report of the account as it stands. */
export async function accessReport(
  db: Queryable,
  accountId: string,
  jobId: string,
): Promise<AccessReport | undefined> {
  const { rows } = await db.query<{
    request: string
    created_at: Temporal.Instant
    completed_at: Temporal.Instant | null
    content: string | null
  }>(
    sql`select request, created_at, completed_at, content from access_report
        where account_id = ${accountId} and job_id = ${jobId}`,
  )
  const [row] = rows
  return (
    row && {
      ...(JSON.parse(row.request) as Pick<AccessReport, 'arn' | 'granularity'>),
      createdAt: row.created_at,
      completedAt: row.completed_at ?? undefined,
      services:
        row.content === null ? [] : (JSON.parse(row.content, reviveTimes) as AccessReport['services']),
    }
  )
}

const reviveTimes = (key: string, value: unknown): unknown =>
  (key === 'lastAt' || key === 'allowedAt') && typeof value === 'string'
    ? Temporal.Instant.from(value)
    : value

/** The services that exist here whatever policies say. */
const ownServices = ['iam', 'signet', 'sts']

/** Makes a report and keeps it. */
export async function makeAccessReport(needs: IamApiNeeds, accountId: string, jobId: string): Promise<void> {
  const db = needs.database
  const report = await accessReport(db, accountId, jobId)
  if (report === undefined) return
  const asked = { db, accountId, needs }
  const uses = await serviceLastAccessed(db, { accountId, accessors: await accessorsOf(asked, report.arn) })
  const managed = policyArn.test(report.arn) ? await managedPolicy(asked, report.arn, 'identity') : undefined
  const policies =
    managed === undefined
      ? (await heldPolicies(asked, await holderOf(asked, report.arn))).map(({ policy }) => policy)
      : [managed.policy]
  const known = [...ownServices, ...uses.map(({ service }) => service)]
  const services = grantedServices(policies, known).map((service) => ({
    service,
    use: uses.find((use) => use.service === service),
  }))
  await db.query(
    sql`update access_report set content = ${JSON.stringify(services)}, completed_at = ${needs.clock()}
        where job_id = ${jobId}`,
  )
}

/** Members of a group or holders of a policy that one report takes in. */
const mostAccessors = 10_000
const pageSize = 500

/**
 * The users and roles that an ARN stands for: itself, the members of a group, or all who hold a policy.
 *
 * @throws Failure malformed iam-api/invalid-input; not-found iam-api/no-entity
 */
export async function accessorsOf(asked: Asked, arn: string): Promise<readonly ReportedAccessor[]> {
  const found = new Map<string, ReportedAccessor>()
  const members = async (groupId: string) => {
    for (let after: string | undefined; found.size < mostAccessors;) {
      const users = await listMembers(asked.db, groupId, { after, limit: pageSize })
      for (const user of users) found.set(user.userId, { ...user, kind: 'user', id: user.userId })
      if (users.length < pageSize) return
      after = users.at(-1)?.name
    }
  }
  if (policyArn.test(arn)) {
    if ((await managedPolicy(asked, arn, 'identity')) === undefined)
      return noSuchEntity(`Policy ${arn} was not found.`)
    for (let after: PolicyHolder | undefined; found.size < mostAccessors;) {
      const range = { after, limit: pageSize, use: 'PermissionsPolicy' } as const
      const holders = await policyHolders(asked.db, asked.accountId, arn, range)
      for (const { type, id } of holders) {
        if (type === 'group') await members(id)
        else await one(asked.db, type, id, found)
      }
      const last = holders.at(-1)
      if (holders.length < pageSize || last === undefined) break
      after = last
    }
    return [...found.values()]
  }
  const holder = await holderOf(asked, arn)
  if (holder.kind === 'group') await members(holder.id)
  else await one(asked.db, holder.kind, holder.id, found)
  return [...found.values()]
}

async function one(
  db: Queryable,
  kind: 'user' | 'role',
  id: string,
  found: Map<string, ReportedAccessor>,
): Promise<void> {
  const entity = await (kind === 'user' ? findUserById : findRoleById)(db, id)
  if (entity !== undefined) found.set(id, { ...entity, kind, id })
}

/** When somebody last used a service. */
export async function usesOfService(
  db: Queryable,
  accountId: string,
  accessor: Accessor,
  service: string,
): Promise<Temporal.Instant | undefined> {
  const uses = await serviceLastAccessed(db, { accountId, accessors: [accessor] })
  return uses.find((use) => use.service === service)?.lastAt
}
