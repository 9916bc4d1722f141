import { type Audit, type UserIdentity, userIdentity } from '#audit'
import type { Vault } from '#crypto'
import type { Queryable } from '#database'
import type { User } from '#directory'
import type { RequestInfo } from '#http'
import { type Clock, refuse, type Secret } from '#kernel'
import { recoveryCodesLeft, removeRecoveryCodes, setRecoveryCodes } from './factors/recovery-codes.ts'
import { enableTotp, listTotp, removeTotp, type TotpDevice } from './factors/totp.ts'

/** What changing factors takes. */
export type EnrolNeeds = { readonly audit: Audit; readonly vault: Vault; readonly clock: Clock }

/** Who changes whose factors, and by which request. */
type Change = {
  readonly user: User
  /** The user, when nobody else is named. */
  readonly by?: UserIdentity
  readonly request: RequestInfo | undefined
}

/** What a user has beside the password. */
export type Factors = { readonly totp: readonly TotpDevice[]; readonly recoveryCodesLeft: number }

/** What a user has beside the password. */
export async function factorsOf(db: Queryable, userId: string): Promise<Factors> {
  return { totp: await listTotp(db, userId), recoveryCodesLeft: await recoveryCodesLeft(db, userId) }
}

/**
 * Adds an authenticator app, with its event in the same transaction.
 *
 * @throws Failure forbidden mfa/wrong-code
 */
export async function enrolTotp(
  tx: Queryable,
  needs: EnrolNeeds,
  change: Change & { readonly seed: Secret; readonly code: string },
): Promise<TotpDevice> {
  const { user } = change
  const device = await enableTotp(tx, needs, change)
  await needs.audit.record(tx, {
    source: 'iam',
    name: 'EnableMFADevice',
    by: change.by ?? userIdentity(user),
    request: change.request,
    accountId: user.accountId,
    parameters: { userName: user.name, serialNumber: device.serialNumber },
  })
  return device
}

/** Makes these the user's recovery codes, with the event. */
export async function replaceRecoveryCodes(
  tx: Queryable,
  needs: EnrolNeeds,
  change: Change & { readonly codes: readonly string[] },
): Promise<void> {
  const { user } = change
  await setRecoveryCodes(tx, needs, { userId: user.userId, codes: change.codes })
  await needs.audit.record(tx, {
    source: 'iam',
    name: 'CreateRecoveryCodes',
    by: change.by ?? userIdentity(user),
    request: change.request,
    accountId: user.accountId,
    parameters: { userName: user.name, count: change.codes.length },
  })
}

/**
 * Removes an authenticator app; with the last one the recovery codes go too.
 *
 * @throws Failure not-found mfa/no-device
 */
export async function dropTotp(
  tx: Queryable,
  needs: EnrolNeeds,
  change: Change & { readonly deviceId: string },
): Promise<void> {
  const { user } = change
  const device = await removeTotp(tx, { userId: user.userId, deviceId: change.deviceId })
  if (device === undefined) refuse('not-found', 'mfa/no-device', 'There is no such device.')
  if ((await listTotp(tx, user.userId)).length === 0) await removeRecoveryCodes(tx, user.userId)
  await needs.audit.record(tx, {
    source: 'iam',
    name: 'DeactivateMFADevice',
    by: change.by ?? userIdentity(user),
    request: change.request,
    accountId: user.accountId,
    parameters: { userName: user.name, serialNumber: device.serialNumber },
  })
}
