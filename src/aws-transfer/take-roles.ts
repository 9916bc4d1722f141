import { sql } from '#database'
import {
  addRoleToInstanceProfile,
  createInstanceProfile,
  createRole,
  findInstanceProfile,
  findRole,
  updateRole,
} from '#iam'
import { refuse } from '#kernel'
import type { Details } from './details.ts'
import { boundaryOf, type Run, tagsOf, takeHeld } from './run.ts'

type RoleDetail = Details['RoleDetailList'][number]

/** What a role trusts while those that its trust policy names are still to come: nobody. */
const trustsNobody = (accountId: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Principal: { AWS: accountId }, Action: 'sts:AssumeRole' }],
  })

/**
 * Takes the roles over. A trust policy is bound to the roles it names, so those come first; roles that trust each other in
 * a circle, or themselves, are made empty first and get their trust policies together.
 */
export async function takeRoles(run: Run, { RoleDetailList }: Details): Promise<void> {
  let waiting = RoleDetailList.filter(({ Path }) => !Path.startsWith('/aws-service-role/'))
  for (const role of RoleDetailList.filter((each) => !waiting.includes(each)))
    await run.step({ kind: 'role', name: role.RoleName }, async () =>
      refuse(
        'malformed',
        'aws-transfer/service-linked',
        'A service-linked role belongs to a service of AWS.',
      ),
    )
  while (waiting.length > 0) {
    const names = new Set(waiting.map(nameOf))
    const ready = waiting.filter((role) => ![...trusted(run, role)].some((name) => names.has(name)))
    for (const role of ready) await takeRole(run, role)
    if (ready.length === 0) return takeCircle(run, waiting)
    waiting = waiting.filter((role) => !ready.includes(role))
  }
}

const nameOf = ({ RoleName }: RoleDetail): string => RoleName.toLowerCase()

/** The names of the roles that a trust policy names, and perhaps a few more: it is read as text. */
const trusted = (run: Run, role: RoleDetail): ReadonlySet<string> =>
  new Set(
    run
      .ours(role.AssumeRolePolicyDocument)
      .toLowerCase()
      .match(/role\/[\w+=,.@/-]+/g)
      ?.map((each) => each.slice(each.lastIndexOf('/') + 1)),
  )

/** Roles that wait for each other. When one cannot be taken, all are begun again without it. */
async function takeCircle(run: Run, roles: readonly RoleDetail[]): Promise<void> {
  const { tx, needs, accountId } = run
  let circle = roles
  const leftOut = new Set<RoleDetail>()
  for (;;) {
    await tx.query(sql`savepoint circle`)
    const soFar = run.things.length
    const placeholders = new Set<RoleDetail>()
    for (const role of circle)
      if ((await findRole(tx, accountId, role.RoleName)) === undefined) {
        const { RoleName: name, Path: path } = role
        await createRole(tx, needs.clock, { accountId, name, path, trustDocument: trustsNobody(accountId) })
        placeholders.add(role)
      }
    const refused = new Set<RoleDetail>()
    for (const role of circle) {
      const isTaken = await takeRole(run, role, placeholders.has(role))
      if (!isTaken && placeholders.has(role)) refused.add(role)
    }
    if (refused.size === 0) {
      await tx.query(sql`release savepoint circle`)
      // Those that could not be taken are refused again, by their names: they are not there any more.
      for (const role of leftOut) await takeRole(run, role)
      return
    }
    await tx.query(sql`rollback to savepoint circle`)
    await tx.query(sql`release savepoint circle`)
    run.things.length = soFar
    for (const role of refused) leftOut.add(role)
    circle = circle.filter((role) => !refused.has(role))
  }
}

async function takeRole(run: Run, role: RoleDetail, isPlaceholder = false): Promise<boolean> {
  const { tx, needs, accountId, ours } = run
  const taken = await run.step({ kind: 'role', name: role.RoleName }, async (note) => {
    const found = await findRole(tx, accountId, role.RoleName)
    const permissionsBoundary = await boundaryOf(run, role.PermissionsBoundary?.PermissionsBoundaryArn)
    const wanted = { trustDocument: ours(role.AssumeRolePolicyDocument), tags: tagsOf(role) }
    if (found !== undefined && found.path !== role.Path)
      refuse('conflict', 'aws-transfer/other-path', `A role of this name stands under ${found.path} here.`)
    const { roleId, arn } =
      found === undefined
        ? await createRole(tx, needs.clock, {
            accountId,
            name: role.RoleName,
            path: role.Path,
            permissionsBoundary,
            ...wanted,
          })
        : await updateRole(tx, found.roleId, { ...wanted, permissionsBoundary: permissionsBoundary ?? null })
    await takeHeld(run, roleId, role.RolePolicyList, role.AttachedManagedPolicies, note)
    return { isNew: found === undefined || isPlaceholder, arn }
  })
  if (taken) for (const profile of role.InstanceProfileList) await takeProfile(run, role.RoleName, profile)
  return taken
}

async function takeProfile(
  run: Run,
  roleName: string,
  profile: { readonly InstanceProfileName: string; readonly Path: string },
): Promise<void> {
  const { tx, needs, accountId } = run
  await run.step({ kind: 'instance profile', name: profile.InstanceProfileName }, async () => {
    const found = await findInstanceProfile(tx, accountId, profile.InstanceProfileName)
    const { instanceProfileId, roleId, arn } =
      found ??
      (await createInstanceProfile(tx, needs.clock, {
        accountId,
        name: profile.InstanceProfileName,
        path: profile.Path,
      }))
    const role = await findRole(tx, accountId, roleName)
    if (role !== undefined && roleId !== role.roleId)
      await addRoleToInstanceProfile(tx, instanceProfileId, role.roleId)
    return { isNew: found === undefined, arn }
  })
}
