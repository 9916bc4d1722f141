import { storedResource, type StoredResource } from '#access'
import { findRoleByArn, guardRailsNow, textOfPolicy } from '#iam'
import {
  type ContextValue,
  evaluate,
  type PolicyRef,
  type SimulatedPolicy,
  simulate,
  type SimulationResult,
} from '#policy'
import type { AnalyzerNeeds } from './needs.ts'
import type { Subject } from './subject.ts'

/** A policy that is assumed, with the text it was read from. */
type Assumed = PolicyRef & { readonly text: string }

/** What may be changed for a simulation; absent members are as in truth. */
export type WhatIf = {
  /** Policies that the subject would hold besides its own. */
  readonly identity?: readonly Assumed[] | undefined
  /** Null: without its boundary. */
  readonly boundary?: Assumed | null | undefined
  readonly session?: readonly Assumed[] | undefined
  readonly resource?: Assumed | undefined
  readonly scpLevels?: readonly (readonly Assumed[])[] | undefined
  readonly rcpLevels?: readonly (readonly Assumed[])[] | undefined
}

/** Actions on resources, under a context that is assumed. */
export type Asked = {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly context: ReadonlyMap<string, ContextValue>
  /** Owns resources whose ARN names no account; the subject's account when absent. */
  readonly resourceOwner?: string | undefined
}

const simulated = (ref: PolicyRef | Assumed): SimulatedPolicy => ({
  ...ref,
  source: 'none',
  text: 'text' in ref ? ref.text : (textOfPolicy(ref.policy) ?? ''),
})

/**
 * What the subject could do: over its own policies, boundary and guard-rails and what an app stored about the resource, with what
 * is changed. A role that is to be assumed is
 * judged by its trust policy, in whichever account of this deployment it is.
 */
export async function simulateFor(
  needs: AnalyzerNeeds,
  subject: Subject,
  asked: Asked,
  whatIf: WhatIf = {},
): Promise<readonly SimulationResult[]> {
  const resources = asked.resources.length === 0 ? ['*'] : asked.resources
  const around = await surroundings(needs, subject, resources, asked)
  const boundary = whatIf.boundary === null ? undefined : (whatIf.boundary ?? subject.boundary)
  const scpLevels = whatIf.scpLevels ?? subject.scpLevels
  return asked.actions.flatMap((action) =>
    resources.flatMap((resource) => {
      const { owner, trust, stored, rcpLevels, known } = around(action, resource)
      const own = whatIf.resource ?? stored
      const limits = whatIf.rcpLevels ?? rcpLevels
      return simulate({
        principal: subject.principal,
        actions: [action],
        resources: [resource],
        policies: {
          identity: [...subject.identity, ...(whatIf.identity ?? [])].map(simulated),
          boundary: boundary && simulated(boundary),
          session: whatIf.session?.map(simulated),
          resource: trust === undefined && own ? simulated(own) : undefined,
          trust: trust && simulated(trust),
          scpLevels: scpLevels?.map((level) => level.map(simulated)),
          rcpLevels: limits?.map((level) => level.map(simulated)),
        },
        known,
        context: asked.context,
        resourceOwner: owner,
        ownerSide: 'simulated',
      })
    }),
  )
}

/** The decisions alone, action by action in the order of the resources: for many at once. */
export async function decideFor(
  needs: AnalyzerNeeds,
  subject: Subject,
  asked: Asked,
): Promise<(action: string, resource: string) => 'allowed' | 'explicitDeny' | 'implicitDeny'> {
  const around = await surroundings(needs, subject, asked.resources, asked)
  return (action, resource) => {
    const { owner, trust, stored, rcpLevels, known } = around(action, resource)
    const { effect, explicit } = evaluate({
      principal: subject.principal,
      action,
      resource: { arn: resource, accountId: owner },
      context: known,
      policies: {
        identity: subject.identity,
        boundary: subject.boundary,
        resource: trust === undefined ? stored : undefined,
        trust,
        scpLevels: subject.scpLevels,
        rcpLevels,
      },
    })
    return effect === 'Allow' ? 'allowed' : explicit ? 'explicitDeny' : 'implicitDeny'
  }
}

type Surroundings = {
  readonly owner: string
  readonly trust: PolicyRef | undefined
  /** The policy that an app stored for the resource. */
  readonly stored: PolicyRef | undefined
  readonly rcpLevels: readonly (readonly PolicyRef[])[] | undefined
  /** What is known and, before that, what is assumed. */
  readonly known: ReadonlyMap<string, ContextValue>
}

const roleArn = /^arn:aws:iam::\d{12}:role\//

/** What stands around a request besides the subject: looked up once for all of them. */
async function surroundings(
  needs: AnalyzerNeeds,
  subject: Subject,
  resources: readonly string[],
  asked: Asked,
): Promise<(action: string, resource: string) => Surroundings> {
  const { database, clock } = needs
  const wantsTrust = asked.actions.some((action) => /^sts:assumerole/i.test(action))
  const [rails, stored, roles] = await Promise.all([
    guardRailsNow(database),
    Promise.all(resources.map(async (arn) => [arn, await storedResource(needs, arn)] as const)),
    Promise.all(
      (wantsTrust ? resources : [])
        .filter((arn) => roleArn.test(arn))
        .map(async (arn) => [arn, await findRoleByArn(database, arn)] as const),
    ),
  ])
  const trusts = new Map(
    roles.flatMap(([arn, role]) =>
      role === undefined ? [] : [[arn, { id: `${arn}#trust`, policy: role.trust }] as const],
    ),
  )
  const now = clock()
  const standing = rails?.standingOf(subject.accountId)
  const base = new Map<string, ContextValue>([
    ['aws:CurrentTime', now.toString({ smallestUnit: 'second' })],
    ['aws:EpochTime', String(Math.floor(now.epochMilliseconds / 1_000))],
    ...subject.known,
  ])
  if (rails && standing)
    base.set('aws:PrincipalOrgID', rails.organizationId).set('aws:PrincipalOrgPaths', [standing.path])
  const taken = new Set([...asked.context.keys()].map((name) => name.toLowerCase()))
  const withKeys = (more: StoredResource['keys']): ReadonlyMap<string, ContextValue> =>
    new Map([...[...base, ...more].filter(([name]) => !taken.has(name.toLowerCase())), ...asked.context])
  const known = withKeys([])
  const kept = new Map(
    stored.flatMap(([arn, found]) =>
      found === undefined ? [] : [[arn, { policy: found.policy, known: withKeys(found.keys) }] as const],
    ),
  )
  return (action, resource) => {
    const field = resource.split(':')[4] ?? ''
    const owner = field === '' ? (asked.resourceOwner ?? subject.accountId) : field
    const isAssuming = /^sts:(assumerole|tagsession|setsourceidentity)/i.test(action)
    return {
      owner,
      trust: isAssuming ? trusts.get(resource) : undefined,
      rcpLevels: rails?.standingOf(owner)?.rcpLevels,
      stored: kept.get(resource)?.policy,
      known: kept.get(resource)?.known ?? known,
    }
  }
}
