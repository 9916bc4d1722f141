import { listEvents } from '#audit'
import { type AccessFinding, checkNoNewAccess, parsePolicy } from '#policy'
import type { AnalyzerNeeds } from './needs.ts'
import type { Subject } from './subject.ts'
import { ofArn } from './uses.ts'

/** A policy for what was done, and the proof that it grants nothing new. */
export type Generated = {
  readonly document: object
  /** CheckNoNewAccess against the policies that the subject has now. */
  readonly check: AccessFinding
  /** How many events were read, and whether there were more than that. */
  readonly events: number
  readonly isComplete: boolean
}

/** Events that are read for one policy. */
const mostEvents = 200_000
const pageSize = 1_000
/** More resources than this of one kind become one pattern. */
const mostListed = 5

/**
 * Makes a policy of what a user or role was allowed to do since a moment: the actions that were used, on the resources they were used
 * on. Several resources of one kind become a common beginning with `*`, where the present policies allow that much.
 */
export async function generatePolicy(
  { database }: AnalyzerNeeds,
  subject: Subject,
  since: Temporal.Instant,
): Promise<Generated> {
  const seen = new Map<string, Set<string>>()
  let events = 0
  let after: string | undefined
  let isComplete = false
  while (events < mostEvents) {
    const page = await listEvents(database, { since, after, limit: pageSize })
    for (const { body } of page) {
      for (const { action, resource } of doneBy(JSON.parse(body), subject)) {
        const resources = seen.get(action) ?? new Set<string>()
        seen.set(action, resources.add(resource))
      }
    }
    events += page.length
    after = page.at(-1)?.id
    if (page.length < pageSize) {
      isComplete = true
      break
    }
  }
  const present = subject.identity.map(({ policy }) => policy)
  const narrow = documentOf(seen, (resources) => [...resources].toSorted())
  const wide = documentOf(seen, generalize)
  const prove = (document: object): AccessFinding => {
    const { policy } = parsePolicy(JSON.stringify(document), 'identity')
    return policy ? checkNoNewAccess(present, [policy]) : { result: 'UNKNOWN', because: 'nothing was used' }
  }
  const wideCheck = prove(wide)
  return wideCheck.result === 'PASS'
    ? { document: wide, check: wideCheck, events, isComplete }
    : { document: narrow, check: prove(narrow), events, isComplete }
}

/** The subject's actions in one event, with the resources. Only what was allowed. */
function* doneBy(
  event: unknown,
  subject: Subject,
): Iterable<{ readonly action: string; readonly resource: string }> {
  const { eventSource, eventName, userIdentity, requestParameters, responseElements, resources, errorCode } =
    asRecord(event)
  const service = String(eventSource).replace(/\.signet$/, '')
  const isSubject = (arn: unknown): boolean => {
    const who = typeof arn === 'string' ? ofArn(arn) : undefined
    return (
      who !== undefined &&
      who.accountId === subject.accountId &&
      who.kind === subject.kind &&
      who.nameKey === subject.name.toLowerCase()
    )
  }
  if (service === 'access' && eventName === 'Evaluations') {
    const { decisions } = asRecord(responseElements)
    for (const each of Array.isArray(decisions) ? (decisions as readonly unknown[]) : []) {
      const [arn, action, resource, effect]: readonly unknown[] = Array.isArray(each) ? each : []
      if (isSubject(arn) && effect === 'Allow') yield { action: String(action), resource: String(resource) }
    }
    return
  }
  if (errorCode !== undefined || !isSubject(asRecord(userIdentity)['arn'])) return
  if (service === 'access') {
    const { action, resource } = asRecord(requestParameters)
    if (typeof action === 'string') yield { action, resource: String(resource) }
  } else if (['iam', 'sts', 'signet'].includes(service)) {
    const [first]: readonly unknown[] = Array.isArray(resources) ? resources : []
    const { ARN } = asRecord(first)
    yield { action: `${service}:${String(eventName)}`, resource: typeof ARN === 'string' ? ARN : '*' }
  }
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

/** One statement for each list of resources, in the order of service and action. */
function documentOf(
  seen: ReadonlyMap<string, ReadonlySet<string>>,
  resourcesOf: (resources: ReadonlySet<string>) => readonly string[],
): object {
  const byResources = Map.groupBy(
    [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ([action, resources]) => `${action.split(':')[0]} ${JSON.stringify(resourcesOf(resources))}`,
  )
  return {
    Version: '2012-10-17',
    Statement: [...byResources.values()].map((all) => ({
      Effect: 'Allow',
      Action: all.map(([action]) => action),
      Resource: resourcesOf(all[0]?.[1] ?? new Set()).map(escaped),
    })),
  }
}

/** What stands in a resource is meant as it is, but for the star that generalize put at its end. */
const escaped = (text: string): string =>
  text === '*' ? text : text.replaceAll(/\$(?=\{)/g, '${$}').replaceAll(/[*?](?!$)/g, (each) => `\${${each}}`)

/** Few resources as they are; many of one kind by what they have in common, up to the last slash or colon. */
function generalize(resources: ReadonlySet<string>): readonly string[] {
  const kinds = Map.groupBy(
    [...resources].toSorted(),
    (arn) => arn.split(':').slice(0, 6).join(':').split('/')[0] ?? arn,
  )
  return [...kinds.values()].flatMap((all) => {
    if (all.length <= mostListed) return all
    const [first = '', last = ''] = [all[0], all.at(-1)]
    let common = 0
    while (common < first.length && first[common] === last[common]) common++
    const stem = /^.*[:/]/.exec(first.slice(0, common))?.[0] ?? ''
    return stem.split(':').length < 6 ? all : [`${stem}*`]
  })
}
