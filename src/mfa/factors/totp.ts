import { generate, generateSecret, generateURI, verify } from 'otplib'
import { renderSVG } from 'uqr'
import { equal, type Vault } from '#crypto'
import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, Secret, uuid } from '#kernel'

/** An authenticator app that a user enabled. */
export type TotpDevice = {
  readonly deviceId: string
  readonly userId: string
  /** What the AWS wire calls it: `arn:aws:iam::ACCOUNT:mfa/NAME`. */
  readonly serialNumber: string
  readonly enabledAt: Temporal.Instant
}

/** A secret on its way into somebody's authenticator app. */
export type TotpEnrolment = {
  /** An `<svg>` of the QR code, without style attributes. */
  readonly qrSvg: string
  /** Base32 in groups of four, to be typed. */
  readonly secretInGroups: string
}

/** Google Authenticator's shape, which every app reads: SHA-1, 6 digits, 30 seconds (RFC 6238). */
const shape = { algorithm: 'sha1', digits: 6, period: 30 } as const

/** A new seed: 160 bits, base32. */
export const newTotpSeed = (): Secret => new Secret(generateSecret())

/** What an authenticator app reads from a QR code. @param label names the user; @param issuer names this Signet */
export const totpUri = (seed: Secret, { issuer, label }: { issuer: string; label: string }): string =>
  generateURI({
    strategy: 'totp',
    // otplib does not escape a colon in the issuer, and apps split the label there.
    issuer: issuer.replaceAll(':', ' '),
    label,
    secret: seed.reveal(),
    ...shape,
  })

/** What a page shows of a seed. @param label names the user; @param issuer names this Signet */
export function showTotp(seed: Secret, who: { issuer: string; label: string }): TotpEnrolment {
  return {
    qrSvg: renderSVG(totpUri(seed, who), { ecc: 'M', border: 2 }),
    secretInGroups: seed.reveal().replaceAll(/(.{4})(?=.)/g, '$1 '),
  }
}

/**
 * The time step that a code belongs to; undefined when it is not one of this moment or the step before it.
 *
 * otplib throws for malformed codes and answers an object otherwise: only its field `valid` counts.
 */
