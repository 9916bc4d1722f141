import type { Vault } from '#crypto'
import { type Queryable, type Sql, sql } from '#database'
import { type Clock, refuse, Secret, uuid } from '#kernel'
import { newTotpSeed, seedContext, serialOf, totpPairOf, totpUri } from './factors/totp.ts'
import { qrPng } from './qr-png.ts'

/**
 * A TOTP device as the IAM API sees it: it may be nobody's yet. Enabled, it is the same device that sign-in asks for.
 */
export type VirtualDevice = {
  readonly deviceId: string
  readonly accountId: string
  readonly serialNumber: string
  readonly name: string
  readonly path: string
  readonly tags: Readonly<Record<string, string>>
  /** Whose it is, and since when; absent while nobody enabled it. */
  readonly enabled: { readonly userId: string; readonly at: Temporal.Instant } | undefined
}

type Row = {
  device_id: string
  account_id: string
  user_id: string | null
  path: string
  name: string
  tags: string
  enabled_at: Temporal.Instant | null
}

const columns = sql`device_id, account_id, user_id, path, name, tags, enabled_at`

const toDevice = (row: Row): VirtualDevice => ({
  deviceId: row.device_id,
  accountId: row.account_id,
  serialNumber: serialOf(row),
  name: row.name,
  path: row.path,
  tags: JSON.parse(row.tags) as Record<string, string>,
  enabled:
    row.user_id === null || row.enabled_at === null ? undefined : { userId: row.user_id, at: row.enabled_at },
})

/**
 * Makes a device that is nobody's yet. Its seed is in the answer, as text and as a QR code, and nowhere else in clear.
 *
 * @param request `issuer` names this Signet in the authenticator app
 * @throws Failure conflict mfa/device-exists
 */
export async function createVirtualDevice(
  tx: Queryable,
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
  request: {
    readonly accountId: string
    readonly name: string
    readonly path?: string | undefined
    readonly tags?: Readonly<Record<string, string>> | undefined
    readonly issuer: string
  },
): Promise<{ readonly device: VirtualDevice; readonly seed: Secret; readonly qrPng: Buffer }> {
  const { accountId, name } = request
  const seed = newTotpSeed()
  const deviceId = uuid()
  const { rows } = await tx.query<Row>(
    sql`insert into totp_device (device_id, account_id, name, name_key, path, tags, seed_sealed, created_at)
        values (${deviceId}, ${accountId}, ${name}, ${name.toLowerCase()}, ${request.path ?? '/'},
                ${JSON.stringify(request.tags ?? {})}, ${vault.seal(seed.reveal(), seedContext(deviceId))}, ${clock()})
        on conflict on constraint totp_device_name do nothing
        returning ${columns}`,
  )
  const [row] = rows
  if (row === undefined) refuse('conflict', 'mfa/device-exists', 'MFA device already exists.')
  const uri = totpUri(seed, { issuer: request.issuer, label: `${name}@${accountId}` })
  return { device: toDevice(row), seed, qrPng: qrPng(uri) }
}

/** The device of a serial number (its ARN). */
export const findVirtualDevice = (db: Queryable, serialNumber: string): Promise<VirtualDevice | undefined> =>
  deviceOf(db, serialNumber, sql``)

/** The same, with the row locked until the transaction ends. */
export const lockVirtualDevice = (tx: Queryable, serialNumber: string): Promise<VirtualDevice | undefined> =>
  deviceOf(tx, serialNumber, sql`for update`)

async function deviceOf(db: Queryable, serialNumber: string, lock: Sql): Promise<VirtualDevice | undefined> {
  const [, accountId = '', path = '/', name = ''] =
    /^arn:[a-z-]+:iam::(\d{12}):mfa(\/(?:.*\/)?)([^/]+)$/.exec(serialNumber) ?? []
  const { rows } = await db.query<Row>(
    sql`select ${columns} from totp_device
        where account_id = ${accountId} and name_key = ${name.toLowerCase()} and path = ${path} ${lock}`,
  )
  return rows[0] === undefined ? undefined : toDevice(rows[0])
}

