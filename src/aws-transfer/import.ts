import { type Audit, systemIdentity } from '#audit'
import { type Database, sql, type Transaction } from '#database'
import { addToGroup, createGroup, createUser, findGroup, findUserByName, updateUser } from '#directory'
import {
  addRoleToInstanceProfile,
  attachPolicy,
  type BuiltInPolicies,
  createInstanceProfile,
  createPolicy,
  createRole,
  findInstanceProfile,
  findPolicy,
  findRole,
  putInlinePolicy,
  setPolicyDocument,
  updateRole,
} from '#iam'
import { type Clock, isFailure, refuse } from '#kernel'
import { type Details, detailsShape } from './details.ts'

/** What taking over takes. */
export type ImportNeeds = {
  readonly database: Database
  readonly clock: Clock
  readonly audit: Audit
  readonly builtInPolicies: BuiltInPolicies
}

/** What became of one thing, and what of it could not be taken over. */
export type ImportedThing = {
  readonly kind: 'policy' | 'group' | 'user' | 'role' | 'instance profile'
  readonly name: string
  readonly outcome: 'created' | 'updated' | 'left out'
  readonly notes: readonly string[]
}

/** What an import came to. */
export type Imported = { readonly accountId: string; readonly things: readonly ImportedThing[] }

/** One run: everything happens in its transaction. */
type Run = {
  readonly tx: Transaction
  readonly needs: ImportNeeds
  readonly accountId: string
  /** A text with the account it comes from replaced by ours. */
  readonly ours: (text: string) => string
  readonly step: (
    thing: Pick<ImportedThing, 'kind' | 'name'>,
    work: (note: (text: string) => void) => Promise<Step>,
  ) => Promise<boolean>
}

type Step = { readonly isNew: boolean; readonly arn: string }

const events = {
  policy: ['CreatePolicy', 'CreatePolicyVersion', 'policyName'],
  group: ['CreateGroup', 'UpdateGroup', 'groupName'],
  user: ['CreateUser', 'UpdateUser', 'userName'],
  role: ['CreateRole', 'UpdateRole', 'roleName'],
  'instance profile': ['CreateInstanceProfile', 'AddRoleToInstanceProfile', 'instanceProfileName'],
} as const

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

function createRun({
  tx,
  needs,
  accountId,
  details,
  things,
}: Pick<Run, 'tx' | 'needs' | 'accountId'> & {
  readonly details: Details
  readonly things: ImportedThing[]
}): Run {
  const theirs = [...details.UserDetailList, ...details.RoleDetailList, ...details.GroupDetailList]
    .map(({ Arn }) => /^arn:aws[a-z-]*:iam::(\d{12}):/.exec(Arn)?.[1])
    .find((id) => id !== undefined)
  const whole = theirs === undefined ? undefined : new RegExp(`(?<!\\d)${theirs}(?!\\d)`, 'g')
  return {
    tx,
    needs,
    accountId,
    ours: (text) => (whole === undefined ? text : text.replaceAll(whole, accountId)),
    async step({ kind, name }, work) {
      const notes: string[] = []
      await tx.query(sql`savepoint thing`)
      try {
        const { isNew, arn } = await work((text) => void notes.push(text))
        const [created, updated, parameter] = events[kind]
        await needs.audit.record(tx, {
          source: 'iam',
          name: isNew ? created : updated,
          by: systemIdentity('import aws'),
          accountId,
          parameters: { [parameter]: name },
          resources: [{ ARN: arn }],
        })
        things.push({ kind, name, outcome: isNew ? 'created' : 'updated', notes })
        await tx.query(sql`release savepoint thing`)
        return true
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown
        await tx.query(sql`rollback to savepoint thing`)
        things.push({ kind, name, outcome: 'left out', notes: [thrown.message] })
        return false
      }
    },
  }
}

