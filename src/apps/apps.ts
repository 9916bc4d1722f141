import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, uuid } from '#kernel'

/** How people get in: by a protocol, or through a reverse proxy that asks about each request. */
export type AppKind = 'oidc' | 'saml' | 'proxy'

/** What people sign in to. */
export type App = {
  readonly appId: string
  readonly accountId: string
  readonly kind: AppKind
  readonly name: string
  /** What policies name: `arn:aws:signet::ACCOUNT:app/NAME`. */
  readonly arn: string
  readonly launchUrl: string | undefined
  /** `everyone`: any active user of the account. `policy`: whom a policy allows `signet:SignIn` on the app's ARN. */
  readonly access: 'everyone' | 'policy'
  readonly requireMfa: boolean
  /** With it, the app may ask the decision point about actions of this prefix (`orders` for `orders:Refund`). */
  readonly servicePrefix: string | undefined
  /** Keys of ours that the app may assert about a subject, such as `aws:SourceIp`: it saw what Signet did not. */
  readonly authorityFor: readonly string[]
  /** Whether it may hold signing keys of callers it has seen, to verify them without asking each time. */
  readonly signingKeys: boolean
  readonly enabled: boolean
  readonly createdAt: Temporal.Instant
}

export type NewApp = {
  readonly accountId: string
  readonly kind: AppKind
  readonly name: string
  readonly launchUrl?: string | undefined
  readonly access?: 'everyone' | 'policy' | undefined
  readonly requireMfa?: boolean | undefined
  readonly servicePrefix?: string | undefined
  readonly authorityFor?: readonly string[] | undefined
  readonly signingKeys?: boolean | undefined
  readonly enabled?: boolean | undefined
}

type Row = {
  app_id: string
  account_id: string
  kind: AppKind
  name: string
  launch_url: string | null
  access: 'everyone' | 'policy'
  require_mfa: boolean
  service_prefix: string | null
  authority_for: string
  signing_keys: boolean
  enabled: boolean
  created_at: Temporal.Instant
}

const columns = sql`app_id, account_id, kind, name, launch_url, access, require_mfa, service_prefix,
                    authority_for, signing_keys, enabled, created_at`

const toApp = (row: Row): App => ({
  appId: row.app_id,
  accountId: row.account_id,
  kind: row.kind,
  name: row.name,
  arn: `arn:aws:signet::${row.account_id}:app/${row.name}`,
  launchUrl: row.launch_url ?? undefined,
  access: row.access,
  requireMfa: row.require_mfa,
  servicePrefix: row.service_prefix ?? undefined,
  authorityFor: JSON.parse(row.authority_for) as string[],
  signingKeys: row.signing_keys,
  enabled: row.enabled,
  createdAt: row.created_at,
})

/**
 * Creates an app, or makes the one of this name like this. An app does not change its kind.
 *
 * @throws Failure conflict apps/kind, apps/service-prefix
 */
export async function putApp(tx: Queryable, clock: Clock, app: NewApp): Promise<App> {
  try {
    const { rows } = await tx.query<Row>(
      sql`insert into app (app_id, account_id, kind, name, name_key, launch_url, access, require_mfa, service_prefix,
                           authority_for, signing_keys, enabled, created_at)
          values (${uuid()}, ${app.accountId}, ${app.kind}, ${app.name}, ${app.name.toLowerCase()}, ${app.launchUrl},
                  ${app.access ?? 'everyone'}, ${app.requireMfa ?? false}, ${app.servicePrefix},
                  ${JSON.stringify(app.authorityFor ?? [])}, ${app.signingKeys ?? false}, ${app.enabled ?? true}, ${clock()})
          on conflict on constraint app_name do update
            set name = excluded.name, launch_url = excluded.launch_url, access = excluded.access,
                require_mfa = excluded.require_mfa, service_prefix = excluded.service_prefix,
                authority_for = excluded.authority_for, signing_keys = excluded.signing_keys, enabled = excluded.enabled
            where app.kind = excluded.kind
          returning ${columns}`,
    )
    if (rows[0] !== undefined) {
      await tx.query(sql`select pg_notify('signet_apps', ${rows[0].app_id})`)
      return toApp(rows[0])
    }
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse(
      'conflict',
      'apps/service-prefix',
      `Another app already has the service prefix ${app.servicePrefix ?? ''}.`,
    )
  }
  return refuse('conflict', 'apps/kind', `There is an app named ${app.name} of another kind.`)
}

/** The app of an id. */
export async function findApp(db: Queryable, appId: string): Promise<App | undefined> {
  const { rows } = await db.query<Row>(sql`select ${columns} from app where app_id = ${appId}`)
  return rows[0] === undefined ? undefined : toApp(rows[0])
}

/** All apps of an account, by name. */
export async function listApps(db: Queryable, accountId: string): Promise<readonly App[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from app where account_id = ${accountId} order by name_key limit 10000`,
  )
  return rows.map(toApp)
}

/** The app of an account by its name, in any case. */
export async function findAppByName(
  db: Queryable,
  accountId: string,
  name: string,
): Promise<App | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from app where account_id = ${accountId} and name_key = ${name.toLowerCase()}`,
  )
  return rows[0] === undefined ? undefined : toApp(rows[0])
}

/** The app of an account whose actions and resources begin with that prefix. */
export async function findAppByPrefix(
  db: Queryable,
  accountId: string,
  servicePrefix: string,
): Promise<App | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from app where account_id = ${accountId} and service_prefix = ${servicePrefix}`,
  )
  return rows[0] === undefined ? undefined : toApp(rows[0])
}
