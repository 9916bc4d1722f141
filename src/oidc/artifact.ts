import { sha256 } from '#crypto'
import { coalesce, type Database, type Queryable, sql } from '#database'

/** The number each model of oidc-provider has in the table. Never renumbered: rows outlive a release. */
export const models = {
  Session: 1,
  Grant: 2,
  Interaction: 3,
  AccessToken: 4,
  AuthorizationCode: 5,
  RefreshToken: 6,
  ClientCredentials: 7,
  DeviceCode: 8,
  BackchannelAuthenticationRequest: 9,
  PreAuthorizedCode: 10,
  PushedAuthorizationRequest: 11,
  InitialAccessToken: 12,
  RegistrationAccessToken: 13,
  ReplayDetection: 14,
} as const

/** A model that is stored as an artifact (every one but Client). */
export type Model = keyof typeof models

/** One row as it is read. */
export type StoredArtifact = {
  readonly payload: string
  readonly sealed: Buffer | null
  readonly consumedAt: Temporal.Instant | null
}

/** One row as it is written. Hashes are hexadecimal: arrays of text read the same on both drivers. */
export type NewArtifact = {
  readonly model: Model
  readonly idHash: string
  readonly grantId: string | null
  readonly accountId: string | null
  readonly clientId: string | null
  readonly userCodeHash: string | null
  readonly payload: string
  readonly sealed: string | null
  readonly expiresAt: Temporal.Instant
}

/** How an id is stored: its SHA-256, because the id is the bearer value. */
export const idHash = (id: string): string => sha256(id).toString('hex')

type Entry = { readonly artifact: NewArtifact; failed?: unknown }

/**
 * Writes artifacts. Callers of the same moment share one statement and one commit, and each waits for that commit.
 * A refresh token that exists is kept as it is: a late duplicate must not revive a spent successor.
 */
export function artifactWriter(database: Database): (artifact: NewArtifact) => Promise<void> {
  const write = coalesce<Entry>(async (entries) => {
    // One statement may touch a row once: of two writes of the same artifact the later one counts.
    const latest = new Map(
      entries.map((entry) => [`${entry.artifact.model} ${entry.artifact.idHash}`, entry]),
    )
    try {
      await insert(
        database,
        [...latest.values()].map(({ artifact }) => artifact),
      )
    } catch (thrown) {
      if (entries.length === 1) throw thrown
      // One artifact that the database refuses must not take its neighbours down.
      for (const entry of entries)
        await insert(database, [entry.artifact]).catch((failed: unknown) => {
          entry.failed = failed
        })
    }
  })
  return async (artifact) => {
    const entry: Entry = { artifact }
    await write(entry)
    if (entry.failed !== undefined) throw entry.failed as Error
  }
}

async function insert(database: Queryable, artifacts: readonly NewArtifact[]): Promise<void> {
  const column = <Value>(read: (artifact: NewArtifact) => Value): Value[] => artifacts.map(read)
  await database.query(sql`
    insert into oidc_artifact
      (model, id_hash, grant_id, account_id, client_id, user_code_hash, payload, sealed, expires_at)
    select model::smallint, decode(id_hash, 'hex'), grant_id, account_id, client_id,
           decode(user_code_hash, 'hex'), payload, decode(sealed, 'base64'), expires_at::timestamptz
      from unnest(
        ${column(({ model }) => String(models[model]))}::text[],
        ${column((each) => each.idHash)}::text[],
        ${column(({ grantId }) => grantId)}::text[],
        ${column(({ accountId }) => accountId)}::text[],
        ${column(({ clientId }) => clientId)}::text[],
        ${column(({ userCodeHash }) => userCodeHash)}::text[],
        ${column(({ payload }) => payload)}::text[],
        ${column(({ sealed }) => sealed)}::text[],
        ${column(({ expiresAt }) => expiresAt.toString())}::text[]
      ) as item(model, id_hash, grant_id, account_id, client_id, user_code_hash, payload, sealed, expires_at)
    on conflict (model, id_hash) do update
       set grant_id = excluded.grant_id,
           account_id = excluded.account_id,
           client_id = excluded.client_id,
           user_code_hash = excluded.user_code_hash,
           payload = excluded.payload,
           sealed = excluded.sealed,
           expires_at = excluded.expires_at
     where oidc_artifact.model <> ${models.RefreshToken}`)
}

