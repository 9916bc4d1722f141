import { refuse } from '#kernel'
import type { ContextValue } from '#policy'
import type { EnforcementPoint } from './caller.ts'

/** Properties as a service sends them. */
export type Properties = Readonly<Record<string, unknown>>

/**
 * An id as it stands in an ARN or action: what separates or matches there is percent-encoded, so that a request's value is
 * always a literal (`*` grants nothing). A slash stays, so that path-like ids can be matched by prefix.
 */
export const encodeId = (id: string): string =>
  id
    .toWellFormed()
    .replaceAll(/[^\x20-\x7e]|[%:*?$]/gu, (character) => encodeURIComponent(character).replaceAll('*', '%2A'))

/** The resource of a type and id that a service names: it stands in the service's own part of the name space. */
export const resourceArn = (point: EnforcementPoint, type: string, id: string): string =>
  `arn:aws:${point.prefix}::${point.app.accountId}:${type}/${encodeId(id)}`

/** An action by its bare name: the service's own prefix is put before it, and nobody else's can be. */
export function actionOf(point: EnforcementPoint, name: string): string {
  const own = `${point.prefix}:`
  return own + encodeId(name.startsWith(own) ? name.slice(own.length) : name)
}

/**
 * Requires that a full action (`orders:Refund`) is one of the service's own.
 *
 * @throws Failure forbidden access/foreign-action, malformed access/action
 */
export function requireOwnAction(point: EnforcementPoint, action: string): string {
  if (!/^[\w-]{1,64}:[\w.-]{1,128}$/.test(action))
    refuse('malformed', 'access/action', 'Write the action as prefix:Name, such as orders:Refund.')
  const [prefix = ''] = action.split(':')
  if (prefix.toLowerCase() !== point.prefix.toLowerCase())
    refuse(
      'forbidden',
      'access/foreign-action',
      `This service decides about ${point.prefix}:… actions only, not about ${prefix}:….`,
    )
  return action
}

/** Requires a literal ARN. @throws Failure malformed access/resource */
export function requireArn(arn: string): string {
  if (!/^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:[^\s*?]{1,1900}$/.test(arn))
    refuse(
      'malformed',
      'access/resource',
      'Write the resource as an ARN without * and ?, such as arn:aws:orders::111122223333:order/17.',
    )
  return arn
}

/**
 * Condition keys out of what a service asserts: `orders:resource/owner`. They are the service's own keys: none of them can
 * be an `aws:` or `signet:` key, so no service can claim a second factor or a tag for somebody.
 *
 * @returns the keys, and the names that were left out because their values are nested or unreadable
 */
export function assertedKeys(
  point: EnforcementPoint,
  parts: Readonly<Partial<Record<'subject' | 'resource' | 'action' | 'context', Properties | undefined>>>,
): { readonly keys: readonly (readonly [string, ContextValue])[]; readonly ignored: readonly string[] } {
  const keys: (readonly [string, ContextValue])[] = []
  const ignored: string[] = []
  for (const [part, properties] of Object.entries(parts))
    for (const [name, value] of Object.entries(properties ?? {})) {
      // Null is an absent key.
      if (value === null) continue
      const text = /^[\w.-]{1,128}$/.test(name) ? contextValue(value) : undefined
      if (text === undefined) ignored.push(`${part}.${name.slice(0, 128)}`)
      else keys.push([`${point.prefix}:${part}/${name}`, text])
    }
  return { keys, ignored }
}

/** Texts as they are, numbers and booleans as text, lists of these as multivalued keys. */
function contextValue(value: unknown): ContextValue | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return undefined
  const texts = value.map(contextValue)
  return texts.every((each): each is string => typeof each === 'string') ? texts : undefined
}
