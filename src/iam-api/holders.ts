import { findGroup, findUserByName, groupsOf } from '#directory'
import { attachedPolicies, findPolicy, findRole, inlinePolicies, policyFrom } from '#iam'
import type { SimulatedPolicy } from '#policy'

import type { Call } from './call.ts'
import { invalidInput, noSuchEntity } from './limits.ts'

/** A user, group or role by its ARN: what simulations and access reports are about. */
export type Holder = {
  readonly kind: 'user' | 'group' | 'role'
  readonly id: string
  readonly name: string
  readonly path: string
  readonly arn: string
  readonly permissionsBoundary: string | undefined
  readonly tags: Readonly<Record<string, string>>
}

type Asked = Pick<Call, 'db' | 'accountId' | 'needs'>

const identity = /^arn:aws[a-z-]*:iam::(\d{12}):(user|group|role)(\/(?:[^\s]*\/)?)([\w+=,.@-]+)$/

/**
 * The user, group or role of an ARN of the caller's account.
 *
 * @throws Failure malformed iam-api/invalid-input for another kind of ARN; not-found iam-api/no-entity
 */
export async function holderOf({ db, accountId }: Asked, arn: string): Promise<Holder> {
  const [, owner, kind, , name = ''] = identity.exec(arn) ?? []
  if (kind === undefined)
    return invalidInput(`Invalid Entity Arn: ${arn} does not clearly define entity type and name.`)
  const gone = (): never => noSuchEntity(`The entity ${arn} cannot be found.`)
  if (owner !== accountId) return gone()
  if (kind === 'user') {
    const user = await findUserByName(db, accountId, name)
    return user?.arn === arn ? { ...user, kind, id: user.userId } : gone()
  }
  if (kind === 'role') {
    const role = await findRole(db, accountId, name)
    return role?.arn === arn ? { ...role, kind, id: role.roleId } : gone()
  }
  const group = await findGroup(db, accountId, name)
  return group?.arn === arn
    ? { ...group, kind: 'group', id: group.groupId, permissionsBoundary: undefined, tags: {} }
    : gone()
}

/** A policy that somebody holds, with its text and whose it is. */
export type HeldPolicy = SimulatedPolicy & {
  readonly type: 'INLINE' | 'MANAGED'
  readonly name: string
  readonly arn: string | undefined
  readonly owner: Pick<Holder, 'kind' | 'name'>
}

/** The identity policies of a holder; a user's with those of the groups. */
export async function heldPolicies(asked: Asked, holder: Holder): Promise<readonly HeldPolicy[]> {
  const groups = holder.kind === 'user' ? await groupsOf(asked.db, holder.id) : []
  const owners = [
    { kind: holder.kind, name: holder.name, id: holder.id },
    ...groups.map(({ name, groupId }) => ({ kind: 'group' as const, name, id: groupId })),
  ]
  const held: HeldPolicy[] = []
  for (const owner of owners) {
    for (const { name, document } of await inlinePolicies(asked.db, owner.id))
      held.push({
        id: `${owner.kind}_${owner.name}_${name}`,
        policy: policyFrom(document, 'identity'),
        source: owner.kind,
        text: document,
        type: 'INLINE',
        name,
        arn: undefined,
        owner,
      })
    for (const arn of await attachedPolicies(asked.db, owner.id)) {
      const managed = await managedPolicy(asked, arn, 'identity')
      if (managed !== undefined) held.push({ ...managed, type: 'MANAGED', owner })
    }
  }
  return held
}

/** A managed policy by its ARN, the account's own or built in, as a simulation takes it. */
export async function managedPolicy(
  { db, needs }: Asked,
  arn: string,
  type: 'identity' | 'boundary',
): Promise<(SimulatedPolicy & { readonly name: string; readonly arn: string }) | undefined> {
  const builtIn = needs.builtInPolicies.get(arn)
  const found = builtIn ?? (await findPolicy(db, arn))
  return (
    found && {
      id: found.name,
      policy: policyFrom(found.document, type),
      source: builtIn === undefined ? 'user-managed' : 'aws-managed',
      text: found.document,
      name: found.name,
      arn,
    }
  )
}