/** An account's devices in the order of their names. `after` is the name before the first. */
export async function listVirtualDevices(
  db: Queryable,
  {
    accountId,
    userId,
    assigned,
    after = '',
    limit = 100,
  }: {
    accountId: string
    userId?: string | undefined
    /** Only those that somebody has, or nobody; absent: all. */
    assigned?: boolean | undefined
    after?: string | undefined
    limit?: number | undefined
  },
): Promise<readonly VirtualDevice[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from totp_device
        where account_id = ${accountId} and name_key > ${after.toLowerCase()}
          and (${userId ?? null}::text is null or user_id = ${userId ?? null}::text)
          and (${assigned ?? null}::boolean is null or (enabled_at is not null) = ${assigned ?? null}::boolean)
        order by name_key limit ${limit}`,
  )
  return rows.map(toDevice)
}

type Pair = readonly [first: string, second: string]

/**
 * Gives a device to a user who holds it, proved by two codes in a row. Neither can be used again.
 *
 * @throws Failure forbidden mfa/wrong-code; conflict mfa/device-in-use when somebody has it already
 */
export async function enableVirtualDevice(
  tx: Queryable,
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
  request: { readonly deviceId: string; readonly userId: string; readonly codes: Pair },
): Promise<void> {
  const { step, drift } = await provedPair(tx, { vault, clock }, request)
  const { rows } = await tx.query(
    sql`update totp_device
        set user_id = ${request.userId}, enabled_at = ${clock()}, last_step = ${step}, drift = ${drift}
        where device_id = ${request.deviceId} and user_id is null
        returning device_id`,
  )
  if (rows.length === 0) refuse('conflict', 'mfa/device-in-use', 'MFA Device is already in use.')
}

/**
 * Brings a user's device whose clock went astray in step again.
 *
 * @throws Failure forbidden mfa/wrong-code, also for codes that were used
 */
export async function resyncVirtualDevice(
  tx: Queryable,
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
  request: { readonly deviceId: string; readonly userId: string; readonly codes: Pair },
): Promise<void> {
  const { step, drift } = await provedPair(tx, { vault, clock }, request)
  const { rows } = await tx.query(
    sql`update totp_device set last_step = ${step}, drift = ${drift}
        where device_id = ${request.deviceId} and user_id = ${request.userId} and last_step < ${step}
        returning device_id`,
  )
  if (rows.length === 0) wrongCodes()
}

async function provedPair(
  tx: Queryable,
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
  { deviceId, codes }: { readonly deviceId: string; readonly codes: Pair },
): Promise<{ readonly step: number; readonly drift: number }> {
  const { rows } = await tx.query<{ seed_sealed: Buffer }>(
    sql`select seed_sealed from totp_device where device_id = ${deviceId}`,
  )
  const [row] = rows
  if (row === undefined) return wrongCodes()
  const seed = new Secret(vault.open(row.seed_sealed, seedContext(deviceId)).toString())
  return (await totpPairOf(seed, codes, clock())) ?? wrongCodes()
}

const wrongCodes = (): never =>
  refuse('forbidden', 'mfa/wrong-code', 'Authentication code for device is not valid.')

/** Takes a device from its user; it stays, to be enabled again or deleted. @returns whether it was theirs */
export async function releaseVirtualDevice(
  tx: Queryable,
  request: { readonly deviceId: string; readonly userId: string },
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update totp_device set user_id = null, enabled_at = null, drift = 0
        where device_id = ${request.deviceId} and user_id = ${request.userId}
        returning device_id`,
  )
  if (rows.length === 0) return false
  // Recovery codes belong to a second factor and go with the last one.
  await tx.query(
    sql`delete from recovery_code where user_id = ${request.userId}
          and not exists (select from totp_device where user_id = ${request.userId} and enabled_at is not null)`,
  )
  return true
}

/** Those of these users who have a device. */
export async function usersWithDevice(db: Queryable, userIds: readonly string[]): Promise<readonly string[]> {
  const { rows } = await db.query<{ user_id: string }>(
    sql`select distinct user_id from totp_device
        where user_id = any(${[...userIds]}::text[]) and enabled_at is not null`,
  )
  return rows.map(({ user_id }) => user_id)
}

/** Makes these the device's tags. */
export async function setVirtualDeviceTags(
  tx: Queryable,
  deviceId: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await tx.query(sql`update totp_device set tags = ${JSON.stringify(tags)} where device_id = ${deviceId}`)
}

/** Deletes a device that nobody has. @throws Failure conflict mfa/device-enabled */
export async function deleteVirtualDevice(tx: Queryable, deviceId: string): Promise<void> {
  const { rows } = await tx.query(
    sql`delete from totp_device where device_id = ${deviceId} and user_id is null returning device_id`,
  )
  if (rows.length === 0)
    refuse('conflict', 'mfa/device-enabled', 'MFA VirtualDevice in use. Must deactivate first.')
}

/** How many devices an account has, and how many of them somebody uses. */
export async function countVirtualDevices(
  db: Queryable,
  accountId: string,
): Promise<{ readonly all: number; readonly inUse: number }> {
  const { rows } = await db.query<{ all: number; in_use: number }>(
    sql`select count(*) as all, count(enabled_at) as in_use from totp_device where account_id = ${accountId}`,
  )
  return { all: rows[0]?.all ?? 0, inUse: rows[0]?.in_use ?? 0 }
}
