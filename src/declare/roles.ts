import { createRole, findRole, type Role, type RoleChanges, updateRole } from '#iam'
import { parsePolicy, principalArnsIn } from '#policy'
import { type Applying, leaveOut, outcomeOf, problemAt, same } from './applying.ts'
import { policyArn, putPolicies } from './policies.ts'
import type { Thing } from './read.ts'

/** Trusts nobody: what a role has for the moment when its own trust names a role that comes later in the file. */
const nobody = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Deny', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' },
})

/** Roles with trust, policies and boundary. They may trust each other in any order, in a circle too. */
export async function applyRoles(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  const roles = declaration.things.roles
  const later = new Set<Thing<'roles'>>()
  for (const thing of roles) {
    const { value, path, documents } = thing
    const text = documents.get('trust')
    if (text === undefined || !(await namesLaterRole(applying, thing, text))) continue
    await applying.step(
      { kind: 'role', name: value.name, path, account: value.account },
      async (accountId) => {
        if ((await findRole(tx, accountId, value.name)) !== undefined) return { outcome: 'unchanged' }
        await createRole(tx, needs.clock, {
          accountId,
          name: value.name,
          path: value.path,
          trustDocument: nobody,
        })
        later.add(thing)
        return { outcome: 'unchanged' }
      },
    )
  }
  for (const thing of roles) {
    const { value, path, inline } = thing
    await applying.step(
      { kind: 'role', name: value.name, path, account: value.account },
      async (accountId) => {
        const { role, isNew, changed } = await putRole(applying, accountId, thing)
        const policies = await putPolicies(
          applying,
          { id: role.roleId, accountId, path },
          { policies: value.policies, inline },
        )
        const created = isNew || later.has(thing)
        return {
          outcome: outcomeOf(created, changed, policies),
          event: {
            name: created ? 'CreateRole' : 'UpdateRole',
            parameters: { roleName: role.name, path: role.path, policies: value.policies },
            arn: role.arn,
          },
        }
      },
    )
  }
}

/** Whether a role that is not there yet trusts another one that is not there yet. */
async function namesLaterRole(
  { tx, declaration, accountOf }: Applying,
  { value, path }: Thing<'roles'>,
  text: string,
): Promise<boolean> {
  const { policy } = parsePolicy(text, 'trust')
  if (policy === undefined) return false
  try {
    if ((await findRole(tx, accountOf(value.account, path), value.name)) !== undefined) return false
  } catch {
    return false
  }
  return principalArnsIn(policy).some((arn) => {
    const name = /:role\/(?:.*\/)?([^/]+)$/.exec(arn)?.[1]?.toLowerCase()
    return name !== undefined && declaration.named.roles.has(name)
  })
}

async function putRole(
  applying: Applying,
  accountId: string,
  { value, path, documents }: Thing<'roles'>,
): Promise<{ role: Role; isNew: boolean; changed: boolean }> {
  const { tx, needs } = applying
  const trustDocument = documents.get('trust') ?? leaveOut()
  const boundary =
    value.permissions_boundary === undefined
      ? undefined
      : await policyArn(applying, accountId, value.permissions_boundary, [...path, 'permissions_boundary'])
  const found = await findRole(tx, accountId, value.name)
  if (found !== undefined && value.path !== undefined && value.path !== found.path)
    problemAt(
      [...path, 'path'],
      `The role stands under ${found.path}, and a path is part of the ARN. Write that path, or another name.`,
    )
  if (found === undefined) {
    const role = await createRole(tx, needs.clock, {
      accountId,
      name: value.name,
      path: value.path,
      description: value.description,
      trustDocument,
      maxSessionSeconds: value.max_session_seconds,
      permissionsBoundary: boundary,
      tags: value.tags,
    })
    return { role, isNew: true, changed: false }
  }
  const wanted: RoleChanges = {
    trustDocument,
    ...(value.description === undefined ? {} : { description: value.description }),
    ...(value.max_session_seconds === undefined ? {} : { maxSessionSeconds: value.max_session_seconds }),
    ...(boundary === undefined ? {} : { permissionsBoundary: boundary }),
    ...(value.tags === undefined ? {} : { tags: value.tags }),
  }
  const changed = Object.entries(wanted).some(([key, each]) => !same(Reflect.get(found, key), each))
  return { role: changed ? await updateRole(tx, found.roleId, wanted) : found, isNew: false, changed }
}
