import { type Queryable, sql, violatedUnique } from '#database'
import { equal, type Vault } from '#crypto'
import { accessKeyId, type Clock, randomId, refuse, Secret } from '#kernel'
import { sigv4aKey } from '#sigv4'

/** A long-term key as `authenticate` needs it. `userId` is absent for the root user's. */
export type AccessKey = {
  readonly accessKeyId: string
  readonly accountId: string
  readonly userId: string | undefined
  readonly status: 'Active' | 'Inactive'
} & (
  | { readonly secret: Secret; readonly publicKey?: undefined }
  /** Signs with SigV4A alone: the secret is nowhere but with its holder. The point, uncompressed (65 bytes). */
  | { readonly secret?: undefined; readonly publicKey: Buffer }
)

/** A long-term key as lists show it. */
export type AccessKeySummary = {
  readonly accessKeyId: string
  readonly accountId: string
  /** Absent for the root user's. */
  readonly userId: string | undefined
  readonly status: 'Active' | 'Inactive'
  readonly createdAt: Temporal.Instant
  readonly lastUsedAt: Temporal.Instant | undefined
  readonly lastUsedService: string | undefined
  readonly lastUsedRegion: string | undefined
}

const context = (id: string, accountId: string) => `access_key/secret/${accountId}/${id}`
const usual = 2

/**
 * Creates a key; the secret is in the answer and nowhere else in clear. Of a key that signs with SigV4A alone only the
 * public key is kept: because it was asked for, or because the account wants no others.
 *
 * @param request `accessKeyId` and `secret` only to make an environment again exactly; otherwise they are random
 * @throws Failure conflict directory/access-key-limit past the quota, two per user, directory/access-key-exists
 */
export async function createAccessKey(
  tx: Queryable,
  needs: { vault: Vault; clock: Clock },
  request: {
    accountId: string
    userId?: string | undefined
    accessKeyId?: string | undefined
    secret?: Secret | undefined
    /** How many keys the owner may have. */
    quota?: number | undefined
    sigv4aOnly?: boolean | undefined
  },
): Promise<{ accessKeyId: string; secret: Secret; createdAt: Temporal.Instant }> {
  const id = request.accessKeyId ?? accessKeyId()
  const secret =
    request.secret ?? new Secret(Buffer.from(randomId(), 'base64url').subarray(0, 30).toString('base64'))
  const sigv4aOnly = request.sigv4aOnly === true || (await wantsSigv4a(tx, request.accountId))
  // The owner's row is the lock: two creations at once are counted one after the other.
  if (request.userId === undefined)
    await tx.query(sql`select account_id from account where account_id = ${request.accountId} for update`)
  else await tx.query(sql`select user_id from users where user_id = ${request.userId} for update`)
  const { rows } = await tx.query(
    sql`select access_key_id from access_key
        where account_id = ${request.accountId} and user_id is not distinct from ${request.userId ?? null}`,
  )
  const quota = request.quota ?? usual
  if (rows.length >= quota)
    refuse('conflict', 'directory/access-key-limit', `Cannot exceed quota for AccessKeysPerUser: ${quota}`)
  const createdAt = needs.clock()
  try {
    await tx.query(
      sql`insert into access_key (access_key_id, account_id, user_id, secret_sealed, public_key, created_at)
          values (${id}, ${request.accountId}, ${request.userId},
                  ${sigv4aOnly ? undefined : needs.vault.seal(secret.reveal(), context(id, request.accountId))},
                  ${sigv4aOnly ? sigv4aKey(id, secret.reveal()).publicKey : undefined}, ${createdAt})`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'directory/access-key-exists', `The access key ${id} already exists.`)
  }
  return { accessKeyId: id, secret, createdAt }
}

async function wantsSigv4a(tx: Queryable, accountId: string): Promise<boolean> {
  const { rows } = await tx.query<{ sigv4a_keys_only: boolean }>(
    sql`select sigv4a_keys_only from account where account_id = ${accountId}`,
  )
  return rows[0]?.sigv4a_keys_only ?? false
}

/** Whether a key is this very secret's. */
export const isKeyOf = (key: AccessKey, secret: Secret): boolean =>
  key.publicKey === undefined
    ? equal(key.secret.reveal(), secret.reveal())
    : key.publicKey.equals(sigv4aKey(key.accessKeyId, secret.reveal()).publicKey)

