import {
  GetCallerIdentityCommand,
  STSClient,
  type STSClientConfig,
  type STSServiceException,
} from '@aws-sdk/client-sts'

import { createAudit, listEvents } from '#audit'
import { type Database } from '#database'
import { createUser, type User } from '#directory'
import { createRole, openMemory, putInlinePolicy, readBuiltInPolicies, type Role } from '#iam'
import { type Clock } from '#kernel'
import { openKeys, type Keys } from '#keys'
import { verifyMfaCode } from '#mfa'
import { openEpochs, type Epochs } from '#sessions'
import { lookAlikes, openSts, stsRoutes, type StsNeeds } from '#sts'

import type { TestCredentials } from '../support/api-call.ts'
import { listenForAws, newKey } from '../support/aws-listening.ts'
import { testDatabase } from '../support/database.ts'
import { claim, home, testVault } from '../support/fixtures.ts'

export type Credentials = TestCredentials

/** STS over real HTTP, a real database and the real SDK. */
export type StsServer = {
  readonly url: string
  readonly database: Database
  readonly epochs: Epochs
  readonly keys: Keys
  readonly sts: StsNeeds
  readonly client: (credentials: Credentials, more?: Partial<STSClientConfig>) => STSClient
  readonly user: (name: string, policy?: object) => Promise<{ user: User; credentials: Credentials }>
  readonly key: (owner: { accountId: string; userId?: string }) => Promise<Credentials>
  readonly role: (
    name: string,
    trust: object,
    more?: Partial<Parameters<typeof createRole>[2]>,
  ) => Promise<Role>
  readonly events: (name: string) => Promise<readonly Record<string, unknown>[]>
  readonly identityOf: (credentials: Credentials) => Promise<string | undefined>
  readonly close: () => Promise<void>
}

export const samlEntityId = 'http://localhost/saml/metadata'

export async function startSts(clock: Clock, allowedIssuerHosts: readonly string[] = []): Promise<StsServer> {
  const database = await testDatabase()
  await claim(database, clock)
  const publicUrl = new URL('http://localhost:4000/')
  const [keys, epochs, memory] = await Promise.all([
    openKeys({ database, vault: testVault, clock, publicUrl }),
    openEpochs({ database }),
    openMemory({ database }),
  ])
  const audit = createAudit({ database, clock })
  const quiet = { info() {}, warn() {}, error: (fields: object) => bugs.push(fields), child: () => quiet }
  const sts = openSts({
    database,
    builtInPolicies: readBuiltInPolicies(new URL('../../config/policies', import.meta.url).pathname),
    vault: testVault,
    clock,
    memory,
    audit,
    epochs,
    keys,
    publicUrl,
    issuer: 'http://localhost:4000',
    samlEntityId,
    verifyMfa: (request) => verifyMfaCode({ database, vault: testVault, clock }, request),
    settings: { allowed_issuer_hosts: [...allowedIssuerHosts], verifiable_sessions: 'sigv4a' },
    log: quiet,
  })
  const listening = await listenForAws({
    clock,
    log: quiet,
    publicUrl,
    faces: [stsRoutes(sts), lookAlikes()],
  })
  const { url } = listening
  const key = (owner: { accountId: string; userId?: string }) => newKey(database, clock, owner)
  const client = (credentials: Credentials, more: Partial<STSClientConfig> = {}) =>
    new STSClient({
      region: 'eu-central-1',
      endpoint: url,
      credentials,
      maxAttempts: 1,
      ...offset(clock),
      ...more,
    })
  return {
    url,
    database,
    epochs,
    keys,
    sts,
    client,
    key,
    user: async (name, policy) => {
      const user = await createUser(database, clock, { accountId: home, name })
      if (policy !== undefined) await putInlinePolicy(database, user.userId, 'test', document(policy))
      return { user, credentials: await key({ accountId: home, userId: user.userId }) }
    },
    role: (name, trust, more = {}) =>
      createRole(database, clock, { accountId: home, name, trustDocument: document(trust), ...more }),
    events: async (name) => {
      await audit.flush()
      return (await listEvents(database, { name })).map(
        ({ body }) => JSON.parse(body) as Record<string, unknown>,
      )
    },
    identityOf: async (credentials) => (await client(credentials).send(new GetCallerIdentityCommand({}))).Arn,
    close: async () => {
      await listening.close()
      await audit.flush()
      await memory.close()
      await epochs.close()
      await database.close()
    },
  }
}

/** What the server logged as a bug. Must stay empty. */
export const bugs: object[] = []

/** The SDK signs with its own clock: the difference to the test's. */
const offset = (clock: Clock) => ({ systemClockOffset: clock().epochMilliseconds - Date.now() })

export const document = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements.flat() })

/** What a call was refused with: `status code message`. */
export const refusal = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call
    return 'accepted'
  } catch (thrown) {
    const { name, message, $metadata } = thrown as STSServiceException
    return `${$metadata?.httpStatusCode ?? 0} ${name} ${message}`
  }
}
