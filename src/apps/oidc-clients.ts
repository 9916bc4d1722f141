import { sha256 } from '#crypto'
import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, type Secret } from '#kernel'

/** An app's OAuth side. */
export type OidcClient = {
  readonly clientId: string
  readonly appId: string
  /** RFC 7591 names (`redirect_uris`, `grant_types` …), without a secret. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** SHA-256 of the secret: it is random and long. Absent for public clients. */
  readonly secretHash: Buffer | undefined
  /** Whether people are asked before the app gets their data; our own apps are not third parties. */
  readonly consent: boolean
  /** A confidential client that cannot do PKCE: a recorded exception. */
  readonly pkceOptional: boolean
  readonly updatedAt: Temporal.Instant
}

type Row = {
  client_id: string
  app_id: string
  metadata: string
  secret_hash: Buffer | null
  consent: boolean
  pkce_optional: boolean
  updated_at: Temporal.Instant
}

const columns = sql`client_id, app_id, metadata, secret_hash, consent, pkce_optional, updated_at`

/**
 * Makes an app's client like this.
 *
 * @param client without `secret` an existing one stays, unless its method of authentication needs none
 * @throws Failure conflict apps/client-id when the id belongs to another app
 */
export async function putOidcClient(
  tx: Queryable,
  clock: Clock,
  client: {
    clientId: string
    appId: string
    metadata: Readonly<Record<string, unknown>>
    secret?: Secret | undefined
    consent?: boolean | undefined
    pkceOptional?: boolean | undefined
  },
): Promise<void> {
  const method = client.metadata['token_endpoint_auth_method']
  // A secret that proves nothing any more is nothing to keep.
  const needsSecret = method !== 'none' && method !== 'private_key_jwt'
  try {
    await tx.query(
      sql`insert into oidc_client (client_id, app_id, metadata, secret_hash, consent, pkce_optional, updated_at)
          values (${client.clientId}, ${client.appId}, ${JSON.stringify(client.metadata)},
                  ${client.secret === undefined ? null : sha256(client.secret.reveal())},
                  ${client.consent ?? false}, ${client.pkceOptional ?? false}, ${clock()})
          on conflict (app_id) do update
            set client_id = excluded.client_id, metadata = excluded.metadata,
                secret_hash = coalesce(excluded.secret_hash, case when ${needsSecret} then oidc_client.secret_hash end),
                consent = excluded.consent, pkce_optional = excluded.pkce_optional, updated_at = excluded.updated_at`,
    )
    await tx.query(sql`select pg_notify('signet_apps', ${client.clientId})`)
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'apps/client-id', `Another app already has the client id ${client.clientId}.`)
  }
}

/** The client of an id. */
export async function findOidcClient(db: Queryable, clientId: string): Promise<OidcClient | undefined> {
  const { rows } = await db.query<Row>(sql`select ${columns} from oidc_client where client_id = ${clientId}`)
  const [row] = rows
  if (row === undefined) return undefined
  return {
    clientId: row.client_id,
    appId: row.app_id,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    secretHash: row.secret_hash ?? undefined,
    consent: row.consent,
    pkceOptional: row.pkce_optional,
    updatedAt: row.updated_at,
  }
}
