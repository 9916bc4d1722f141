import { putApp, putOidcClient, putServiceProvider, serviceProviderSettings } from '#apps'
import { createPasswordHasher, type Vault } from '#crypto'
import type { Database } from '#database'
import { createAccessKey, createUser, setPasswordHash, type User } from '#directory'
import { createRole, putInlinePolicy } from '#iam'
import { Secret, systemClock } from '#kernel'
import { claim, home, testVault } from './fixtures.ts'

/** A small company, made by the records' own functions: one user with a key, one client, one service provider, one role. */
export const acme = {
  password: 'correct horse battery staple',
  clientId: 'shop',
  clientSecret: 'a-client-secret-of-forty-three-characters-xx',
  redirectUri: 'http://localhost:9/callback',
  entityId: 'https://wiki.example.com/saml',
  acs: 'https://wiki.example.com/saml/acs',
  accessKeyId: 'AKIAACMETESTALICE234',
  secretAccessKey: 'alice-secret-access-key-for-tests-forty0',
  roleArn: `arn:aws:iam::${home}:role/OrdersReader`,
} as const

/** Makes the company in an empty database. @returns its user alice */
export async function seedAcme(database: Database, vault: Vault = testVault): Promise<User> {
  const clock = systemClock
  await claim(database, clock)
  const hasher = await createPasswordHasher(
    { clock },
    { memoryKib: 19_456, passes: 2, slots: 2, queue: 50, waitMilliseconds: 2_000 },
  )
  const phc = await hasher.hash(acme.password)
  return database.transaction(async (tx) => {
    const alice = await createUser(tx, clock, {
      accountId: home,
      name: 'alice',
      mail: 'alice@acme.test',
      mailVerified: true,
    })
    await setPasswordHash(tx, clock, { userId: alice.userId, phc })
    await createAccessKey(
      tx,
      { vault, clock },
      {
        accountId: home,
        userId: alice.userId,
        accessKeyId: acme.accessKeyId,
        secret: new Secret(acme.secretAccessKey),
      },
    )
    await putInlinePolicy(
      tx,
      alice.userId,
      'assume',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:TagSession'], Resource: '*' }],
      }),
    )
    await createRole(tx, clock, {
      accountId: home,
      name: 'OrdersReader',
      trustDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { AWS: home }, Action: ['sts:AssumeRole', 'sts:TagSession'] },
        ],
      }),
    })
    const shop = await putApp(tx, clock, {
      accountId: home,
      kind: 'oidc',
      name: 'Shop',
      servicePrefix: 'orders',
    })
    await putOidcClient(tx, clock, {
      clientId: acme.clientId,
      appId: shop.appId,
      secret: new Secret(acme.clientSecret),
      metadata: {
        redirect_uris: [acme.redirectUri],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    })
    const wiki = await putApp(tx, clock, { accountId: home, kind: 'saml', name: 'Wiki' })
    await putServiceProvider(tx, clock, {
      entityId: acme.entityId,
      appId: wiki.appId,
      settings: serviceProviderSettings.parse({ acs: [{ url: acme.acs }] }),
    })
    return alice
  })
}
