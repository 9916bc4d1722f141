import { IAMClient, type IAMClientConfig } from '@aws-sdk/client-iam'

import { createAudit, listEvents } from '#audit'
import { createPasswordHasher, type PasswordHasher } from '#crypto'
import { type Database } from '#database'
import { createUser, type User } from '#directory'
import { attachPolicy, putInlinePolicy, readBuiltInPolicies } from '#iam'
import { createIamApi, iamSettings, type IamSettings } from '#iam-api'
import { type Clock } from '#kernel'
import { openKeys } from '#keys'
import { verifyMfaCode } from '#mfa'
import { openEpochs, type Epochs } from '#sessions'
import { openSts, stsRoutes, type StsNeeds } from '#sts'

import type { TestCredentials } from '../support/api-call.ts'
import { listenForAws, newKey } from '../support/aws-listening.ts'
import { testDatabase } from '../support/database.ts'
import { claim, home, testVault } from '../support/fixtures.ts'

export type Credentials = TestCredentials

/** The IAM API over real HTTP, a real database and the real SDK. */
export type IamServer = {
  readonly url: string
  readonly database: Database
  readonly epochs: Epochs
  readonly hasher: PasswordHasher
  readonly sts: StsNeeds
  /** The client of a user who may do everything. */
  readonly admin: IAMClient
  readonly adminCredentials: Credentials
  readonly root: IAMClient
  readonly rootCredentials: Credentials
  readonly client: (credentials: Credentials, more?: Partial<IAMClientConfig>) => IAMClient
  readonly key: (owner: { accountId: string; userId?: string }) => Promise<Credentials>
  /** A user with an access key and an inline policy of these statements. */
  readonly user: (
    name: string,
    ...statements: readonly object[]
  ) => Promise<{ user: User; credentials: Credentials; client: IAMClient }>
  readonly events: (name: string) => Promise<readonly Record<string, unknown>[]>
  readonly close: () => Promise<void>
}

/** What the server logged as a bug. Must stay empty. */
export const bugs: object[] = []

export const document = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements })

/** A policy that allows one action everywhere. */
export const allow = (
  Action: string | readonly string[],
  Resource: string | readonly string[] = '*',
): string => document({ Effect: 'Allow', Action, Resource })

/** A trust policy for everybody of the account. */
export const trust = document({ Effect: 'Allow', Principal: { AWS: home }, Action: 'sts:AssumeRole' })

export const builtIn = (name: string): string => `arn:aws:iam::aws:policy/${name}`

export async function startIam(clock: Clock, settings: Partial<IamSettings> = {}): Promise<IamServer> {
  const database = await testDatabase()
  await claim(database, clock)
  const publicUrl = new URL('http://localhost:4000/')
  const [keys, epochs, hasher] = await Promise.all([
    openKeys({ database, vault: testVault, clock, publicUrl }),
    openEpochs({ database }),
    createPasswordHasher(
      { clock },
      { memoryKib: 8_192, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
    ),
  ])
  const quiet = { info() {}, warn() {}, error: (fields: object) => bugs.push(fields), child: () => quiet }
  const builtInPolicies = readBuiltInPolicies(new URL('../../config/policies', import.meta.url).pathname)
  const audit = createAudit({ database, clock })
  const sts = openSts({
    database,
    builtInPolicies,
    vault: testVault,
    clock,
    audit,
    epochs,
    keys,
    publicUrl,
    issuer: 'http://localhost:4000',
    samlEntityId: 'http://localhost/saml/metadata',
    verifyMfa: (request) => verifyMfaCode({ database, vault: testVault, clock }, request),
    settings: { allowed_issuer_hosts: [], verifiable_sessions: 'sigv4a' },
    log: quiet,
  })
  const iamApi = createIamApi({
    database,
    builtInPolicies,
    vault: testVault,
    hasher,
    publicUrl,
    clock,
    audit,
    settings: iamSettings.parse(settings),
    log: quiet,
  })
  const listening = await listenForAws({
    clock,
    log: quiet,
    publicUrl,
    faces: [stsRoutes({ ...sts, iamApi })],
  })
  const { url } = listening
  const key = (owner: { accountId: string; userId?: string }) => newKey(database, clock, owner)
  const client = (credentials: Credentials, more: Partial<IAMClientConfig> = {}) =>
    new IAMClient({
      region: 'eu-central-1',
      endpoint: url,
      credentials,
      maxAttempts: 1,
      systemClockOffset: clock().epochMilliseconds - Date.now(),
      ...more,
    })
  const someone = await createUser(database, clock, { accountId: home, name: 'the-administrator' })
  await attachPolicy(database, someone.userId, builtIn('AdministratorAccess'))
  const adminCredentials = await key({ accountId: home, userId: someone.userId })
  const rootCredentials = await key({ accountId: home })
  return {
    url,
    database,
    epochs,
    hasher,
    sts,
    admin: client(adminCredentials),
    adminCredentials,
    root: client(rootCredentials),
    rootCredentials,
    client,
    key,
    user: async (name, ...statements) => {
      const user = await createUser(database, clock, { accountId: home, name })
      if (statements.length > 0) await putInlinePolicy(database, user.userId, 'test', document(...statements))
      const credentials = await key({ accountId: home, userId: user.userId })
      return { user, credentials, client: client(credentials) }
    },
    events: async (name) =>
      (await listEvents(database, { name })).map(({ body }) => JSON.parse(body) as Record<string, unknown>),
    close: async () => {
      await listening.close()
      await epochs.close()
      await database.close()
    },
  }
}

/** What a call was refused with: `status code message`; `accepted` where it was not. */
export const refusal = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call
    return 'accepted'
  } catch (thrown) {
    const { name, Code, message, $metadata } = thrown as {
      name: string
      Code?: string
      message: string
      $metadata?: { httpStatusCode?: number }
    }
    return `${$metadata?.httpStatusCode ?? 0} ${Code ?? name} ${message}`
  }
}
