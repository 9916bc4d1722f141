import { type Path, suggestion } from '#config'
import { sql } from '#database'
import {
  createGroup,
  createUser,
  findGroup,
  findUserByName,
  groupsOf,
  listGroups,
  passwordOf,
  type PasswordPolicy,
  policyFaultOf,
  setGroupsFrom,
  setPasswordHash,
  updateUser,
  wasUsedBefore,
  type User,
  type UserChanges,
} from '#directory'
import { Secret } from '#kernel'
import { addTotp, dropTotp, factorsOf } from '#mfa'
import { systemIdentity } from '#audit'
import { putAccessKeys } from './access-keys.ts'
import { type Applying, type ApplyNeeds, leaveOut, outcomeOf, problemAt, same } from './applying.ts'
import { passwordPolicyAfter } from './password-policy.ts'
import { markOf, setMark } from './marks.ts'
import { policyArn, putPolicies } from './policies.ts'
import type { Declaration, Thing } from './read.ts'

/** Groups and their policies. */
export async function applyGroups(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const { value, path, inline } of declaration.things.groups)
    await applying.step(
      { kind: 'group', name: value.name, path, account: value.account },
      async (accountId) => {
        const found = await findGroup(tx, accountId, value.name)
        if (found !== undefined && value.path !== undefined && value.path !== found.path)
          problemAt(
            [...path, 'path'],
            `The group stands under ${found.path}, and a path is part of the ARN. Write that path, or another name.`,
          )
        const group =
          found ?? (await createGroup(tx, needs.clock, { accountId, name: value.name, path: value.path }))
        const changed = await putPolicies(
          applying,
          { id: group.groupId, accountId, path },
          { policies: value.policies, inline },
        )
        return {
          outcome: outcomeOf(found === undefined, changed),
          event: {
            name: found === undefined ? 'CreateGroup' : 'UpdateGroup',
            parameters: { groupName: group.name, policies: value.policies },
            arn: group.arn,
          },
        }
      },
    )
}

/**
 * Passwords that the file gives and that were not set from it before, hashed: hashing holds no connection. `seen` is what
 * the file had set before.
 */
type HashedPassword = {
  readonly password: Secret
  readonly phc: string
  readonly seen: string | undefined
  /** Why the account's password policy refuses it. */
  readonly fault: string | undefined
}
export type HashedPasswords = ReadonlyMap<Thing<'users'>, HashedPassword>

/** Hashes the passwords whose value is new since the file was last applied. */
export async function hashPasswords(
  needs: ApplyNeeds,
  declaration: Declaration,
  accountOf: (reference: string | undefined, path: Path) => string,
): Promise<HashedPasswords> {
  const { rows } = await needs.database.query<{
    account_id: string
    name_key: string
    secret_mark: string | null
  }>(sql`select account_id, name_key, secret_mark from declared_thing where kind = 'password'`)
  const hashed = new Map<Thing<'users'>, HashedPassword>()
  for (const thing of declaration.things.users) {
    const password = thing.secrets.get('password')
    if (password === undefined) continue
    const account = known(() => accountOf(thing.value.account, thing.path))
    const mark = rows.find(
      (row) => row.account_id === account && row.name_key === thing.value.name.toLowerCase(),
    )?.secret_mark
    if (mark !== null && mark !== undefined && (await needs.hasher.verify(mark, password.reveal()))) continue
    hashed.set(thing, {
      password,
      phc: await needs.hasher.hash(password.reveal()),
      seen: mark ?? undefined,
      fault:
        account === undefined
          ? undefined
          : await policyFault(
              needs,
              await passwordPolicyAfter(
                needs.database,
                declaration,
                account,
                (name, path) => known(() => accountOf(name, path)) === account,
              ),
              { accountId: account, userName: thing.value.name, password: password.reveal() },
            ),
    })
  }
  return hashed
}

const missing = {
  symbol: 'a symbol',
  number: 'a digit',
  uppercase: 'a capital letter',
  lowercase: 'a small letter',
} as const

/** What the account's password policy says against a password of the file, as a sentence. */
async function policyFault(
  needs: ApplyNeeds,
  policy: PasswordPolicy | undefined,
  {
    accountId,
    userName,
    password,
  }: { readonly accountId: string; readonly userName: string; readonly password: string },
): Promise<string | undefined> {
  if (policy === undefined) return undefined
  const fault = policyFaultOf(policy, password)
  if (fault?.why === 'too-short')
    return `The account's password policy asks for at least ${fault.minimum} characters.`
  if (fault !== undefined) return `The account's password policy asks for ${missing[fault.what]}.`
  if (policy.reusePrevention === undefined) return undefined
  const user = await findUserByName(needs.database, accountId, userName)
  const used =
    user !== undefined &&
    (await wasUsedBefore(needs, { userId: user.userId, password, former: policy.reusePrevention }))
  return used
    ? `The account's password policy forbids the last ${policy.reusePrevention} passwords, and this is one of them.`
    : undefined
}

/** The value, or undefined when it is refused; the refusal is told where the thing itself is applied. */
function known<Value>(value: () => Value): Value | undefined {
  try {
    return value()
  } catch {
    return undefined
  }
}