async function takePolicies(run: Run, { Policies }: Details): Promise<void> {
  const { tx, needs, accountId, ours } = run
  for (const policy of Policies.filter(({ Arn }) => /:iam::\d{12}:policy\//.test(Arn)))
    await run.step({ kind: 'policy', name: policy.PolicyName }, async (note) => {
      const version =
        policy.PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion) ??
        refuse('malformed', 'aws-transfer/no-version', 'Its default version is not in the document.')
      const older = policy.PolicyVersionList.length - 1
      if (older > 0) note(`without ${older} older ${older === 1 ? 'version' : 'versions'}`)
      const arn = `arn:aws:iam::${accountId}:policy${policy.Path}${policy.PolicyName}`
      const text = ours(version.Document)
      if ((await findPolicy(tx, arn)) !== undefined) {
        await setPolicyDocument(tx, needs.clock, arn, text)
        return { isNew: false, arn }
      }
      await createPolicy(tx, needs.clock, {
        accountId,
        name: policy.PolicyName,
        path: policy.Path,
        description: policy.Description,
        document: text,
        tags: tagsOf(policy),
      })
      return { isNew: true, arn }
    })
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

/** Roles trust each other: those that wait for one that is still to come are tried again after it. */
async function takeRoles(run: Run, { RoleDetailList }: Details): Promise<void> {
  let waiting = RoleDetailList.filter(({ Path }) => !Path.startsWith('/aws-service-role/'))
  for (const role of RoleDetailList.filter((each) => !waiting.includes(each)))
    await run.step({ kind: 'role', name: role.RoleName }, async () =>
      refuse(
        'malformed',
        'aws-transfer/service-linked',
        'A service-linked role belongs to a service of AWS.',
      ),
    )
  for (;;) {
    const names = new Set(waiting.map(({ RoleName }) => `role/${RoleName.toLowerCase()}`))
    const ready = waiting.filter((role) => {
      const trusted =
        run
          .ours(role.AssumeRolePolicyDocument)
          .toLowerCase()
          .match(/role\/[\w+=,.@/-]+/g) ?? []
      return !trusted.some((each) => {
        const name = `role/${each.slice(each.lastIndexOf('/') + 1)}`
        return names.has(name) && name !== `role/${role.RoleName.toLowerCase()}`
      })
    })
    // In a circle nobody is ready: then the store says why it cannot be.
    const now = ready.length > 0 ? ready : waiting
    if (now.length === 0) return
    for (const role of now) await takeRole(run, role)
    waiting = waiting.filter((role) => !now.includes(role))
  }
}

async function takeRole(run: Run, role: Details['RoleDetailList'][number]): Promise<void> {
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
    return { isNew: found === undefined, arn }
  })
  if (taken) for (const profile of role.InstanceProfileList) await takeProfile(run, role.RoleName, profile)
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

/** Inline policies and attachments. One that cannot be read, or is not here, is told and left out. */
async function takeHeld(
  run: Run,
  principalId: string,
  inline: readonly { readonly PolicyName: string; readonly PolicyDocument: string }[],
  attached: readonly { readonly PolicyArn: string }[],
  note: (text: string) => void,
): Promise<void> {
  const { tx } = run
  for (const { PolicyName, PolicyDocument } of inline) {
    await tx.query(sql`savepoint part`)
    try {
      await putInlinePolicy(tx, principalId, PolicyName, run.ours(PolicyDocument))
      await tx.query(sql`release savepoint part`)
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown
      await tx.query(sql`rollback to savepoint part`)
      note(`without the inline policy ${PolicyName}: ${thrown.message}`)
    }
  }
  for (const { PolicyArn } of attached) {
    const arn = await policyHere(run, PolicyArn)
    if (arn === undefined) note(`without the policy ${PolicyArn}: it is not here`)
    else await attachPolicy(tx, principalId, arn)
  }
}

/** The policy that stands for theirs: the built-in one of the same ARN, or ours of the same path and name. */
async function policyHere({ tx, needs, ours }: Run, theirs: string): Promise<string | undefined> {
  const arn = ours(theirs)
  return needs.builtInPolicies.has(arn) || (await findPolicy(tx, arn)) !== undefined ? arn : undefined
}

/** Without its boundary somebody could do more than before: then it is left out as a whole. */
async function boundaryOf(run: Run, theirs: string | undefined): Promise<string | undefined> {
  if (theirs === undefined) return undefined
  return (
    (await policyHere(run, theirs)) ??
    refuse('not-found', 'aws-transfer/no-boundary', `Its permissions boundary ${theirs} is not here.`)
  )
}

const tagsOf = ({
  Tags,
}: {
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[]
}): Readonly<Record<string, string>> => Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]))
