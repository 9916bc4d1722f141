import { addToGroup, createGroup, createUser, findGroup, findUserByName, updateUser } from '#directory'
import { refuse } from '#kernel'
import { type Details, detailsShape } from './details.ts'
import {
  boundaryOf,
  createRun,
  type ImportedThing,
  type ImportNeeds,
  type Run,
  tagsOf,
  takeHeld,
} from './run.ts'
import { takePolicies } from './take-policies.ts'
import { takeRoles } from './take-roles.ts'

/** What an import came to. */
export type Imported = { readonly accountId: string; readonly things: readonly ImportedThing[] }

/** Thrown to undo what only was to be tried. */
class Tried extends Error {}

/**
 * Takes users, groups, roles and customer policies of an AWS account over into one of ours, by name, with their inline
 * policies, attachments, boundaries, tags, memberships and instance profiles, in one transaction with its audit events.
 * The account's id in ARNs and documents becomes ours. What stands here already is brought to what the document says;
 * what it does not mention stays. What cannot be taken over is told and left out, the rest goes on.
 *
 * @param request `text` is what `aws iam get-account-authorization-details` printed; `dryRun` undoes everything
 * @throws Failure malformed aws-transfer/unreadable
 */
export async function importDetails(
  needs: ImportNeeds,
  request: { readonly text: string; readonly accountId: string; readonly dryRun: boolean },
): Promise<Imported> {
  const details = read(request.text)
  const { accountId } = request
  const things: ImportedThing[] = []
  try {
    await needs.database.transaction(async (tx) => {
      const run = createRun({ tx, needs, accountId, details, things })
      await takePolicies(run, details)
      await takeGroups(run, details)
      await takeUsers(run, details)
      await takeRoles(run, details)
      if (request.dryRun) throw new Tried()
    })
  } catch (thrown) {
    if (!(thrown instanceof Tried)) throw thrown
  }
  return { accountId, things }
}

function read(text: string): Details {
  const unreadable = (why: string): never =>
    refuse(
      'malformed',
      'aws-transfer/unreadable',
      `This is not what "aws iam get-account-authorization-details" prints: ${why}`,
    )
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (thrown) {
    return unreadable(thrown instanceof Error ? thrown.message : 'no JSON')
  }
  const parsed = detailsShape.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  return unreadable(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
}

async function takeGroups(run: Run, { GroupDetailList }: Details): Promise<void> {
  const { tx, needs, accountId } = run
  for (const group of GroupDetailList)
    await run.step({ kind: 'group', name: group.GroupName }, async (note) => {
      const found = await findGroup(tx, accountId, group.GroupName)
      const { groupId, arn } =
        found ?? (await createGroup(tx, needs.clock, { accountId, name: group.GroupName, path: group.Path }))
      await takeHeld(run, groupId, group.GroupPolicyList, group.AttachedManagedPolicies, note)
      return { isNew: found === undefined, arn }
    })
}

async function takeUsers(run: Run, { UserDetailList }: Details): Promise<void> {
  const { tx, needs, accountId } = run
  for (const user of UserDetailList)
    await run.step({ kind: 'user', name: user.UserName }, async (note) => {
      const found = await findUserByName(tx, accountId, user.UserName)
      const permissionsBoundary = await boundaryOf(run, user.PermissionsBoundary?.PermissionsBoundaryArn)
      const wanted = { path: user.Path, permissionsBoundary, tags: tagsOf(user) }
      const { userId, arn } =
        found === undefined
          ? await createUser(tx, needs.clock, { accountId, name: user.UserName, ...wanted })
          : await updateUser(tx, found.userId, {
              ...wanted,
              permissionsBoundary: permissionsBoundary ?? null,
            })
      for (const name of user.GroupList) {
        const group = await findGroup(tx, accountId, name)
        if (group === undefined) note(`not in the group ${name}: it is not here`)
        else await addToGroup(tx, group.groupId, userId)
      }
      await takeHeld(run, userId, user.UserPolicyList, user.AttachedManagedPolicies, note)
      return { isNew: found === undefined, arn }
    })
}