export async function totpStepOf(
  seed: Secret,
  code: string,
  now: Temporal.Instant,
): Promise<number | undefined> {
  const token = code.replaceAll(/[\s-]/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const result = await verify({
    strategy: 'totp',
    secret: seed.reveal(),
    token,
    epoch: Math.floor(now.epochMilliseconds / 1000),
    epochTolerance: [30, 0],
    ...shape,
  })
  // The result is an object, true in a condition whatever it says: the verdict is its field.
  return result.valid && 'timeStep' in result ? result.timeStep : undefined
}

/** How far a device's clock may be off and still be brought in step, in steps of 30 seconds: ten minutes. */
const furthest = 20

/**
 * Where two codes that follow each other stand: what a device is enabled and resynchronised with (EnableMFADevice,
 * ResyncMFADevice).
 *
 * @returns the step of the second code, and by how many steps the device is ahead of the clock (a little early or late
 *   is none); undefined when they are no such pair
 */
export async function totpPairOf(
  seed: Secret,
  codes: readonly [first: string, second: string],
  now: Temporal.Instant,
): Promise<{ readonly step: number; readonly drift: number } | undefined> {
  const present = Math.floor(now.epochMilliseconds / 1000 / shape.period)
  const codeOf = (step: number) =>
    generate({ strategy: 'totp', secret: seed.reveal(), epoch: step * shape.period, ...shape })
  // The nearest pair wins.
  for (let away = 0; away <= furthest; away++)
    for (const drift of away === 0 ? [0] : [-away, away]) {
      const step = present + drift
      if (!equal(await codeOf(step), codes[1]) || !equal(await codeOf(step - 1), codes[0])) continue
      return { step, drift: away <= 1 ? 0 : drift }
    }
  return undefined
}

/** What the seed of a device is sealed under. */
export const seedContext = (deviceId: string): string => `totp_device/seed/${deviceId}`

/** The ARN of a device. */
export const serialOf = ({
  account_id,
  path,
  name,
}: {
  account_id: string
  path: string
  name: string
}): string => `arn:aws:iam::${account_id}:mfa${path}${name}`

/**
 * Adds a device whose seed the user proved to hold. The code that proved it cannot be used again.
 *
 * @throws Failure forbidden mfa/wrong-code
 */
export async function enableTotp(
  tx: Queryable,
  needs: { vault: Vault; clock: Clock },
  request: {
    user: { userId: string; accountId: string; name: string }
    seed: Secret
    code: string
  },
): Promise<TotpDevice> {
  const now = needs.clock()
  const step = await totpStepOf(request.seed, request.code, now)
  if (step === undefined) refuse('forbidden', 'mfa/wrong-code', 'That code is not right.')
  return addTotp(tx, needs, { ...request, lastStep: step })
}

/** Adds a device without a proof: for what is declared in a file, or proved elsewhere. The seed is sealed. */
export async function addTotp(
  tx: Queryable,
  needs: { vault: Vault; clock: Clock },
  request: {
    user: { userId: string; accountId: string; name: string }
    seed: Secret
    /** The newest time step already used; 0 for none. */
    lastStep?: number
  },
): Promise<TotpDevice> {
  const { user, seed } = request
  const now = needs.clock()
  const taken = await tx.query<{ name_key: string }>(
    sql`select name_key from totp_device
        where account_id = ${user.accountId} and starts_with(name_key, ${user.name.toLowerCase()})`,
  )
  const names = new Set(taken.rows.map(({ name_key }) => name_key))
  let name = user.name
  for (let number = 2; names.has(name.toLowerCase()); number++) name = `${user.name}-${number}`
  const deviceId = uuid()
  try {
    await tx.query(
      sql`insert into totp_device (device_id, account_id, user_id, name, name_key, seed_sealed, last_step, created_at, enabled_at)
          values (${deviceId}, ${user.accountId}, ${user.userId}, ${name}, ${name.toLowerCase()},
                  ${needs.vault.seal(seed.reveal(), seedContext(deviceId))}, ${request.lastStep ?? 0}, ${now}, ${now})`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'mfa/device-exists', 'A device of this name was added at the same moment. Try again.')
  }
  const serialNumber = serialOf({ account_id: user.accountId, path: '/', name })
  return { deviceId, userId: user.userId, serialNumber, enabledAt: now }
}

type Row = {
  device_id: string
  account_id: string
  user_id: string
  path: string
  name: string
  enabled_at: Temporal.Instant
}

/** A user's authenticator apps, oldest first. */
export async function listTotp(db: Queryable, userId: string): Promise<readonly TotpDevice[]> {
  const { rows } = await db.query<Row>(
    sql`select device_id, account_id, user_id, path, name, enabled_at from totp_device
        where user_id = ${userId} and enabled_at is not null order by enabled_at, device_id`,
  )
  return rows.map((row) => ({
    deviceId: row.device_id,
    userId: row.user_id,
    serialNumber: serialOf(row),
    enabledAt: row.enabled_at,
  }))
}

/**
 * Uses a code up: of many who send the same one, exactly one is let in.
 *
 * @returns the device it belongs to; undefined for a wrong, old or used code
 */
export async function redeemTotp(
  db: Queryable,
  needs: { vault: Vault; clock: Clock },
  request: { userId: string; serialNumber?: string | undefined; code: string },
): Promise<TotpDevice | undefined> {
  const { rows } = await db.query<Row & { seed_sealed: Buffer; drift: number }>(
    sql`select device_id, account_id, user_id, path, name, enabled_at, seed_sealed, drift from totp_device
        where user_id = ${request.userId} and enabled_at is not null order by enabled_at, device_id limit 100`,
  )
  for (const row of rows) {
    const serialNumber = serialOf(row)
    if (request.serialNumber !== undefined && request.serialNumber !== serialNumber) continue
    const seed = new Secret(needs.vault.open(row.seed_sealed, seedContext(row.device_id)).toString())
    const step = await totpStepOf(seed, request.code, needs.clock().add({ seconds: 30 * row.drift }))
    if (step === undefined) continue
    const used = await db.query(
      sql`update totp_device set last_step = ${step}
          where device_id = ${row.device_id} and last_step < ${step}
          returning device_id`,
    )
    if (used.rows.length > 0)
      return { deviceId: row.device_id, userId: row.user_id, serialNumber, enabledAt: row.enabled_at }
  }
  return undefined
}

/** Takes a device from its user. @returns the device; undefined when it was not theirs */
export async function removeTotp(
  tx: Queryable,
  request: { userId: string; deviceId: string },
): Promise<TotpDevice | undefined> {
  const { rows } = await tx.query<Row>(
    sql`delete from totp_device where device_id = ${request.deviceId} and user_id = ${request.userId}
        returning device_id, account_id, user_id, path, name, enabled_at`,
  )
  const [row] = rows
  if (row === undefined) return undefined
  return {
    deviceId: row.device_id,
    userId: row.user_id,
    serialNumber: serialOf(row),
    enabledAt: row.enabled_at,
  }
}
