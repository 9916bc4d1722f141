/** Calls that come at the same moment: each is answered as if it had come alone, before or after the others. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '#database'
import { fixedClock } from '../support/fixtures.ts'
import { allow, bugs, startIam, trust, type IamServer } from './harness.ts'
import { sendQuery, type QueryAnswer } from './query.ts'

const clock = fixedClock()
let server: IamServer
beforeAll(async () => {
  server = await startIam(clock)
})
afterAll(() => server.close())
afterEach(() => expect(bugs.splice(0)).toEqual([]))

type Call = readonly [operation: string, parameters: Readonly<Record<string, string>>]

const send = ([operation, parameters]: Call): Promise<QueryAnswer> =>
  sendQuery(server, clock, operation, Object.entries(parameters))
/** Sends them all before any is answered. @returns what each was answered: 200, or the status and code */
const atOnce = async (calls: readonly Call[]): Promise<readonly string[]> =>
  (await Promise.all(calls.map(send))).map(({ status, code }) =>
    code === undefined ? `${status}` : `${status} ${code}`,
  )

const policy = 'arn:aws:iam::111122223333:policy/AtOnce'
const doc = allow('s3:GetObject')

/** A life of everything that has a name, in an order in which each call can be answered with 200. */
const life: readonly Call[] = [
  ['CreateUser', { UserName: 'una' }],
  ['CreateGroup', { GroupName: 'crew' }],
  ['CreateRole', { RoleName: 'Runner', AssumeRolePolicyDocument: trust }],
  ['CreatePolicy', { PolicyName: 'AtOnce', PolicyDocument: doc }],
  ['CreateInstanceProfile', { InstanceProfileName: 'box' }],
  ['CreateLoginProfile', { UserName: 'una', Password: 'violet-Kettle-7-umbrella' }],
  ['UpdateLoginProfile', { UserName: 'una', Password: 'violet-Kettle-8-umbrella' }],
  ['CreateVirtualMFADevice', { VirtualMFADeviceName: 'phone' }],
  ['CreateAccountAlias', { AccountAlias: 'at-once' }],
  ['UpdateAccountPasswordPolicy', { MinimumPasswordLength: '9' }],
  ['CreateOpenIDConnectProvider', { Url: 'https://at-once.example.com', 'ClientIDList.member.1': 'a' }],
  ['AddUserToGroup', { UserName: 'una', GroupName: 'crew' }],
  ['AddRoleToInstanceProfile', { RoleName: 'Runner', InstanceProfileName: 'box' }],
  ['AttachUserPolicy', { UserName: 'una', PolicyArn: policy }],
  ['AttachGroupPolicy', { GroupName: 'crew', PolicyArn: policy }],
  ['AttachRolePolicy', { RoleName: 'Runner', PolicyArn: policy }],
  ['PutUserPolicy', { UserName: 'una', PolicyName: 'p', PolicyDocument: doc }],
  ['PutGroupPolicy', { GroupName: 'crew', PolicyName: 'p', PolicyDocument: doc }],
  ['PutRolePolicy', { RoleName: 'Runner', PolicyName: 'p', PolicyDocument: doc }],
  ['PutUserPermissionsBoundary', { UserName: 'una', PermissionsBoundary: policy }],
  ['PutRolePermissionsBoundary', { RoleName: 'Runner', PermissionsBoundary: policy }],
  ['TagUser', { UserName: 'una', 'Tags.member.1.Key': 'k', 'Tags.member.1.Value': 'v' }],
  ['TagRole', { RoleName: 'Runner', 'Tags.member.1.Key': 'k', 'Tags.member.1.Value': 'v' }],
  ['TagPolicy', { PolicyArn: policy, 'Tags.member.1.Key': 'k', 'Tags.member.1.Value': 'v' }],
  ['CreatePolicyVersion', { PolicyArn: policy, PolicyDocument: doc, SetAsDefault: 'true' }],
  ['CreateAccessKey', { UserName: 'una' }],
  ['UpdateAssumeRolePolicy', { RoleName: 'Runner', PolicyDocument: trust }],
  ['UpdateRole', { RoleName: 'Runner', MaxSessionDuration: '7200' }],
  ['UpdateUser', { UserName: 'una', NewUserName: 'unas' }],
  ['UpdateUser', { UserName: 'unas', NewUserName: 'una' }],
  ['UpdateGroup', { GroupName: 'crew', NewGroupName: 'crews' }],
  ['UpdateGroup', { GroupName: 'crews', NewGroupName: 'crew' }],
  ['UntagUser', { UserName: 'una', 'TagKeys.member.1': 'k' }],
  ['DeleteUserPermissionsBoundary', { UserName: 'una' }],
  ['DeleteRolePermissionsBoundary', { RoleName: 'Runner' }],
  ['DeleteUserPolicy', { UserName: 'una', PolicyName: 'p' }],
  ['DeleteGroupPolicy', { GroupName: 'crew', PolicyName: 'p' }],
  ['DeleteRolePolicy', { RoleName: 'Runner', PolicyName: 'p' }],
  ['DetachUserPolicy', { UserName: 'una', PolicyArn: policy }],
  ['DetachGroupPolicy', { GroupName: 'crew', PolicyArn: policy }],
  ['DetachRolePolicy', { RoleName: 'Runner', PolicyArn: policy }],
  ['DeletePolicyVersion', { PolicyArn: policy, VersionId: 'v1' }],
  ['RemoveUserFromGroup', { UserName: 'una', GroupName: 'crew' }],
  ['RemoveRoleFromInstanceProfile', { RoleName: 'Runner', InstanceProfileName: 'box' }],
  ['DeleteInstanceProfile', { InstanceProfileName: 'box' }],
  ['DeleteLoginProfile', { UserName: 'una' }],
  ['DeleteVirtualMFADevice', { SerialNumber: 'arn:aws:iam::111122223333:mfa/phone' }],
  ['DeleteAccountAlias', { AccountAlias: 'at-once' }],
  ['DeleteAccountPasswordPolicy', {}],
  [
    'DeleteOpenIDConnectProvider',
    { OpenIDConnectProviderArn: 'arn:aws:iam::111122223333:oidc-provider/at-once.example.com' },
  ],
  ['DeleteGroup', { GroupName: 'crew' }],
  ['DeleteRole', { RoleName: 'Runner' }],
]

