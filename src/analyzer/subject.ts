import { findUserByName } from '#directory'
import { findRole, guardRailsNow, policiesOf } from '#iam'
import { refuse } from '#kernel'
import type { ContextValue, PolicyRef, RequestPrincipal } from '#policy'
import type { Accessor } from './last-accessed.ts'
import type { AnalyzerNeeds } from './needs.ts'

/** A user or role that questions are about: as a principal, with what is known of it and what bears on it. */
export type Subject = Accessor & {
  readonly accountId: string
  readonly principal: RequestPrincipal
  readonly known: ReadonlyMap<string, ContextValue>
  readonly identity: readonly PolicyRef[]
  readonly boundary: PolicyRef | undefined
  readonly scpLevels: readonly (readonly PolicyRef[])[] | undefined
}

const form = /^arn:aws:iam::(\d{12}):(user|role)\/(?:[^\s]*\/)?([\w+=,.@-]{1,128})$/

/** The account of a user's or role's ARN. @throws Failure malformed analyzer/principal */
export function accountOfSubject(arn: string): string {
  const [, accountId] = form.exec(arn) ?? []
  return (
    accountId ??
    refuse(
      'malformed',
      'analyzer/principal',
      'Name a user or role by its ARN, such as arn:aws:iam::111122223333:role/deploy.',
    )
  )
}

/**
 * The user or role of an ARN, as it is now.
 *
 * @throws Failure malformed analyzer/principal; not-found analyzer/no-principal
 */
export async function findSubject(needs: AnalyzerNeeds, arn: string): Promise<Subject> {
  const accountId = accountOfSubject(arn)
  const [, , kind, name = ''] = form.exec(arn) ?? []
  const { database, builtInPolicies } = needs
  const entity =
    kind === 'user'
      ? await findUserByName(database, accountId, name)
      : await findRole(database, accountId, name)
  if (entity?.arn !== arn) return refuse('not-found', 'analyzer/no-principal', `There is no ${arn} here.`)
  const id = 'userId' in entity ? entity.userId : entity.roleId
  const [held, rails] = await Promise.all([
    policiesOf(database, builtInPolicies, { id, permissionsBoundary: entity.permissionsBoundary }),
    guardRailsNow(database),
  ])
  const standing = rails?.standingOf(accountId)
  return {
    ...held,
    kind: 'userId' in entity ? 'user' : 'role',
    name: entity.name,
    arn,
    createdAt: entity.createdAt,
    accountId,
    ...identityOf({
      kind: 'userId' in entity ? 'user' : 'role',
      id,
      name: entity.name,
      arn,
      accountId,
      tags: entity.tags,
    }),
    scpLevels: standing?.scpLevels,
  }
}

/** A user, or some session of a role, as the engine names it, with the keys that it has whatever it asks. */
export function identityOf(entity: {
  readonly kind: 'user' | 'role'
  readonly id: string
  readonly name: string
  readonly arn: string
  readonly accountId: string
  readonly tags: Readonly<Record<string, string>>
}): { readonly principal: RequestPrincipal; readonly known: ReadonlyMap<string, ContextValue> } {
  const { kind, id, name, arn, accountId, tags } = entity
  const session = 'simulated'
  return {
    principal:
      kind === 'user'
        ? { kind: 'user', accountId, arn, uniqueId: id }
        : {
            kind: 'role-session',
            accountId,
            arn: `arn:aws:sts::${accountId}:assumed-role/${name}/${session}`,
            roleArn: arn,
            roleId: id,
          },
    known: new Map<string, ContextValue>([
      ['aws:PrincipalArn', arn],
      ['aws:PrincipalAccount', accountId],
      ['aws:PrincipalType', kind === 'user' ? 'User' : 'AssumedRole'],
      ['aws:userid', kind === 'user' ? id : `${id}:${session}`],
      ...(kind === 'user' ? [['aws:username', name] as const] : []),
      ...Object.entries(tags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value] as const),
    ]),
  }
}
