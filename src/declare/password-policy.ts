import { findPasswordPolicy, type PasswordPolicy, putPasswordPolicy, removePasswordPolicy } from '#directory'
import { type Applying, problemAt, same } from './applying.ts'
import type { Path } from '#config'
import type { Declaration } from './read.ts'
import type { Declared } from './schema.ts'

type Written = Declared<'accounts'>['password_policy']

/** What an account's entry says: a policy, null for none, undefined where it says nothing. */
function policyOf(written: Written): PasswordPolicy | null | undefined {
  if (written === undefined || written === null) return written
  // As UpdateAccountPasswordPolicy: what is left out has its default, not what was there.
  return {
    minimumLength: written.minimum_length ?? 6,
    requireSymbols: written.require_symbols ?? false,
    requireNumbers: written.require_numbers ?? false,
    requireUppercase: written.require_uppercase ?? false,
    requireLowercase: written.require_lowercase ?? false,
    allowUsersToChange: written.allow_users_to_change ?? false,
    maxAgeDays: written.max_age_days,
    reusePrevention: written.reuse_prevention,
    hardExpiry: written.hard_expiry ?? false,
  }
}

/** Makes the account's password policy what the file says. @returns whether anything changed */
export async function putDeclaredPasswordPolicy(
  { tx }: Applying,
  accountId: string,
  written: Written,
  path: Path,
): Promise<boolean> {
  const wanted = policyOf(written)
  if (wanted === undefined) return false
  if (wanted === null) return removePasswordPolicy(tx, accountId)
  if (wanted.hardExpiry && wanted.maxAgeDays === undefined)
    problemAt(
      [...path, 'password_policy', 'hard_expiry'],
      'Passwords that do not age cannot expire. Write max_age_days too.',
    )
  if (same(await findPasswordPolicy(tx, accountId), wanted)) return false
  await putPasswordPolicy(tx, accountId, wanted)
  return true
}

/** The policy that will hold for an account once the file is applied. */
export async function passwordPolicyAfter(
  database: Parameters<typeof findPasswordPolicy>[0],
  declaration: Declaration,
  accountId: string,
  isThisAccount: (name: string, path: Path) => boolean,
): Promise<PasswordPolicy | undefined> {
  const entry = declaration.things.accounts.find(
    ({ value, path }) => value.password_policy !== undefined && isThisAccount(value.id ?? value.name, path),
  )
  const declared = policyOf(entry?.value.password_policy)
  return declared === undefined ? findPasswordPolicy(database, accountId) : (declared ?? undefined)
}
