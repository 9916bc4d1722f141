import { type Audit, nobody } from '#audit'
import type { PasswordHasher, Vault } from '#crypto'
import type { Database } from '#database'
import { checkPasswordOf, findUserForSignIn, passwordOf, type User } from '#directory'
import type { RequestInfo } from '#http'
import { type Clock, refuse } from '#kernel'
import type { Buckets } from './buckets.ts'
import { isKnownDevice } from './known-device.ts'

/** What checking a password takes. */
export type PasswordNeeds = {
  readonly database: Database
  readonly hasher: PasswordHasher
  readonly clock: Clock
  readonly vault: Vault
  readonly audit: Audit
  readonly buckets: Buckets
}

/** Failures of one network per hour, failed names of one network per 10 minutes, failures of one user per 15 minutes. */
const limits = { network: 100, names: 20, user: 10, device: 10, consecutive: 100 } as const
const tenYears = 315_360_000

/**
 * Checks a password under the limits of guessing (four buckets, charged before the hash). Wrong password, unknown
 * user, disabled user and exhausted limit are one answer in one time; only a network that fails too often hears so.
 *
 * @returns the user; undefined for every kind of no
 * @throws Failure throttled signin/too-many-from-network, throttled crypto/hashing-busy
 */
export async function tryPassword(
  needs: PasswordNeeds,
  request: {
    readonly accountId: string
    readonly identifier: string
    readonly password: string
    readonly device: string | undefined
    readonly from: RequestInfo
  },
): Promise<User | undefined> {
  const { database, buckets } = needs
  const { device, from, password } = request
  const name = request.identifier.trim().normalize('NFKC').toLowerCase()
  const networks = networksOf(from.ip)

  for (const network of networks) {
    const failures = await buckets.charge(['network', network], 3_600)
    const names = await buckets.count(['names', network])
    if (failures > limits.network || names > limits.names)
      refuse(
        'throttled',
        'signin/too-many-from-network',
        'Too many failed sign-ins from your network. Wait a while and try again.',
      )
  }

  const known = name.includes('\0') ? undefined : await findUserForSignIn(database, request.accountId, name)
  const trusted = await isKnownDevice(database, { userId: known?.userId ?? '', device })
  const setAt = (await passwordOf(database, known?.userId ?? ''))?.setAt.toString() ?? ''
  const byUser = trusted ? ['device', name, device ?? ''] : ['user', name]
  // A new password begins a new count: that is how an administrator opens the account again.
  const inARow = ['consecutive', name, setAt]
  const waiting = trusted && (await buckets.count(['wait', ...byUser])) > 0
  const tries = await buckets.charge(byUser, trusted ? 3_600 : 900)
  const consecutive = await buckets.charge(inARow, tenYears)
  const blocked = waiting || (!trusted && tries > limits.user) || consecutive > limits.consecutive

  const user = blocked
    ? void (await needs.hasher.verify(undefined, password))
    : await checkPasswordOf(needs, known, password)

  if (user !== undefined) {
    for (const network of networks) await buckets.refund(['network', network])
    await buckets.reset(byUser)
    await buckets.reset(inARow)
    return user
  }
  if (trusted && tries > limits.device) {
    await buckets.charge(['wait', ...byUser], Math.min(2 ** (tries - limits.device), 900))
  }
  for (const network of networks) {
    if ((await buckets.charge(['name', network, name], 600)) === 1)
      await buckets.charge(['names', network], 600)
  }
  await failedSignIn(needs, { name, from, accountId: request.accountId, factor: 'password' })
  return undefined
}

/** Writes a failed sign-in down. What was typed as a name may be a password: only its HMAC is kept. */
export async function failedSignIn(
  needs: { audit: Audit; vault: Vault },
  event: { name: string; from: RequestInfo; accountId: string; factor: string },
): Promise<void> {
  await needs.audit.recordSoon({
    source: 'signin',
    name: 'ConsoleLogin',
    by: {
      ...nobody,
      type: 'IAMUser',
      accountId: event.accountId,
      userName: 'HIDDEN_DUE_TO_SECURITY_REASONS',
    },
    request: event.from,
    accountId: event.accountId,
    error: { code: 'AccessDenied', message: 'Failed authentication' },
    response: { ConsoleLogin: 'Failure' },
    additional: { factor: event.factor, userNameHmac: needs.vault.mac('audit-user-name', event.name) },
  })
}

/** The networks that failures of an address count for: the address and its /24; for IPv6 the /64 and the /48. */
function networksOf(ip: string): readonly string[] {
  if (!ip.includes(':')) return [ip, `${ip.split('.').slice(0, 3).join('.')}.0/24`]
  const [head = '', tail] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const full =
    tail === undefined
      ? groups
      : [
          ...groups,
          ...Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0'),
          ...last,
        ]
  return [`${full.slice(0, 4).join(':')}::/64`, `${full.slice(0, 3).join(':')}::/48`]
}
