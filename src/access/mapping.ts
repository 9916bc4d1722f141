import { authorityKeyNames } from '#apps'
import { refuse } from '#kernel'
import type { ContextValue } from '#policy'
import type { EnforcementPoint } from './caller.ts'

/** Properties as a service sends them. */
export type Properties = Readonly<Record<string, unknown>>

/** A condition key with its value. */
export type Key = readonly [name: string, value: ContextValue]

/**
 * An id as it stands in an ARN or action: what separates or matches there is percent-encoded, so that a request's value is
 * always a literal (`*` grants nothing). A slash stays, so that path-like ids can be matched by prefix.
 */
export const encodeId = (id: string): string =>
  plainId.test(id)
    ? id
    : id
        .toWellFormed()
        .replaceAll(/[^\x20-\x7e]|[%:*?$]/gu, (character) =>
          encodeURIComponent(character).replaceAll('*', '%2A'),
        )

const plainId = /^[\w./ -]*$/

/** What `encodeId` made, as it was; undefined for what it cannot have made. */
export function decodeId(text: string): string | undefined {
  try {
    const id = decodeURIComponent(text)
    return encodeId(id) === text ? id : undefined
  } catch {
    return undefined
  }
}

/** The resource of a type and id that a service names: it stands in the service's own part of the name space. */
export const resourceArn = (point: EnforcementPoint, type: string, id: string): string =>
  `${arnStart(point)}${encodeType(type)}/${encodeId(id)}`

const arnStart = (point: EnforcementPoint): string => `arn:aws:${point.prefix}::${point.app.accountId}:`

/** A type is letters, digits, `_` and `-`; whatever else a service writes stays apart from those. */
const encodeType = (type: string): string =>
  /^[\w-]*$/.test(type) ? type : encodeId(type).replaceAll('/', '%2F')

/** The type and id of an ARN of the service's own account; undefined for any other ARN. */
export function resourceOfArn(
  point: EnforcementPoint,
  arn: string,
): { readonly type: string; readonly id: string } | undefined {
  const start = arnStart(point)
  if (!arn.startsWith(start)) return undefined
  const slash = arn.indexOf('/', start.length)
  const id = slash < 0 ? undefined : decodeId(arn.slice(slash + 1))
  return id === undefined ? undefined : { type: arn.slice(start.length, slash), id }
}

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

/** The parts of a question that carry properties. */
export type Part = 'subject' | 'resource' | 'action' | 'context'

/**
 * Adds the condition keys of one part's properties: `orders:resource/owner`. They are the service's own keys: none of them
 * can be an `aws:` or `signet:` key, so no service can claim a second factor or a tag for somebody.
 *
 * @param ignored gets the names that were left out because their values are nested or unreadable
 */
export function addKeys(
  point: EnforcementPoint,
  part: Part,
  properties: Properties | undefined,
  keys: Key[],
  ignored: string[],
): void {
  if (properties === undefined) return
  for (const name in properties) {
    const value = properties[name]
    // Null is an absent key.
    if (value === null || value === undefined) continue
    const text = propertyName.test(name) ? contextValue(value) : undefined
    if (text !== undefined) keys.push([`${point.prefix}:${part}/${name}`, text])
    else if (part !== 'context' || !isAuthority(point, name)) ignored.push(`${part}.${name.slice(0, 128)}`)
  }
}

const propertyName = /^[\w.-]{1,128}$/

/** Texts as they are, numbers and booleans as text, lists of these as multivalued keys. */
function contextValue(value: unknown): ContextValue | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return undefined
  const texts = value.map(contextValue)
  return texts.every((each): each is string => typeof each === 'string') ? texts : undefined
}

/** What tells of the request rather than of the subject: the service saw it and Signet did not. */
const ofTheRequest: ReadonlySet<string> = new Set([
  'aws:SourceIp',
  'aws:UserAgent',
  'aws:SecureTransport',
  'aws:Referer',
  'aws:SourceVpc',
  'aws:SourceVpce',
  'aws:VpcSourceIp',
  'aws:RequestedRegion',
])
const assertable = new Map<string, string>(authorityKeyNames.map((name) => [name.toLowerCase(), name]))

const asAws = (name: string): string => name.toLowerCase().replace(/^signet:/, 'aws:')
const tagStart = 'aws:principaltag/'

function isAuthority({ app }: EnforcementPoint, name: string): boolean {
  if (app.authorityFor.length === 0) return false
  const wanted = asAws(name)
  return app.authorityFor.some((each) => {
    const mine = asAws(each)
    return mine === wanted || (mine === `${tagStart}*` && wanted.startsWith(tagStart))
  })
}

/**
 * The `aws:` and `signet:` keys that a service asserts in `context` and is registered as an authority for. What Signet
 * knows of the subject itself wins: a key that is in `known` already is left alone, unless it tells of the request, which
 * the service saw and Signet did not.
 *
 * @param known names of the keys that Signet fills for this subject
 */
export function authorityKeys(
  point: EnforcementPoint,
  context: Properties | undefined,
  known: (name: string) => boolean,
): readonly Key[] {
  if (context === undefined || point.app.authorityFor.length === 0) return []
  return Object.entries(context).flatMap(([name, value]): Key[] => {
    const plain = asAws(name)
    const text = contextValue(value)
    if (text === undefined || !isAuthority(point, name)) return []
    if (plain.startsWith(tagStart)) {
      const key = `aws:PrincipalTag/${name.slice(name.indexOf('/') + 1)}`
      return known(key) ? [] : [[key, text]]
    }
    const key = assertable.get(plain)
    if (key === undefined || (!ofTheRequest.has(key) && known(key))) return []
    return [[key, text]]
  })
}
