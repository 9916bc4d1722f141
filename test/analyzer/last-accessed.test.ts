import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Accessor, createUseLog, serviceLastAccessed } from '#analyzer'
import { clientIdentity, createAudit, roleSessionIdentity, userIdentity } from '#audit'
import type { Database } from '#database'
import { testDatabase } from '../support/database.ts'

const accountId = '111122223333'
const born = Temporal.Instant.from('2026-01-01T00:00:00Z')
const alice = {
  userId: 'AIDAALICE',
  accountId,
  name: 'Alice',
  arn: `arn:aws:iam::${accountId}:user/people/Alice`,
}
const role = { roleId: 'AROADEPLOY', arn: `arn:aws:iam::${accountId}:role/deploy`, name: 'deploy' }
const session = roleSessionIdentity({
  principalId: 'AROADEPLOY:build',
  arn: `arn:aws:sts::${accountId}:assumed-role/deploy/build`,
  accountId,
  role,
  issuedAt: born,
  mfaAuthenticated: false,
})
const accessors: Accessor[] = [
  { kind: 'user', name: 'Alice', arn: alice.arn, createdAt: born },
  { kind: 'role', name: 'deploy', arn: role.arn, createdAt: born },
]

let database: Database
let now = born
const complaints: unknown[] = []
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

const world = (over: Pick<Database, 'query'> = database) => {
  const uses = createUseLog({ database: over, complain: (thrown) => complaints.push(thrown) })
  return { uses, audit: createAudit({ database, clock: () => now, heard: uses.heard }) }
}
const at = (text: string) => {
  now = Temporal.Instant.from(text)
}
const asked = async () =>
  (await serviceLastAccessed(database, { accountId, accessors })).map(
    ({ service, lastAt, by, entities, actions }) => ({
      service,
      lastAt: lastAt.toString(),
      by,
      entities,
      actions: actions.map(({ action, allowedAt }) => `${action} ${allowedAt?.toString() ?? 'never'}`),
    }),
  )

describe('what was used last', () => {
  it('is known for calls, decisions and batches of decisions, of users and of sessions of roles', async () => {
    const { uses, audit } = world()
    at('2026-02-01T00:00:00Z')
    await audit.recordSoon({ source: 'iam', name: 'GetUser', by: userIdentity(alice) })
    at('2026-02-02T00:00:00Z')
    const error = { code: 'AccessDenied', message: 'no' }
    await audit.recordSoon({ source: 'iam', name: 'GetUser', by: session, error })
    await audit.recordSoon({
      source: 'access',
      name: 'Evaluate',
      by: session,
      parameters: { action: 'orders:Refund' },
    })
    await audit.recordSoon({
      source: 'access',
      name: 'Evaluations',
      by: clientIdentity('orders'),
      response: {
        principals: [alice.arn],
        actions: ['orders:Get', 'orders:Put', 'orders:Drop'],
        decisions: [
          [0, 0, 'order/1', 'Allow', -1],
          [0, 1, 'order/1', 'Deny', -1],
          [-1, 2, 'order/1', 'Deny', -1],
          null,
        ],
      },
    })
    await audit.recordSoon({ source: 'signin', name: 'ConsoleLogin', by: userIdentity(alice) })
    await uses.close()
    expect(await asked()).toEqual([
      {
        service: 'iam',
        lastAt: '2026-02-02T00:00:00Z',
        by: role.arn,
        entities: 2,
        actions: ['GetUser 2026-02-01T00:00:00Z'],
      },
      {
        service: 'orders',
        lastAt: '2026-02-02T00:00:00Z',
        by: alice.arn,
        entities: 2,
        actions: ['Get 2026-02-02T00:00:00Z', 'Put never', 'Refund 2026-02-02T00:00:00Z'],
      },
    ])
  })

  it('never goes back, and is one row for many calls', async () => {
    const { uses, audit } = world()
    for (const time of ['2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z', '2026-01-15T00:00:00Z']) {
      at(time)
      await audit.recordSoon({ source: 'iam', name: 'GetUser', by: userIdentity(alice) })
      await uses.flush()
    }
    await uses.close()
    const [iam] = await asked()
    expect(iam).toMatchObject({ lastAt: '2026-03-03T00:00:00Z', actions: ['GetUser 2026-03-03T00:00:00Z'] })
  })

  it('of an earlier user of the same name is not told', async () => {
    const reborn = accessors.map((each) => ({
      ...each,
      createdAt: Temporal.Instant.from('2026-06-01T00:00:00Z'),
    }))
    expect(await serviceLastAccessed(database, { accountId, accessors: reborn })).toEqual([])
  })

  it('is kept while the database cannot be written', async () => {
    let isDown = true
    const { uses, audit } = world({
      query: (statement) => (isDown ? Promise.reject(new Error('down')) : database.query(statement)),
    })
    at('2026-04-01T00:00:00Z')
    await audit.recordSoon({ source: 'sts', name: 'GetSessionToken', by: userIdentity(alice) })
    await expect(uses.flush()).rejects.toThrow('down')
    isDown = false
    await uses.close()
    expect((await asked()).map(({ service }) => service)).toContain('sts')
    expect(complaints).toEqual([])
  })
})
