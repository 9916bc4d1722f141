import { listUsers } from '#directory'
import { listRolesFrom } from '#iam'
import { whatCan } from '#policy'
import { serviceLastAccessed } from './last-accessed.ts'
import type { AnalyzerNeeds } from './needs.ts'
import { findSubject } from './subject.ts'

/** What a user or role is granted and has not used for so long. */
export type Unused = {
  readonly arn: string
  readonly createdAt: Temporal.Instant
  /** When it last did anything. */
  readonly lastAt: Temporal.Instant | undefined
  /** By service prefix: how many actions are granted, and those of them that were not used. */
  readonly services: readonly {
    readonly service: string
    readonly granted: number
    readonly lastAt: Temporal.Instant | undefined
    readonly unused: readonly string[]
  }[]
  /** Its policies could not be compared with what it used. */
  readonly unknown?: true
}

/** A page of the report, users before roles. */
export type UnusedPage = { readonly findings: readonly Unused[]; readonly next: string | undefined }

/**
 * What users and roles of an account are granted, by the actions of the catalogue, and have not used since a moment. Those that are
 * younger are left out, as are those who use all they have.
 *
 * @param after the `next` of the page before
 */
export async function unusedAccess(
  needs: AnalyzerNeeds,
  request: {
    readonly accountId: string
    readonly since: Temporal.Instant
    readonly actions: readonly string[]
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<UnusedPage> {
  const { accountId, limit } = request
  const [kind = 'user', ...rest] = (request.after ?? 'user').split('/')
  const after = rest.length === 0 ? undefined : rest.join('/')
  const page =
    kind === 'role'
      ? await listRolesFrom(needs.database, accountId, { after, limit })
      : await listUsers(needs.database, accountId, { after, limit })
  const findings: Unused[] = []
  for (const { arn, createdAt } of page) {
    if (Temporal.Instant.compare(createdAt, request.since) > 0) continue
    const found = await unusedBy(needs, arn, request)
    if (found) findings.push(found)
  }
  const last = page.at(-1)
  const next = page.length === limit && last ? `${kind}/${last.name}` : kind === 'role' ? undefined : 'role'
  return { findings, next }
}

async function unusedBy(
  needs: AnalyzerNeeds,
  arn: string,
  { since, actions }: { readonly since: Temporal.Instant; readonly actions: readonly string[] },
): Promise<Unused | undefined> {
  const subject = await findSubject(needs, arn)
  const { accountId, createdAt } = subject
  const used = await serviceLastAccessed(needs.database, { accountId, accessors: [subject] })
  const lastAt = used
    .map((each) => each.lastAt)
    .toSorted(Temporal.Instant.compare)
    .at(-1)
  const granted = whatCan(
    { identity: subject.identity.map(({ policy }) => policy), boundary: subject.boundary?.policy },
    actions,
  )
  if (granted === undefined) return { arn, createdAt, lastAt, services: [], unknown: true }
  const recent = new Set(
    used.flatMap(({ service, actions: all }) =>
      all
        .filter(({ allowedAt }) => allowedAt !== undefined && Temporal.Instant.compare(allowedAt, since) >= 0)
        .map(({ action }) => `${service}:${action}`.toLowerCase()),
    ),
  )
  const names = [...new Set(granted.map(({ action }) => action))]
  const services = [...Map.groupBy(names, (name) => name.slice(0, name.indexOf(':')))].map(
    ([service, all]) => ({
      service,
      granted: all.length,
      lastAt: used.find((each) => each.service === service.toLowerCase())?.lastAt,
      unused: all
        .filter((name) => !recent.has(name.toLowerCase()))
        .map((name) => name.slice(service.length + 1)),
    }),
  )
  const some = services.filter(({ unused }) => unused.length > 0)
  return some.length === 0 ? undefined : { arn, createdAt, lastAt, services: some }
}