describe('the same call four times at once', () => {
  it.each(life)('%s: one of them at least does it, the others may be refused', async (...call) => {
    const answers = await atOnce([call, call, call, call])
    expect(answers).toContain('200')
    expect(answers.filter((answer) => !/^(?:200|40[049] )/.test(`${answer} `))).toEqual([])
  })
})

describe('something is deleted while others still give it things', () => {
  const rounds = Array.from({ length: 8 }, (_, round) => round)

  /** Rows that hang on a principal that is gone. */
  const orphans = async (): Promise<unknown> =>
    (
      await server.database.query(
        sql`select 'attachment' as kind, principal_id from policy_attachment
             where principal_id not in (select user_id from users union select role_id from role union select group_id from user_group)
            union all
            select 'inline', principal_id from inline_policy
             where principal_id not in (select user_id from users union select role_id from role union select group_id from user_group)`,
      )
    ).rows

  it.each(rounds)('a user, a role and a group leave nothing behind (%i)', async (round) => {
    const name = `gone-${round}`
    const arn = `arn:aws:iam::111122223333:policy/${name}`
    expect(
      await atOnce([
        ['CreateUser', { UserName: name }],
        ['CreateRole', { RoleName: name, AssumeRolePolicyDocument: trust }],
        ['CreateGroup', { GroupName: name }],
        ['CreatePolicy', { PolicyName: name, PolicyDocument: doc }],
      ]),
    ).toEqual(['200', '200', '200', '200'])
    const answers = await atOnce(
      (
        [
          ['AttachUserPolicy', { UserName: name, PolicyArn: arn }],
          ['DeleteUser', { UserName: name }],
          ['PutUserPolicy', { UserName: name, PolicyName: 'p', PolicyDocument: doc }],
          ['CreateAccessKey', { UserName: name }],
          ['AddUserToGroup', { UserName: name, GroupName: name }],
          ['AttachRolePolicy', { RoleName: name, PolicyArn: arn }],
          ['DeleteRole', { RoleName: name }],
          ['PutRolePolicy', { RoleName: name, PolicyName: 'p', PolicyDocument: doc }],
          ['AttachGroupPolicy', { GroupName: name, PolicyArn: arn }],
          ['DeleteGroup', { GroupName: name }],
          ['PutGroupPolicy', { GroupName: name, PolicyName: 'p', PolicyDocument: doc }],
          ['PutUserPermissionsBoundary', { UserName: name, PermissionsBoundary: arn }],
          ['DeletePolicy', { PolicyArn: arn }],
        ] as const
      ).toSorted((a, b) => ((a[0].length * 7 + round * 5) % 11) - ((b[0].length * 7 + round * 5) % 11)),
    )
    expect(answers.filter((answer) => !/^(?:200|404 NoSuchEntity|409 DeleteConflict)$/.test(answer))).toEqual(
      [],
    )
    expect(await orphans()).toEqual([])
    const boundaries = await server.database.query(
      sql`select name from users where permissions_boundary is not null
            and permissions_boundary not in (select arn from managed_policy)`,
    )
    expect(boundaries.rows).toEqual([])
  })
})