/** A key with its secret or public key, whatever its status; undefined when there is none. */
export async function findAccessKey(db: Queryable, vault: Vault, id: string): Promise<AccessKey | undefined> {
  const { rows } = await db.query<{
    account_id: string
    user_id: string | null
    secret_sealed: Buffer | null
    public_key: Buffer | null
    status: 'Active' | 'Inactive'
  }>(
    sql`select account_id, user_id, secret_sealed, public_key, status from access_key where access_key_id = ${id}`,
  )
  const [row] = rows
  if (row === undefined) return undefined
  const { account_id: accountId, status, secret_sealed: sealed, public_key: publicKey } = row
  const known = { accessKeyId: id, accountId, userId: row.user_id ?? undefined, status }
  if (publicKey !== null) return { ...known, publicKey }
  if (sealed === null) throw new TypeError('An access key has neither a secret nor a public key.')
  return { ...known, secret: new Secret(vault.open(sealed, context(id, accountId)).toString()) }
}

/** One row of `summaryColumns`. */
export type SummaryRow = {
  access_key_id: string
  account_id: string
  user_id: string | null
  status: 'Active' | 'Inactive'
  created_at: Temporal.Instant
  last_used_at: Temporal.Instant | null
  last_used_service: string | null
  last_used_region: string | null
}

/** What a summary is read from. */
export const summaryColumns = sql`access_key_id, account_id, user_id, status, created_at, last_used_at, last_used_service, last_used_region`

/** A row as a summary. */
export const toSummary = (row: SummaryRow): AccessKeySummary => ({
  accessKeyId: row.access_key_id,
  accountId: row.account_id,
  userId: row.user_id ?? undefined,
  status: row.status,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
  lastUsedService: row.last_used_service ?? undefined,
  lastUsedRegion: row.last_used_region ?? undefined,
})

/** What is known of a key but its secret. */
export async function describeAccessKey(db: Queryable, id: string): Promise<AccessKeySummary | undefined> {
  const { rows } = await db.query<SummaryRow>(
    sql`select ${summaryColumns} from access_key where access_key_id = ${id}`,
  )
  return rows[0] === undefined ? undefined : toSummary(rows[0])
}

/** The keys of a user, or without `userId` of the account's root user, the oldest first. */
export async function listAccessKeys(
  db: Queryable,
  owner: { accountId: string; userId: string | undefined },
): Promise<readonly AccessKeySummary[]> {
  const { rows } = await db.query<SummaryRow>(
    sql`select ${summaryColumns} from access_key
        where account_id = ${owner.accountId} and user_id is not distinct from ${owner.userId ?? null}
        order by created_at, access_key_id`,
  )
  return rows.map(toSummary)
}

/** Switches a key on or off; off ends what was issued by it. @throws Failure not-found directory/no-access-key */
export async function setAccessKeyStatus(
  tx: Queryable,
  id: string,
  status: 'Active' | 'Inactive',
): Promise<void> {
  const { rows } = await tx.query(
    sql`update access_key set status = ${status} where access_key_id = ${id} returning access_key_id`,
  )
  if (rows.length === 0)
    refuse('not-found', 'directory/no-access-key', `The Access Key with id ${id} cannot be found.`)
}

/** Removes a key. @throws Failure not-found directory/no-access-key */
export async function deleteAccessKey(tx: Queryable, id: string): Promise<void> {
  const { rows } = await tx.query(
    sql`delete from access_key where access_key_id = ${id} returning access_key_id`,
  )
  if (rows.length === 0)
    refuse('not-found', 'directory/no-access-key', `The Access Key with id ${id} cannot be found.`)
}

/** Notes that a key was used, at most every 15 minutes per key. */
export async function touchAccessKey(
  db: Queryable,
  use: { accessKeyId: string; at: Temporal.Instant; service: string; region: string },
): Promise<void> {
  await db.query(
    sql`update access_key
        set last_used_at = ${use.at}, last_used_service = ${use.service}, last_used_region = ${use.region}
        where access_key_id = ${use.accessKeyId}
          and (last_used_at is null or last_used_at < ${use.at.subtract({ minutes: 15 })})`,
  )
}
