import { type Queryable, sql } from '#database'
import { findPasswordPolicy, listCredentials, type UserCredentials } from '#directory'
import { findAccount, signingCertificatesOf, type SigningCertificate } from '#iam'
import { usersWithDevice } from '#mfa'

import type { IamApiNeeds } from '../needs.ts'

/** What is known of an account's report. */
export type CredentialReport = {
  /** When the making of one began that has not ended; absent while none is made. */
  readonly startedAt: Temporal.Instant | undefined
  readonly content: { readonly csv: string; readonly at: Temporal.Instant } | undefined
}

/** The account's report as it stands. */
export async function credentialReport(db: Queryable, accountId: string): Promise<CredentialReport> {
  const { rows } = await db.query<{
    started_at: Temporal.Instant | null
    generated_at: Temporal.Instant | null
    content: string | null
  }>(sql`select started_at, generated_at, content from credential_report where account_id = ${accountId}`)
  const [row] = rows
  return {
    startedAt: row?.started_at ?? undefined,
    content:
      row?.content === null || row?.content === undefined || row.generated_at === null
        ? undefined
        : { csv: row.content, at: row.generated_at },
  }
}

/** A making that has not ended after so many minutes died with its process. */
const minutesAlive = 10

/** Notes that a report is being made. @returns false when one is already */
export async function beginCredentialReport(
  tx: Queryable,
  accountId: string,
  now: Temporal.Instant,
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`insert into credential_report (account_id, started_at) values (${accountId}, ${now})
        on conflict (account_id) do update set started_at = excluded.started_at
          where credential_report.started_at is null
             or credential_report.started_at < ${now.subtract({ minutes: minutesAlive })}
        returning account_id`,
  )
  return rows.length > 0
}

/** AWS's columns (IAM User Guide, id_credentials_getting-report). */
const columns = [
  'user',
  'arn',
  'user_creation_time',
  'password_enabled',
  'password_last_used',
  'password_last_changed',
  'password_next_rotation',
  'mfa_active',
  'access_key_1_active',
  'access_key_1_last_rotated',
  'access_key_1_last_used_date',
  'access_key_1_last_used_region',
  'access_key_1_last_used_service',
  'access_key_2_active',
  'access_key_2_last_rotated',
  'access_key_2_last_used_date',
  'access_key_2_last_used_region',
  'access_key_2_last_used_service',
  'cert_1_active',
  'cert_1_last_rotated',
  'cert_2_active',
  'cert_2_last_rotated',
] as const

const pageSize = 500

/** Makes the report, page by page, and keeps it. */
export async function makeCredentialReport(
  { database, clock }: Pick<IamApiNeeds, 'database' | 'clock'>,
  accountId: string,
): Promise<void> {
  const maxAgeDays = (await findPasswordPolicy(database, accountId))?.maxAgeDays
  const account = await findAccount(database, accountId)
  const root = await listCredentials(database, accountId, { root: true })
  const rootCertificates = await signingCertificatesOf(database, accountId, [undefined])
  const lines = [
    columns.join(','),
    line([
      '<root_account>',
      `arn:aws:iam::${accountId}:root`,
      time(account?.createdAt),
      'not_supported',
      'not_supported',
      'not_supported',
      'not_supported',
      'false',
      ...credentialCells(root[0], rootCertificates),
    ]),
  ]
  for (let after: string | undefined; ;) {
    const users = await listCredentials(database, accountId, { after, limit: pageSize })
    const ids = users.map(({ user }) => user?.userId ?? '')
    const withDevice = new Set(await usersWithDevice(database, ids))
    const certificates = await signingCertificatesOf(database, accountId, ids)
    for (const each of users) {
      const { user, password } = each
      if (user === undefined) continue
      const own = certificates.filter(({ userId }) => userId === user.userId)
      lines.push(
        line([
          user.name,
          user.arn,
          time(user.createdAt),
          String(password !== undefined),
          password === undefined
            ? 'N/A'
            : user.passwordLastUsed === undefined
              ? 'no_information'
              : time(user.passwordLastUsed),
          time(password?.setAt),
          password === undefined || maxAgeDays === undefined
            ? 'N/A'
            : time(password.setAt.add({ hours: 24 * maxAgeDays })),
          String(withDevice.has(user.userId)),
          ...credentialCells(each, own),
        ]),
      )
    }
    if (users.length < pageSize) break
    after = users.at(-1)?.user?.name
  }
  await database.query(
    sql`update credential_report set content = ${`${lines.join('\n')}\n`}, generated_at = ${clock()}, started_at = null
        where account_id = ${accountId}`,
  )
}

/** Two access keys and two certificates, in the order in which they were made. */
function credentialCells(
  held: UserCredentials | undefined,
  certificates: readonly SigningCertificate[],
): readonly string[] {
  const keys = [0, 1].flatMap((index) => {
    const key = held?.accessKeys[index]
    return key === undefined
      ? ['false', 'N/A', 'N/A', 'N/A', 'N/A']
      : [
          String(key.status === 'Active'),
          time(key.createdAt),
          time(key.lastUsedAt),
          key.lastUsedRegion ?? 'N/A',
          key.lastUsedService ?? 'N/A',
        ]
  })
  const signing = [0, 1].flatMap((index) => {
    const certificate = certificates[index]
    return certificate === undefined
      ? ['false', 'N/A']
      : [String(certificate.status === 'Active'), time(certificate.uploadedAt)]
  })
  return [...keys, ...signing]
}

/** As AWS writes it: to the second, with the offset. */
const time = (at: Temporal.Instant | undefined): string =>
  at === undefined
    ? 'N/A'
    : at.toString({ smallestUnit: 'second', roundingMode: 'floor' }).replace('Z', '+00:00')

/** RFC 4180: a name may hold a comma. */
const line = (cells: readonly string[]): string =>
  cells.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')