/** Users with their groups, policies, password, authenticator app and access keys. */
export async function applyUsers(applying: Applying, passwords: HashedPasswords): Promise<void> {
  for (const thing of applying.declaration.things.users)
    await applying.step(
      { kind: 'user', name: thing.value.name, path: thing.path, account: thing.value.account },
      async (accountId) => {
        const { value, path, inline, keys } = thing
        const { user, isNew, changed } = await putUser(applying, accountId, thing)
        const outcome = outcomeOf(
          isNew,
          changed,
          await putGroups(applying, user, value.groups, path),
          await putPolicies(
            applying,
            { id: user.userId, accountId, path },
            { policies: value.policies, inline },
          ),
          await putPassword(applying, user, passwords.get(thing), path),
          await putTotp(applying, user, thing.secrets.get('totp_seed'), path),
          await putAccessKeys(applying, { accountId, userId: user.userId }, keys),
        )
        return {
          outcome,
          event: {
            name: isNew ? 'CreateUser' : 'UpdateUser',
            parameters: {
              userName: user.name,
              path: user.path,
              groups: value.groups,
              policies: value.policies,
              accessKeys: keys.map(({ id }) => id),
            },
            arn: user.arn,
          },
        }
      },
    )
}

async function putUser(
  applying: Applying,
  accountId: string,
  { value, path }: Thing<'users'>,
): Promise<{ user: User; isNew: boolean; changed: boolean }> {
  const { tx, needs } = applying
  const boundary =
    value.permissions_boundary === undefined
      ? undefined
      : await policyArn(applying, accountId, value.permissions_boundary, [...path, 'permissions_boundary'])
  const found = await findUserByName(tx, accountId, value.name)
  const user =
    found ??
    (await createUser(tx, needs.clock, {
      accountId,
      name: value.name,
      path: value.path,
      displayName: value.display_name,
      mail: value.mail,
      mailVerified: value.mail_verified,
      permissionsBoundary: boundary,
      tags: value.tags,
    }))
  const wanted: UserChanges = {
    ...(value.path === undefined ? {} : { path: value.path }),
    ...(value.display_name === undefined ? {} : { displayName: value.display_name }),
    ...(value.mail === undefined ? {} : { mail: value.mail }),
    ...(value.mail_verified === undefined ? {} : { mailVerified: value.mail_verified }),
    ...(value.status === undefined ? {} : { status: value.status }),
    ...(boundary === undefined ? {} : { permissionsBoundary: boundary }),
    ...(value.tags === undefined ? {} : { tags: value.tags }),
  }
  const changed = Object.entries(wanted).some(([key, each]) => !same(Reflect.get(user, key), each))
  return {
    user: changed ? await updateUser(tx, user.userId, wanted) : user,
    isNew: found === undefined,
    changed,
  }
}

async function putGroups(
  { tx, declaration }: Applying,
  user: User,
  names: readonly string[] | undefined,
  path: Path,
): Promise<boolean> {
  if (names === undefined) return false
  const ids: string[] = []
  for (const [index, name] of names.entries()) {
    const group = await findGroup(tx, user.accountId, name)
    if (group === undefined) {
      if (declaration.named.groups.has(name.toLowerCase())) leaveOut()
      const all = (await listGroups(tx, user.accountId, { limit: 1_000 })).map((each) => each.name)
      problemAt([...path, 'groups', index], `There is no group ${name}.${suggestion(name, all)}`)
    }
    ids.push(group.groupId)
  }
  const membership = async () => (await groupsOf(tx, user.userId)).map(({ groupId }) => groupId)
  const before = await membership()
  await setGroupsFrom(tx, 'signet.yaml', user.userId, ids)
  return !same(before, await membership())
}

async function putPassword(
  { tx, needs }: Applying,
  user: User,
  hashed: HashedPassword | undefined,
  path: Path,
): Promise<boolean> {
  if (hashed === undefined) return false
  const { phc, seen, password, fault } = hashed
  const mark = await markOf(tx, 'password', user)
  // Another start applied the same file while this one was hashing.
  if (mark !== undefined && mark !== seen && (await needs.hasher.verify(mark, password.reveal())))
    return false
  if (fault !== undefined) problemAt([...path, 'password'], fault)
  const had = (await passwordOf(tx, user.userId)) !== undefined
  await setPasswordHash(tx, needs.clock, { userId: user.userId, phc })
  await setMark(tx, needs, 'password', user, phc)
  await needs.audit.record(tx, {
    source: 'iam',
    name: had ? 'UpdateLoginProfile' : 'CreateLoginProfile',
    by: systemIdentity('signet.yaml'),
    accountId: user.accountId,
    parameters: { userName: user.name },
    resources: [{ ARN: user.arn }],
  })
  return true
}

/** The file's authenticator app: one device, replaced when the file's seed changes. Devices that people added stay. */
async function putTotp(
  { tx, needs }: Applying,
  user: User,
  seed: Secret | undefined,
  path: Path,
): Promise<boolean> {
  if (seed === undefined) return false
  const text = seed
    .reveal()
    .replaceAll(/[\s=-]/g, '')
    .toUpperCase()
  if (!/^[A-Z2-7]{26,128}$/.test(text))
    problemAt(
      [...path, 'totp_seed'],
      'This seed is not base32 of at least 26 characters (128 bits). Make one with: openssl rand 20 | base32',
    )
  const mac = needs.vault.mac('declare/totp', `${user.userId} ${text}`)
  const [deviceId, known] = ((await markOf(tx, 'totp', user)) ?? '').split(' ')
  if (known === mac) return false
  const devices = (await factorsOf(tx, user.userId)).totp
  const before = devices.find((device) => device.deviceId === deviceId)
  const by = systemIdentity('signet.yaml')
  const added = await addTotp(tx, needs, { user, seed: new Secret(text) })
  if (before !== undefined)
    await dropTotp(tx, needs, { user, by, request: undefined, deviceId: before.deviceId })
  await needs.audit.record(tx, {
    source: 'iam',
    name: 'EnableMFADevice',
    by,
    accountId: user.accountId,
    parameters: { userName: user.name, serialNumber: added.serialNumber },
  })
  await setMark(tx, needs, 'totp', user, `${added.deviceId} ${mac}`)
  return true
}
