import type { AuditEntry, UserIdentity } from '#audit'
import { recent } from '#kernel'

/** An action that somebody tried, as the log of what happened tells it. */
export type Use = {
  readonly accountId: string
  readonly kind: 'root' | 'user' | 'role'
  /** Of the user or role, in lower case; empty for root. */
  readonly nameKey: string
  /** `orders` of `orders:Refund`. */
  readonly service: string
  readonly action: string
  readonly region: string
  readonly allowed: boolean
}

/** Services of which an event is a call of an action with the event's name. */
const own: readonly string[] = ['iam', 'sts', 'signet']

/** What an event says about who used what: a call of an action, a decision, or the decisions of a batch. */
export function usesOf(entry: AuditEntry): readonly Use[] {
  const region = entry.region ?? 'us-east-1'
  if (own.includes(entry.source)) {
    const who = ofIdentity(entry.by)
    return who
      ? [{ ...who, service: entry.source, action: entry.name, region, allowed: entry.error === undefined }]
      : []
  }
  if (entry.source !== 'access' && entry.source !== 'forward-auth') return []
  if (entry.name === 'Evaluations') return batchUses(entry, region)
  const who = ofIdentity(entry.by)
  const parts = partsOf(field(entry.parameters, 'action'))
  return who && parts ? [{ ...who, ...parts, region, allowed: entry.error === undefined }] : []
}

type Who = Pick<Use, 'accountId' | 'kind' | 'nameKey'>

function ofIdentity(by: UserIdentity): Who | undefined {
  return by.arn === undefined ? undefined : ofArn(by.arn)
}

/** Principals that were read: a caller comes with every call, and reading its ARN is most of what is done here. */
const known = recent<Who>(1_000)

const form =
  /^arn:[^:]*:(?:iam|sts)::(\d{12}):(?:(root)$|(user|role)\/(?:.*\/)?([^/]+)$|assumed-role\/([^/]+)\/)/

/** The user or role behind an ARN: of a session its role. Undefined for federated users and what is no principal. */
export function ofArn(arn: string): Who | undefined {
  const before = known.get(arn)
  if (before !== undefined) return before
  const who = readArn(arn)
  if (who !== undefined) known.set(arn, who)
  return who
}

function readArn(arn: string): Who | undefined {
  const [, accountId, root, kind, name, role] = form.exec(arn) ?? []
  if (accountId === undefined) return undefined
  if (root !== undefined) return { accountId, kind: 'root', nameKey: '' }
  const nameKey = (role ?? name ?? '').toLowerCase()
  return { accountId, kind: role !== undefined || kind === 'role' ? 'role' : 'user', nameKey }
}

/**
 * A batch of decisions: `[principal, action, resource, effect, …]` of each, the first two by their place in the lists beside
 * it. Most of a batch is the same few uses, each of which counts once.
 */
function batchUses(entry: AuditEntry, region: string): readonly Use[] {
  const lists = ['decisions', 'principals', 'actions'].map((name) => {
    const list = field(entry.response, name)
    return Array.isArray(list) ? (list as readonly unknown[]) : []
  })
  const [decisions = [], principals = [], actions = []] = lists
  const found = new Map<string, Use>()
  for (const each of decisions) {
    const [principal, place, , effect]: readonly unknown[] = Array.isArray(each) ? each : []
    const key = `${String(principal)} ${String(place)} ${String(effect)}`
    if (found.has(key)) continue
    const arn = principals[Number(principal)]
    const who = typeof arn === 'string' ? ofArn(arn) : undefined
    const parts = partsOf(actions[Number(place)])
    if (who && parts) found.set(key, { ...who, ...parts, region, allowed: effect === 'Allow' })
  }
  return [...found.values()]
}

function partsOf(action: unknown): Pick<Use, 'service' | 'action'> | undefined {
  if (typeof action !== 'string') return undefined
  const colon = action.indexOf(':')
  if (colon < 1 || action.length > 256) return undefined
  return { service: action.slice(0, colon).toLowerCase(), action: action.slice(colon + 1) }
}

const field = (value: object | undefined, name: string): unknown =>
  value === undefined ? undefined : (Object.entries(value).find(([key]) => key === name)?.[1] as unknown)
