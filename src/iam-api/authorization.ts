import { demand, type Caller } from '#iam'
import { refuse } from '#kernel'
import { mayChangePassword } from '#signin'
import type { ContextValue } from '#policy'

import type { Call, IamOperation } from './call.ts'
import { resources } from './resources/list.ts'
import type { Lookup, Resource } from './resources/resource.ts'
import { rules, type ResourceKind, type Rule } from './rules.ts'
import { tagsFrom } from './tags.ts'

/** What deciding about a call takes, before there is an entity. */
export type Asking = Pick<Call, 'operation' | 'caller' | 'from' | 'input'> & Lookup

type Input = Readonly<Record<string, unknown>>

/**
 * Finds what the operation is about, and asks the one authorization path whether the caller may.
 *
 * @returns the entity; undefined where the rule has none, or for the root user
 * @throws Failure forbidden iam/denied; not-found iam-api/no-entity, told only to who may ask; malformed
 *   iam-api/no-user-name for a role session that leaves the user's name out
 */
export async function authorizeCall(asking: Asking): Promise<unknown> {
  const rule: Rule = rules[asking.operation]
  const resource = await resourceOf(asking, rule)
  const context = [...resourceKeys(resource), ...requestKeys(asking.input, rule, resource)]
  const ask = (operation: IamOperation): Promise<unknown> =>
    demand(
      { database: asking.db, builtInPolicies: asking.builtInPolicies },
      {
        caller: asking.caller,
        action: `iam:${operation}`,
        resource: { arn: resource.arn, accountId: resource.accountId },
        from: asking.from,
        context,
      },
    )
  if (rule.selfService !== true || !(await mayHelpItself(asking, resource.arn))) await ask(asking.operation)
  if (rule.tagging !== undefined && listOf(asking.input, 'Tags').length > 0) await ask(rule.tagging)
  if (rule.on !== undefined && resource.entity === undefined && resource.missing !== '')
    refuse('not-found', 'iam-api/no-entity', resource.missing)
  return resource.entity
}

/** Whether the account lets its users do this for themselves (AllowUsersToChangePassword); a Deny goes before it. */
async function mayHelpItself({ caller, db, builtInPolicies, from }: Asking, arn: string): Promise<boolean> {
  if (caller.type !== 'user' || (arn !== caller.arn && arn !== '*')) return false
  return mayChangePassword({ database: db, builtInPolicies }, { caller, from, withoutPolicy: false })
}

/** @throws Failure malformed iam-api/invalid-input, iam-api/no-user-name */
async function resourceOf(asking: Asking, rule: Rule): Promise<Resource<unknown>> {
  const { accountId } = asking
  const input = asking.input as Input
  const bare = (arn: string): Resource<unknown> => ({ arn, entity: undefined, missing: '' })
  if (rule.on !== undefined) {
    const { member, resolve } = resources[rule.on]
    const name = textOf(input, member)
    if (name !== undefined) return resolve(asking, name)
    if (asking.caller.type === 'user') return resolve(asking, asking.caller.user.name)
    if (asking.caller.type === 'root' && rule.root === true) return bare(`arn:aws:iam::${accountId}:root`)
    return refuse(
      'malformed',
      'iam-api/no-user-name',
      'Must specify userName when calling with non-User credentials',
    )
  }
  const prefix = `arn:aws:iam::${accountId}:`
  if (rule.creates !== undefined) return bare(prefix + created(rule.creates, input))
  if (rule.list !== undefined) return bare(`${prefix}${rule.list}${textOf(input, 'PathPrefix') ?? '/'}`)
  const arn = rule.arn === undefined ? undefined : textOf(input, rule.arn)
  // What is no ARN belongs to nobody: the operation says so itself, to whoever may call it at all.
  return bare(arn?.startsWith('arn:') === true ? arn : '*')
}

/** The rest of the ARN that something will have. */
function created(kind: ResourceKind, input: Input): string {
  if (kind === 'saml-provider') return `saml-provider/${textOf(input, 'Name')}`
  if (kind === 'oidc-provider')
    return `oidc-provider/${(textOf(input, 'Url') ?? '').replace(/^https?:\/\//, '')}`
  const member =
    { policy: 'PolicyName', mfa: 'VirtualMFADeviceName' }[kind as string] ?? resources[kind].member
  return `${kind}${textOf(input, 'Path') ?? '/'}${textOf(input, member)}`
}

type Keys = readonly (readonly [string, ContextValue | undefined])[]

const resourceKeys = ({ tags = {} }: Resource<unknown>): Keys =>
  Object.entries(tags).flatMap(([key, value]) => [
    [`aws:ResourceTag/${key}`, value],
    [`iam:ResourceTag/${key}`, value],
  ])

/** The keys that the request brings along. */
function requestKeys(given: object, { keys = [] }: Rule, resource: Resource<unknown>): Keys {
  const input = given as Input
  return keys.flatMap((source): Keys => {
    switch (source) {
      case 'boundary':
        return [['iam:PermissionsBoundary', textOf(input, 'PermissionsBoundary')]]
      case 'held-boundary':
        return [['iam:PermissionsBoundary', resource.permissionsBoundary]]
      case 'policy':
        return [['iam:PolicyARN', textOf(input, 'PolicyArn')]]
      case 'service':
        return [['iam:AWSServiceName', textOf(input, 'AWSServiceName')]]
      case 'tag-keys':
        return keysNamed(listOf(input, 'TagKeys').map(String))
      case 'tags': {
        const tags = listOf(input, 'Tags') as readonly { readonly Key: string; readonly Value: string }[]
        // One key in two spellings would be two values of one condition key.
        tagsFrom(tags)
        return [
          ...tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value] as const),
          ...keysNamed(tags.map(({ Key }) => Key)),
        ]
      }
      default:
        return source satisfies never
    }
  })
}

/** aws:TagKeys is absent, not empty, where no tags come along. */
const keysNamed = (names: readonly string[]): Keys => (names.length === 0 ? [] : [['aws:TagKeys', names]])

const textOf = (input: Input, member: string): string | undefined => {
  const value = input[member]
  return typeof value === 'string' ? value : undefined
}

const listOf = (input: Input | object, member: string): readonly unknown[] => {
  const value: unknown = (input as Input)[member]
  return Array.isArray(value) ? value : []
}

/** A further permission that an operation asks for while it runs. */
export const demandFurther =
  ({ db, builtInPolicies, from }: Asking, caller: Caller): Call['demand'] =>
  async (action, arn, context) => {
    await demand({ database: db, builtInPolicies }, { caller, action, resource: { arn }, from, context })
  }
