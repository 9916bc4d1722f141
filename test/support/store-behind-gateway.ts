import { storeKey } from './object-store.ts'

/** The user of a store behind the gateway. */
export const sam = {
  accessKeyId: 'AKIASAMSAMSAMSAMSAM2',
  secretAccessKey: 'sam-secret-access-key-for-tests-forty-00',
}

/** Where `storeDeclaration` finds its secrets. */
export const storeEnv = { SAM_KEY: sam.secretAccessKey, STORE_SECRET: storeKey.secret }

/** The account of it all. */
export const home = '111122223333'

/**
 * What signet.yaml says of one user and one store behind the gateway.
 *
 * @param store where it is
 * @param origins how clients reach it
 * @param statements what the user may do
 * @param more whatever else is declared: accounts, roles, resources of the store
 */
export const storeDeclaration = ({
  store,
  origins,
  statements,
  more = {},
}: {
  readonly store: string
  readonly origins: readonly string[]
  readonly statements: readonly object[]
  readonly more?: {
    readonly accounts?: readonly object[]
    readonly roles?: readonly object[]
    readonly store?: object
  }
}): string =>
  JSON.stringify({
    organization: 'Acme',
    accounts: [{ name: 'acme', id: home }, ...(more.accounts ?? [])],
    users: [
      {
        name: 'sam',
        access_keys: [{ id: sam.accessKeyId, secret: '${SAM_KEY}' }],
        inline_policies: { photos: { Version: '2012-10-17', Statement: statements } },
      },
    ],
    roles: more.roles ?? [],
    apps: [
      {
        name: 'Store',
        proxy: {
          origins,
          protocol: 's3',
          upstream: { url: store, access_key_id: storeKey.accessKeyId, secret: '${STORE_SECRET}' },
        },
        ...more.store,
      },
    ],
  })
