import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { Database } from '#database'
import { deleteAccessKey, deleteUser, setAccessKeyStatus, updateUser, type User } from '#directory'
import { openMemory } from '#iam'
import { isFailure } from '#kernel'
import { openEpochs } from '#sessions'
import { signHeaders, type SignableRequest } from '#sigv4'
import { authenticate, type StsNeeds } from '#sts'
import { remembered } from '#src/sts/remembered.ts'

import { fixedClock, testVault } from '../support/fixtures.ts'
import { startSts, type Credentials, type StsServer } from './harness.ts'

const clock = fixedClock()
let server: StsServer
let owner: { user: User; credentials: Credentials }
let count = 0

beforeAll(async () => {
  server = await startSts(clock)
})
afterAll(() => server.close())
beforeEach(async () => {
  owner = await server.user(`signer${count++}`)
})

const request = ({ accessKeyId, secretAccessKey }: Credentials): SignableRequest => {
  const unsigned = { method: 'GET', rawUrl: '/', headers: [['host', 'h'] as const], body: new Uint8Array() }
  const scope = { at: clock(), region: 'eu-central-1', service: 'sts' }
  return { ...unsigned, headers: signHeaders(unsigned, { accessKeyId, secretAccessKey }, scope) }
}

/** The tags of who signed, or the reason of the refusal. */
async function whoSigned(needs: StsNeeds): Promise<unknown> {
  try {
    const { caller } = await authenticate(needs, request(owner.credentials), { services: ['sts'] })
    return caller.tags
  } catch (thrown) {
    if (isFailure(thrown)) return thrown.reason
    throw thrown
  }
}

/** A database that counts what it is asked. */
function counted(database: Database): { database: Database; asked: () => number } {
  let asked = 0
  return {
    asked: () => asked,
    database: {
      ...database,
      query: (statement) => {
        asked++
        return database.query(statement)
      },
    },
  }
}

describe('who signs with a long-term key', () => {
  it('is looked up once, for any number of requests', async () => {
    const { database, asked } = counted(server.database)
    const memory = await openMemory({ database })
    const { epochs } = server
    const needs = { ...server.sts, ...remembered({ database, vault: testVault, memory, epochs }) }
    await whoSigned(needs)
    const before = asked()
    expect([await whoSigned(needs), await whoSigned(needs)]).toEqual([{}, {}])
    expect(asked()).toBe(before)
    await memory.close()
  })

  const changes: readonly (readonly [string, () => Promise<unknown>, unknown])[] = [
    [
      'the key is switched off',
      () => setAccessKeyStatus(server.database, owner.credentials.accessKeyId, 'Inactive'),
      'sts/invalid-token',
    ],
    [
      'the key is deleted',
      () => deleteAccessKey(server.database, owner.credentials.accessKeyId),
      'sts/invalid-token',
    ],
    [
      'the user is disabled',
      () => updateUser(server.database, owner.user.userId, { status: 'disabled' }),
      'sts/invalid-token',
    ],
    [
      'the user is deleted',
      async () => {
        await deleteAccessKey(server.database, owner.credentials.accessKeyId)
        await deleteUser(server.database, owner.user.userId)
      },
      'sts/invalid-token',
    ],
    [
      'the user is tagged',
      () => updateUser(server.database, owner.user.userId, { tags: { team: 'payments' } }),
      { team: 'payments' },
    ],
  ]
  for (const [change, make, after] of changes) {
    it(`is looked up again when ${change}`, async () => {
      expect(await whoSigned(server.sts)).toEqual({})
      await make()
      expect(await whoSigned(server.sts)).toEqual(after)
    })
  }

  it('is taken again at once when the key is switched on again', async () => {
    const { accessKeyId } = owner.credentials
    await setAccessKeyStatus(server.database, accessKeyId, 'Inactive')
    expect(await whoSigned(server.sts)).toBe('sts/invalid-token')
    await setAccessKeyStatus(server.database, accessKeyId, 'Active')
    expect(await whoSigned(server.sts)).toEqual({})
  })
})

describe('on another node', () => {
  /** A node on PostgreSQL to which no notification of policies comes; of revocations where `hears` is said. */
  async function deaf(hears: boolean) {
    const own: Database = {
      ...server.database,
      kind: 'postgres',
      listen: async (channel, heard) =>
        hears && channel === 'signet_epoch' ? server.database.listen(channel, heard) : async () => {},
      writes: () => 0,
    }
    const still = fixedClock()
    const [memory, epochs] = await Promise.all([
      openMemory({ database: own, now: () => still().epochMilliseconds }),
      openEpochs({ database: own }),
    ])
    return {
      still,
      needs: { ...server.sts, epochs, ...remembered({ database: own, vault: testVault, memory, epochs }) },
      close: () => Promise.all([memory.close(), epochs.close()]),
    }
  }

  /** PostgreSQL tells of a change a moment after its commit. */
  const heard = (node: Awaited<ReturnType<typeof deaf>>, kind: 'key' | 'user', id: string) =>
    expect.poll(() => node.needs.epochs.of(kind, id), { interval: 2 }).toBeGreaterThan(0)

  it('a key that was switched off is refused as soon as its revocation is heard of', async () => {
    const node = await deaf(true)
    expect(await whoSigned(node.needs)).toEqual({})
    await setAccessKeyStatus(server.database, owner.credentials.accessKeyId, 'Inactive')
    await heard(node, 'key', owner.credentials.accessKeyId)
    expect(await whoSigned(node.needs)).toBe('sts/invalid-token')
    await node.close()
  })

  it('so is the key of a user who was disabled', async () => {
    const node = await deaf(true)
    expect(await whoSigned(node.needs)).toEqual({})
    await updateUser(server.database, owner.user.userId, { status: 'disabled' })
    await heard(node, 'user', owner.user.userId)
    expect(await whoSigned(node.needs)).toBe('sts/invalid-token')
    await node.close()
  })

  it('that hears nothing at all, both are refused within a quarter of a second', async () => {
    const node = await deaf(false)
    expect(await whoSigned(node.needs)).toEqual({})
    await setAccessKeyStatus(server.database, owner.credentials.accessKeyId, 'Inactive')
    node.still.advance({ milliseconds: 250 })
    expect(await whoSigned(node.needs)).toBe('sts/invalid-token')
    await node.close()
  })
})