/** The row of an id, consumed or not, expired or not (the library judges `exp` itself). */
export async function findArtifact(
  database: Queryable,
  model: Model,
  id: string,
): Promise<StoredArtifact | undefined> {
  const { rows } = await database.query<StoredArtifact>(sql`
    select payload, sealed, consumed_at as "consumedAt"
      from oidc_artifact
     where model = ${models[model]} and id_hash = ${sha256(id)}`)
  return rows[0]
}

/** The device code's row that a user code names, and the hash of its id. */
export async function findByUserCodeHash(
  database: Queryable,
  userCode: string,
): Promise<(StoredArtifact & { readonly idHash: Buffer }) | undefined> {
  const { rows } = await database.query<StoredArtifact & { readonly idHash: Buffer }>(sql`
    select payload, sealed, consumed_at as "consumedAt", id_hash as "idHash"
      from oidc_artifact
     where user_code_hash = ${sha256(userCode)}`)
  return rows[0]
}

/**
 * Spends an artifact: one conditional statement, so that of any number of callers exactly one is told yes.
 *
 * @returns whether this call spent it
 */
export async function spend(
  database: Queryable,
  model: Model,
  id: string,
  now: Temporal.Instant,
): Promise<boolean> {
  const { rows } = await database.query(sql`
    update oidc_artifact
       set consumed_at = ${now}
     where model = ${models[model]} and id_hash = ${sha256(id)} and consumed_at is null
    returning 1 as spent`)
  return rows.length === 1
}

/** Remembers an id for as long as it could be replayed. @returns whether it was new */
export async function remember(
  database: Queryable,
  id: string,
  expiresAt: Temporal.Instant,
): Promise<boolean> {
  const { rows } = await database.query(sql`
    insert into oidc_artifact (model, id_hash, payload, expires_at)
    values (${models.ReplayDetection}, ${sha256(id)}, ${'{}'}, ${expiresAt})
    on conflict do nothing
    returning 1 as remembered`)
  return rows.length === 1
}

/** Forgets one artifact. Forgetting what is not there is no error. */
export async function destroyArtifact(database: Queryable, model: Model, id: string): Promise<void> {
  await database.query(
    sql`delete from oidc_artifact where model = ${models[model]} and id_hash = ${sha256(id)}`,
  )
}

/** Forgets what one model holds of a grant. */
export async function destroyOfGrant(database: Queryable, model: Model, grantId: string): Promise<void> {
  await database.query(
    sql`delete from oidc_artifact where grant_id = ${grantId} and model = ${models[model]}`,
  )
}

/** Forgets a grant and everything that was issued on it. */
export async function destroyGrant(database: Queryable, grantId: string): Promise<void> {
  await database.query(sql`
    delete from oidc_artifact
     where grant_id = ${grantId} or (model = ${models.Grant} and id_hash = ${sha256(grantId)})`)
}

const batch = 500

/** Forgets everything issued to a user (sign out everywhere, a disabled account), in batches. */
export async function destroyOfUser(database: Queryable, userId: string): Promise<void> {
  for (;;) {
    const { rows } = await database.query(sql`
      delete from oidc_artifact
       where (model, id_hash) in (
         select model, id_hash from oidc_artifact where account_id = ${userId} limit ${batch})
      returning 1 as gone`)
    if (rows.length < batch) return
  }
}

/** Deletes one batch of what expired more than a minute ago. @returns how many rows went */
export async function sweepArtifacts(database: Queryable, now: Temporal.Instant): Promise<number> {
  const before = now.subtract({ minutes: 1 })
  const { rows } = await database.query(sql`
    delete from oidc_artifact
     where (model, id_hash) in (
       select model, id_hash from oidc_artifact where expires_at < ${before} order by expires_at limit ${batch})
    returning 1 as gone`)
  await database.query(sql`
    delete from oidc_participation
     where (session_family, client_id) in (
       select session_family, client_id from oidc_participation where expires_at < ${before} limit ${batch})`)
  return rows.length
}
