import { z } from 'zod'
import type { Vault } from '#crypto'
import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, Secret, uuid } from '#kernel'

const domain = z
  .string()
  .toLowerCase()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/,
    'Write a domain such as example.com.',
  )

/** What Signet keeps of an upstream OpenID provider. */
export const connectionSettings = z.strictObject({
  /** `google`: Google Workspace, whose issuer is fixed and whose `hd` claim must be one of `hosted_domains`. */
  preset: z.enum(['oidc', 'google']).default('oidc'),
  issuer: z.url({ protocol: /^https?$/ }),
  /** What the button says. */
  label: z.string().min(1).max(60),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/)).default(['openid', 'profile', 'email']),
  hosted_domains: z.array(domain).default([]),
  /** Mail domains that belong to this connection, as the operator asserts: their people are sent here, and a verified mail in them may be linked. */
  domains: z.array(domain).default([]),
  button: z.boolean().default(true),
  /** Who is created at the first sign-in: nobody, people with a verified mail of an owned domain, or everybody. */
  create_users: z.enum(['off', 'domain', 'everybody']).default('domain'),
  /** The claim that lists groups; without it groups stay as they are. */
  groups_claim: z.string().min(1).optional(),
  /** Upstream's group to ours; a group that is not listed counts for nothing. Empty: groups of the same name. */
  groups: z.record(z.string(), z.string()).default({}),
  /** Whether the upstream's word on a second factor (`amr` has `mfa`) counts as one. */
  trusts_mfa: z.boolean().default(false),
  client_authentication: z.enum(['basic', 'post', 'none']).default('basic'),
})

export type ConnectionSettings = z.infer<typeof connectionSettings>

/** An upstream. */
export type Connection = {
  readonly connectionId: string
  readonly accountId: string
  readonly name: string
  readonly clientId: string
  readonly settings: ConnectionSettings
  readonly enabled: boolean
  readonly updatedAt: Temporal.Instant
}

type Row = {
  connection_id: string
  account_id: string
  name: string
  client_id: string
  settings: string
  enabled: boolean
  updated_at: Temporal.Instant
}

const columns = sql`c.connection_id, c.account_id, c.name, c.client_id, c.settings, c.enabled, c.updated_at`

const toConnection = (row: Row): Connection => ({
  connectionId: row.connection_id,
  accountId: row.account_id,
  name: row.name,
  clientId: row.client_id,
  settings: connectionSettings.parse(JSON.parse(row.settings)),
  enabled: row.enabled,
  updatedAt: row.updated_at,
})

/** Google's one issuer. */
export const googleIssuer = 'https://accounts.google.com'

const secretContext = (connectionId: string) => `connection/secret/${connectionId}`

/**
 * Makes the connection of this name like this.
 *
 * @param connection without `secret` an existing one stays
 * @throws Failure conflict federation/domain-taken, malformed federation/google
 */
export async function putConnection(
  tx: Queryable,
  needs: { readonly clock: Clock; readonly vault: Vault },
  connection: {
    readonly accountId: string
    readonly name: string
    readonly clientId: string
    readonly secret?: Secret | undefined
    readonly settings: ConnectionSettings
    readonly enabled?: boolean | undefined
  },
): Promise<Connection> {
  const { settings } = connection
  if (settings.preset === 'google' && settings.hosted_domains.length === 0)
    refuse('malformed', 'federation/google', 'A Google Workspace connection needs its hosted_domains.')
  if (settings.preset === 'google' && settings.issuer !== googleIssuer)
    refuse('malformed', 'federation/google', `Google’s issuer is ${googleIssuer}.`)
  const { rows } = await tx.query<Row>(sql`
    insert into connection as c (connection_id, account_id, name, name_key, client_id, settings, enabled, updated_at)
    values (${uuid()}, ${connection.accountId}, ${connection.name}, ${connection.name.toLowerCase()},
            ${connection.clientId}, ${JSON.stringify(settings)}, ${connection.enabled ?? true}, ${needs.clock()})
    on conflict on constraint connection_name do update
       set name = excluded.name, client_id = excluded.client_id, settings = excluded.settings,
           enabled = excluded.enabled, updated_at = excluded.updated_at
    returning ${columns}`)
  const [row] = rows
  if (row === undefined) throw new Error('A connection vanished while it was made.')
  const { connection_id: id } = row
  if (connection.secret !== undefined)
    await tx.query(sql`
      update connection set secret_sealed = ${needs.vault.seal(connection.secret.reveal(), secretContext(id))}
       where connection_id = ${id}`)
  await tx.query(sql`delete from connection_domain where connection_id = ${id}`)
  for (const owned of ownedDomains(settings)) await own(tx, id, owned)
  return toConnection(row)
}

async function own(tx: Queryable, connectionId: string, owned: string): Promise<void> {
  try {
    await tx.query(
      sql`insert into connection_domain (domain, connection_id) values (${owned}, ${connectionId})`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'federation/domain-taken', `The mail domain ${owned} belongs to another connection.`)
  }
}

/** The mail domains that a connection owns: Google says of its hosted domains who is in them. */
export const ownedDomains = (settings: ConnectionSettings): readonly string[] => [
  ...new Set([...settings.domains, ...(settings.preset === 'google' ? settings.hosted_domains : [])]),
]

/** The connection of an id. */
export async function findConnection(db: Queryable, connectionId: string): Promise<Connection | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from connection c where c.connection_id = ${connectionId}`,
  )
  return rows[0] === undefined ? undefined : toConnection(rows[0])
}

/** All connections, by name. */
export async function listConnections(db: Queryable): Promise<readonly Connection[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from connection c order by c.name_key limit 1000`,
  )
  return rows.map(toConnection)
}

/** The connection that owns a mail domain, while it is switched on. */
export async function connectionOfDomain(db: Queryable, mailDomain: string): Promise<Connection | undefined> {
  const { rows } = await db.query<Row>(sql`
    select ${columns}
      from connection_domain d join connection c using (connection_id)
     where d.domain = ${mailDomain.toLowerCase()} and c.enabled`)
  return rows[0] === undefined ? undefined : toConnection(rows[0])
}

/** The client secret, for the moment of use. */
export async function secretOf(
  needs: { readonly database: Queryable; readonly vault: Vault },
  connectionId: string,
): Promise<Secret | undefined> {
  const { rows } = await needs.database.query<{ secret_sealed: Buffer | null }>(
    sql`select secret_sealed from connection where connection_id = ${connectionId}`,
  )
  const sealed = rows[0]?.secret_sealed
  return sealed === null || sealed === undefined
    ? undefined
    : new Secret(needs.vault.open(sealed, secretContext(connectionId)).toString())
}
