import type { Handlers } from '../call.ts'
import { grantsService } from '../granted-services.ts'
import { heldPolicies, holderOf } from '../holders.ts'
import { noSuchEntity } from '../limits.ts'
import { pageOf } from '../paging.ts'
import {
  accessorsOf,
  accessReport,
  beginAccessReport,
  makeAccessReport,
  usesOfService,
  type AccessReport,
} from '../reports/access-report.ts'

/** Who used which service last, and which policies let them. */
export const accessReports = {
  GenerateServiceLastAccessedDetails: async (call) => {
    const { db, needs, accountId, input, later } = call
    // The entity exists, or nothing begins.
    await accessorsOf(call, input.Arn)
    const jobId = await beginAccessReport(db, needs.clock(), accountId, {
      arn: input.Arn,
      granularity: input.Granularity ?? 'SERVICE_LEVEL',
    })
    later(() => makeAccessReport(needs, accountId, jobId))
    return { JobId: jobId }
  },

  GetServiceLastAccessedDetails: async (call) => {
    const { db, needs, accountId, input } = call
    const report = (await accessReport(db, accountId, input.JobId)) ?? noJob(input.JobId)
    const [rows, paged] = pageOf(call, report.services)
    const tracked = report.granularity === 'ACTION_LEVEL'
    return {
      ...headOf(report, needs.clock()),
      JobType: report.granularity,
      ServicesLastAccessed: rows.map(({ service, use }) => ({
        ServiceName: names[service] ?? service,
        ServiceNamespace: service,
        TotalAuthenticatedEntities: use?.entities ?? 0,
        ...(use === undefined
          ? {}
          : {
              LastAuthenticated: use.lastAt,
              LastAuthenticatedEntity: use.by,
              LastAuthenticatedRegion: use.region,
            }),
        ...(tracked
          ? {
              TrackedActionsLastAccessed: (use?.actions ?? []).map(({ action, lastAt, by, region }) => ({
                ActionName: action,
                LastAccessedEntity: by,
                LastAccessedTime: lastAt,
                LastAccessedRegion: region,
              })),
            }
          : {}),
      })),
      ...paged,
    }
  },

  GetServiceLastAccessedDetailsWithEntities: async (call) => {
    const { db, needs, accountId, input } = call
    const report = (await accessReport(db, accountId, input.JobId)) ?? noJob(input.JobId)
    const [accessors, paged] = pageOf(call, await accessorsOf(call, report.arn))
    const EntityDetailsList = []
    for (const accessor of accessors) {
      const lastAt = await usesOfService(db, accountId, accessor, input.ServiceNamespace.toLowerCase())
      EntityDetailsList.push({
        EntityInfo: {
          Arn: accessor.arn,
          Name: accessor.name,
          Type: accessor.kind === 'user' ? ('USER' as const) : ('ROLE' as const),
          Id: accessor.id,
          Path: accessor.path,
        },
        ...(lastAt === undefined ? {} : { LastAuthenticated: lastAt }),
      })
    }
    return { ...headOf(report, needs.clock()), EntityDetailsList, ...paged }
  },

  ListPoliciesGrantingServiceAccess: async (call) => {
    const { input } = call
    const held = await heldPolicies(call, await holderOf(call, input.Arn))
    const [namespaces, paged] = pageOf(call, input.ServiceNamespaces)
    return {
      PoliciesGrantingServiceAccess: namespaces.map((ServiceNamespace) => ({
        ServiceNamespace,
        Policies: held
          .filter(({ policy }) => grantsService(policy, ServiceNamespace.toLowerCase()))
          .map(({ type, name, arn, owner }) =>
            type === 'MANAGED'
              ? { PolicyName: name, PolicyType: type, PolicyArn: arn }
              : {
                  PolicyName: name,
                  PolicyType: type,
                  EntityType: { user: 'USER', group: 'GROUP', role: 'ROLE' }[owner.kind] as
                    'USER' | 'GROUP' | 'ROLE',
                  EntityName: owner.name,
                },
          ),
      })),
      ...paged,
    }
  },
} satisfies Handlers

const names: Readonly<Record<string, string>> = {
  iam: 'Identity and Access Management',
  sts: 'Security Token Service',
  signet: 'Signet',
}

const noJob = (id: string): never => noSuchEntity(`There is no report with the job id ${id}.`)

/** A job that has not ended after so many minutes died with its process. */
const minutesAlive = 10

function headOf({ createdAt, completedAt }: AccessReport, now: Temporal.Instant) {
  if (completedAt !== undefined)
    return { JobStatus: 'COMPLETED' as const, JobCreationDate: createdAt, JobCompletionDate: completedAt }
  const died = Temporal.Instant.compare(now, createdAt.add({ minutes: minutesAlive })) > 0
  return {
    JobStatus: died ? ('FAILED' as const) : ('IN_PROGRESS' as const),
    JobCreationDate: createdAt,
    // The model wants a date; while nothing is complete it says nothing.
    JobCompletionDate: createdAt,
    ...(died
      ? { Error: { Code: 'ServiceFailure', Message: 'The report was not finished. Ask for another.' } }
      : {}),
  }
}
