import { afterAll, beforeAll, expect, it } from 'vitest'

import { type Database, sql } from '#database'
import { createRole, findOidcProvider, openMemory, putOidcProvider, updateRole } from '#iam'
import { remembered } from '#src/sts/remembered.ts'

import { fixedClock, testVault } from '../support/fixtures.ts'
import { startSts, type StsServer } from './harness.ts'

const clock = fixedClock()
const issuer = 'https://issuer.example.com'
let server: StsServer
let accountId: string

beforeAll(async () => {
  server = await startSts(clock)
  const { user } = await server.user('ops')
  accountId = user.accountId
})
afterAll(() => server.close())

/** A node on PostgreSQL that no notification reaches: it learns of changes by looking, and knows of its own writes. */
async function node() {
  const own = server.database
  let [asked, writes] = [0, 0]
  const database: Database = {
    ...own,
    kind: 'postgres',
    listen: async () => async () => {},
    writes: () => writes,
    query: async (statement) => {
      if (/from (?:role|oidc_provider)\b/.test(statement.chunks.join(''))) asked++
      const rows = await own.query(statement)
      if (!/^\s*select\b/.test(statement.chunks[0] ?? '')) writes++
      return rows as never
    },
  }
  const memory = await openMemory({ database, now: () => 0 })
  const finds = remembered({ database, vault: testVault, memory, epochs: { of: () => 0 } })
  return { database, memory, finds, asked: () => asked }
}

const trust = (service: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  })

it('a role that this node changed is at once what it was made, without a notification', async () => {
  const { database, finds, memory, asked } = await node()
  const role = await createRole(database, clock, {
    accountId,
    name: 'Deploy',
    trustDocument: trust('one.signet'),
  })
  const both = async () => [
    await finds.findRole(role.arn),
    await finds.findSessionRole(accountId, { roleId: role.roleId, roleName: role.name }),
  ]
  for (const found of await both()) expect(found?.trustDocument).toContain('one.signet')
  const before = asked()
  await both()
  expect(asked()).toBe(before)
  await updateRole(database, role.roleId, { trustDocument: trust('two.signet') })
  for (const found of await both()) expect(found?.trustDocument).toContain('two.signet')
  await database.query(sql`delete from role where role_id = ${role.roleId}`)
  expect(await both()).toEqual([undefined, undefined])
  await memory.close()
})

it('a session is of no role that has its id and another name or account', async () => {
  const { database, finds, memory } = await node()
  const role = await createRole(database, clock, {
    accountId,
    name: 'Audit',
    trustDocument: trust('one.signet'),
  })
  const { roleId } = role
  expect(await finds.findSessionRole(accountId, { roleId, roleName: 'Other' })).toBeUndefined()
  expect(await finds.findSessionRole('999999999999', { roleId, roleName: 'Audit' })).toBeUndefined()
  expect(await finds.findSessionRole(accountId, { roleId, roleName: 'Audit' })).toMatchObject({ roleId })
  await memory.close()
})

it('so is an OIDC provider', async () => {
  const { database, finds, memory, asked } = await node()
  await putOidcProvider(database, clock, { accountId, url: issuer, clientIds: ['one'] })
  const find = () => finds.findOidcProvider(accountId, issuer)
  expect((await find())?.clientIds).toEqual(['one'])
  const before = asked()
  await find()
  expect(asked()).toBe(before)
  await putOidcProvider(database, clock, { accountId, url: issuer, clientIds: ['two'] })
  expect((await find())?.clientIds).toEqual(['two'])
  await database.query(sql`delete from oidc_provider where arn = ${(await find())?.arn ?? ''}`)
  expect(await find()).toBeUndefined()
  expect(await findOidcProvider(database, accountId, issuer)).toBeUndefined()
  await memory.close()
})
