import { type AppResource, findAppResources, findRegistration } from '#apps'
import type { RequestInfo } from '#http'
import { type Caller, type Judge, judgeOf, policyFrom, recalled } from '#iam'
import type { Decision, PolicyRef } from '#policy'
import type { EnforcementPoint } from './caller.ts'
import type { DecideNeeds } from './decide.ts'
import { actionOf, addKeys, authorityKeys, type Key, resourceArn } from './mapping.ts'
import type { Entity, Evaluation } from './shapes.ts'
import { subjectOf, type SubjectNeeds } from './subject.ts'

/** What looking questions up takes. */
export type SittingNeeds = DecideNeeds & SubjectNeeds

/** A subject that is somebody: who, what judges it, and the keys that every question about it has. */
export type Known = { readonly caller: Caller; readonly judge: Judge }

/** Everything that a set of questions needs, looked up before the first one is decided. */
export type Sitting = {
  readonly point: EnforcementPoint
  /** Who a subject of one of the questions is. */
  knownBy(subject: Entity): Known | undefined
  readonly resources: ReadonlyMap<string, AppResource>
  /** The newest change of policies that is certainly in these decisions. */
  readonly generation: string
}

/** What a question came to. `caller` and `decision` are absent when the subject is nobody. */
export type Verdict = {
  readonly action: string
  readonly resource: string
  readonly caller?: Caller | undefined
  readonly decision?: Decision | undefined
  /** Properties that no condition can see, because they are nested or their name is odd. */
  readonly ignored: readonly string[]
}

/**
 * The request that is judged reached the service, not us: its address and agent are not known here, and the service's own
 * must not stand in for them. `aws:SourceIp` is therefore a value that is in no network.
 */
export const elsewhere = (from: RequestInfo): RequestInfo => ({ ...from, ip: '', userAgent: '' })

const keyOf = ({ type, id, properties }: Entity): string =>
  type === 'role_session' ? `${type}\n${id}\n${String(properties?.['access_key_id'])}` : `${type}\n${id}`

/** Looks up the subjects and the stored resources of questions, each once. */
export async function openSitting(
  needs: SittingNeeds,
  request: {
    readonly point: EnforcementPoint
    readonly from: RequestInfo
    readonly questions: readonly Evaluation[]
  },
): Promise<Sitting> {
  const { point, questions } = request
  const from = elsewhere(request.from)
  // Before anything is read: what is read later is at least as new.
  const generation = needs.memory?.generation() ?? '0'
  const wanted = new Map<string, Entity>()
  let before: Entity | undefined
  for (const { subject } of questions) {
    if (subject === before) continue
    before = subject
    const key = keyOf(subject)
    if (!wanted.has(key)) wanted.set(key, subject)
  }
  const [subjects, resources] = await Promise.all([
    Promise.all(
      [...wanted].map(async ([key, subject]): Promise<[string, Known | undefined]> => {
        const caller = await subjectOf(needs, point, subject)
        return [key, caller && { caller, judge: await judgeOf(needs, { caller, from }) }]
      }),
    ),
    storedResources(
      needs,
      point,
      questions.map(({ resource }) => resource),
    ),
  ])
  const known = new Map(subjects)
  // Most of a batch is about one subject.
  let last: { readonly subject: Entity; readonly known: Known | undefined } | undefined
  return {
    point,
    resources,
    generation,
    knownBy(subject) {
      if (last?.subject !== subject) last = { subject, known: known.get(keyOf(subject)) }
      return last.known
    },
  }
}

/** The resources that are stored, by type and id; only types that the app registered are asked for. */
export async function storedResources(
  needs: Pick<DecideNeeds, 'database' | 'memory'>,
  point: EnforcementPoint,
  entities: readonly Pick<Entity, 'type' | 'id'>[],
): Promise<ReadonlyMap<string, AppResource>> {
  const { database } = needs
  const { appId } = point.app
  const types = await recalled(needs, `types ${appId}`, async () => {
    const { resourceTypes } = await findRegistration(database, appId)
    return new Set(resourceTypes.map(({ name }) => name))
  })
  const wanted = types.size === 0 ? [] : entities.filter(({ type }) => types.has(type))
  if (wanted.length === 0) return none
  // One resource is asked for again and again; a batch is looked up in one statement.
  const [only] = wanted
  const found =
    only !== undefined && wanted.length === 1
      ? await recalled(needs, `resource ${appId} ${only.type}/${only.id}`, () =>
          findAppResources(database, appId, wanted),
        )
      : await findAppResources(database, appId, wanted)
  return new Map(found.map((each) => [`${each.type}\n${each.id}`, each]))
}

const none: ReadonlyMap<string, AppResource> = new Map()

/** Decides one question of a sitting. */
export function judgeIn(sitting: Sitting, question: Evaluation): Verdict {
  const { point, resources } = sitting
  const { subject, resource } = question
  const stored = resources.size === 0 ? undefined : resources.get(`${resource.type}\n${resource.id}`)
  return judgeFor(point, sitting.knownBy(subject), question, stored)
}

/** Decides a question about a subject and a resource that were looked up. */
export function judgeFor(
  point: EnforcementPoint,
  known: Known | undefined,
  question: Omit<Evaluation, 'subject'> & { readonly subject: Pick<Entity, 'properties'> },
  stored: AppResource | undefined,
): Verdict {
  const action = actionOf(point, question.action.name)
  const resource = resourceArn(point, question.resource.type, question.resource.id)
  if (known === undefined) return { action, resource, ignored: noneIgnored }
  const { caller, judge } = known
  const keys: Key[] = []
  const ignored: string[] = []
  addKeys(point, 'subject', question.subject.properties, keys, ignored)
  addKeys(point, 'action', question.action.properties, keys, ignored)
  addKeys(point, 'resource', question.resource.properties, keys, ignored)
  addKeys(point, 'context', question.context, keys, ignored)
  // What is stored comes later and wins: tags of the subject, properties of the resource.
  addKeys(point, 'subject', caller.tags, keys, ignored)
  if (stored !== undefined) addKeys(point, 'resource', stored.properties, keys, ignored)
  keys.push(...authorityKeys(point, question.context, (name) => isKnown(caller, name)))
  const decision = judge({
    action,
    resource: { arn: resource, accountId: point.app.accountId },
    context: keys,
    resourcePolicy: stored === undefined ? undefined : resourcePolicyOf(resource, stored),
  })
  return { action, resource, caller, decision, ignored }
}

const noneIgnored: readonly string[] = []

const policies = new WeakMap<AppResource, PolicyRef>()

/** The resource policy that is stored for a resource. */
export function resourcePolicyOf(arn: string, stored: AppResource): PolicyRef | undefined {
  if (stored.policy === undefined) return undefined
  const known = policies.get(stored)
  if (known !== undefined) return known
  const ref = { id: `${arn}#policy`, policy: policyFrom(stored.policy, 'resource') }
  policies.set(stored, ref)
  return ref
}

/** Whether Signet itself fills a key of the subject. */
export function isKnown(caller: Caller, name: string): boolean {
  if (name.startsWith('aws:PrincipalTag/')) {
    const wanted = name.slice('aws:PrincipalTag/'.length).toLowerCase()
    return Object.keys(caller.tags).some((tag) => tag.toLowerCase() === wanted)
  }
  if (name === 'aws:SourceIdentity') return caller.sourceIdentity !== undefined
  return caller.issuedAt !== undefined
}
