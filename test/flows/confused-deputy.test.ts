/** A deputy that may act for several customers is not talked into acting for the wrong one. Over HTTP, with AWS's own SDK. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CreateRoleCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DetachUserPolicyCommand,
  IAMClient,
} from '@aws-sdk/client-iam'
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { listEvents } from '#audit'
import { createAccessKey, createUser, type User } from '#directory'
import { attachPolicy, createAccount, createRole } from '#iam'
import { Secret, systemClock } from '#kernel'
import { claim, home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const vendor = '222233334444'
const other = '333344445555'
const secret = 'a-secret-access-key-for-tests-forty-char'
const everything = 'arn:aws:iam::aws:policy/AdministratorAccess'
type Keys = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }

let server: TestServer
const keyOf = (accessKeyId: string): Keys => ({ accessKeyId, secretAccessKey: secret })
const client = (credentials: Keys) =>
  ({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 }) as const
const assume = async (credentials: Keys, input: Omit<AssumeRoleCommandInput, 'RoleSessionName'>) => {
  const { Credentials: given } = await new STSClient(client(credentials)).send(
    new AssumeRoleCommand({ RoleSessionName: 'deputy', ...input }),
  )
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}
const refusal = async (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'it was allowed',
    (thrown: unknown) => (thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)),
  )

async function person(accountId: string, name: string, accessKeyId: string): Promise<User> {
  const { database } = server
  const user = await createUser(database, systemClock, { accountId, name })
  await createAccessKey(
    database,
    { vault: testVault, clock: systemClock },
    { accountId, userId: user.userId, accessKeyId, secret: new Secret(secret) },
  )
  await attachPolicy(database, user.userId, everything)
  return user
}

async function role(accountId: string, name: string, principal: string, condition?: object): Promise<string> {
  const made = await createRole(server.database, systemClock, {
    accountId,
    name,
    trustDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: principal },
          Action: ['sts:AssumeRole', 'sts:TagSession'],
          ...(condition === undefined ? {} : { Condition: condition }),
        },
      ],
    }),
  })
  await attachPolicy(server.database, made.roleId, everything)
  return made.arn
}

beforeAll(async () => {
  server = await startServer()
  await claim(server.database, systemClock)
  await createAccount(server.database, systemClock, { name: 'vendor', accountId: vendor })
  await createAccount(server.database, systemClock, { name: 'other', accountId: other })
  await person(vendor, 'operator', 'AKIAVENDORVENDORVEND')
  await person(other, 'operator', 'AKIAOTHEROTHEROTHERO')
  await person(home, 'admin', 'AKIAADMINADMINADMINA')
})
afterAll(() => server.close())

describe('a vendor with roles at two customers', () => {
  it('gets into each only with that customer’s external id, and learns nothing from a refusal', async () => {
    const mine = await role(home, 'VendorAccess', `arn:aws:iam::${vendor}:root`, {
      StringEquals: { 'sts:ExternalId': 'customer-1' },
    })
    const theirs = await role(other, 'VendorAccess', `arn:aws:iam::${vendor}:root`, {
      StringEquals: { 'sts:ExternalId': 'customer-2' },
    })
    const asVendor = keyOf('AKIAVENDORVENDORVEND')
    await assume(asVendor, { RoleArn: mine, ExternalId: 'customer-1' })
    await assume(asVendor, { RoleArn: theirs, ExternalId: 'customer-2' })
    const wrong = await refusal(assume(asVendor, { RoleArn: mine, ExternalId: 'customer-2' }))
    expect(wrong).toContain('AccessDenied')
    expect(await refusal(assume(asVendor, { RoleArn: mine }))).toBe(wrong)
    const missing = `arn:aws:iam::${home}:role/NobodysRole`
    expect(await refusal(assume(asVendor, { RoleArn: missing, ExternalId: 'customer-1' }))).toBe(
      wrong.replaceAll(mine, missing),
    )
  })

  it('keeps its own account in sight: the audit event names who came from where', async () => {
    const events = (await listEvents(server.database, { name: 'AssumeRole' })).map(
      ({ body }) =>
        JSON.parse(body) as { userIdentity: { arn: string }; requestParameters: { roleArn: string } | null },
    )
    expect(events).toContainEqual(
      expect.objectContaining({
        userIdentity: expect.objectContaining({
          arn: `arn:aws:iam::${vendor}:user/operator`,
          accountId: vendor,
        }),
        requestParameters: expect.objectContaining({ roleArn: `arn:aws:iam::${home}:role/VendorAccess` }),
      }),
    )
  })

  it('does not pass a customer’s role on: a chained session of one customer is nobody at the other', async () => {
    const session = await assume(keyOf('AKIAVENDORVENDORVEND'), {
      RoleArn: `arn:aws:iam::${home}:role/VendorAccess`,
      ExternalId: 'customer-1',
    })
    expect(
      await refusal(
        assume(session, { RoleArn: `arn:aws:iam::${other}:role/VendorAccess`, ExternalId: 'customer-2' }),
      ),
    ).toContain('AccessDenied')
  })
})

describe('nobody can say who it is', () => {
  it('a session tag cannot stand in for a key that only Signet fills in', async () => {
    const guarded = await role(home, 'ForTheQueue', `arn:aws:iam::${vendor}:root`, {
      StringEquals: { 'aws:SourceAccount': vendor },
    })
    const asVendor = keyOf('AKIAVENDORVENDORVEND')
    for (const Key of ['aws:SourceAccount', 'AWS:SourceAccount', 'signet:SourceAccount'])
      expect(
        await refusal(assume(asVendor, { RoleArn: guarded, Tags: [{ Key, Value: vendor }] })),
      ).not.toContain('it was allowed')
    expect(
      await refusal(assume(asVendor, { RoleArn: guarded, Tags: [{ Key: 'SourceAccount', Value: vendor }] })),
    ).toContain('AccessDenied')
  })

  it('a user of the same name in another account is another user', async () => {
    const forOne = await role(home, 'ForOneOperator', `arn:aws:iam::${vendor}:user/operator`)
    await assume(keyOf('AKIAVENDORVENDORVEND'), { RoleArn: forOne })
    expect(await refusal(assume(keyOf('AKIAOTHEROTHEROTHERO'), { RoleArn: forOne }))).toContain(
      'AccessDenied',
    )
  })

  it('trust in an account reaches no further than what that account allows its people', async () => {
    const shared = await role(home, 'Shared', `arn:aws:iam::${other}:root`)
    const { database } = server
    const intern = await createUser(database, systemClock, { accountId: other, name: 'intern' })
    await createAccessKey(
      database,
      { vault: testVault, clock: systemClock },
      {
        accountId: other,
        userId: intern.userId,
        accessKeyId: 'AKIAINTERNINTERNINTE',
        secret: new Secret(secret),
      },
    )
    expect(await refusal(assume(keyOf('AKIAINTERNINTERNINTE'), { RoleArn: shared }))).toContain(
      'AccessDenied',
    )
    await assume(keyOf('AKIAOTHEROTHEROTHERO'), { RoleArn: shared })
  })

  it('a role session of the vendor’s own role is told apart from its users', async () => {
    const worker = await role(vendor, 'Worker', `arn:aws:iam::${vendor}:root`)
    const target = await role(home, 'ForWorker', worker)
    const asVendor = keyOf('AKIAVENDORVENDORVEND')
    expect(await refusal(assume(asVendor, { RoleArn: target }))).toContain('AccessDenied')
    const session = await assume(asVendor, { RoleArn: worker })
    const chained = await assume(session, { RoleArn: target })
    expect(await new STSClient(client(chained)).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: home,
      Arn: `arn:aws:sts::${home}:assumed-role/ForWorker/deputy`,
    })
  })
})

describe('somebody who is gone stays gone', () => {
  it('a new user with the name of a deleted one is not who the role trusts', async () => {
    const first = await person(vendor, 'temp', 'AKIATEMPTEMPTEMPTEMP')
    const forTemp = await role(home, 'ForTemp', first.arn)
    await assume(keyOf('AKIATEMPTEMPTEMPTEMP'), { RoleArn: forTemp })
    const iam = new IAMClient(client(keyOf('AKIAVENDORVENDORVEND')))
    await iam.send(new DeleteAccessKeyCommand({ UserName: 'temp', AccessKeyId: 'AKIATEMPTEMPTEMPTEMP' }))
    await iam.send(new DetachUserPolicyCommand({ UserName: 'temp', PolicyArn: everything }))
    await iam.send(new DeleteUserCommand({ UserName: 'temp' }))
    const second = await person(vendor, 'temp', 'AKIATEMPTEMPTEMPTEM2')
    expect(second.arn).toBe(first.arn)
    expect(await refusal(assume(keyOf('AKIATEMPTEMPTEMPTEM2'), { RoleArn: forTemp }))).toContain(
      'AccessDenied',
    )
  })

  it('a role cannot be made to trust who does not exist', async () => {
    const iam = new IAMClient(client(keyOf('AKIAADMINADMINADMINA')))
    expect(
      await refusal(
        iam.send(
          new CreateRoleCommand({
            RoleName: 'ForNobody',
            AssumeRolePolicyDocument: JSON.stringify({
              Version: '2012-10-17',
              Statement: [
                {
                  Effect: 'Allow',
                  Principal: { AWS: `arn:aws:iam::${vendor}:user/nobody` },
                  Action: 'sts:AssumeRole',
                },
              ],
            }),
          }),
        ),
      ),
    ).toContain('MalformedPolicyDocument')
  })
})
