import { findPasswordPolicy, putPasswordPolicy, removePasswordPolicy } from '#directory'
import { minimumLength } from '#signin'

import type { Call, Handlers } from '../call.ts'
import { noSuchEntity } from '../limits.ts'

/** The account's password policy. There is no partial update: what is left out goes back to its default. */
export const passwordPolicy = {
  GetAccountPasswordPolicy: async ({ db, accountId }) => {
    const policy = await findPasswordPolicy(db, accountId)
    if (policy === undefined) return missing(accountId)
    return {
      PasswordPolicy: {
        MinimumPasswordLength: policy.minimumLength,
        RequireSymbols: policy.requireSymbols,
        RequireNumbers: policy.requireNumbers,
        RequireUppercaseCharacters: policy.requireUppercase,
        RequireLowercaseCharacters: policy.requireLowercase,
        AllowUsersToChangePassword: policy.allowUsersToChange,
        ExpirePasswords: policy.maxAgeDays !== undefined,
        MaxPasswordAge: policy.maxAgeDays,
        PasswordReusePrevention: policy.reusePrevention,
        HardExpiry: policy.hardExpiry,
      },
    }
  },

  UpdateAccountPasswordPolicy: async ({ db, needs, accountId, input }) => {
    const weaker = weakerThanNist(input)
    // Allowed, and never silent.
    if (weaker.length > 0)
      needs.log.warn(
        { accountId, weaker },
        'the password policy of an account is weaker than NIST SP 800-63B advises',
      )
    await putPasswordPolicy(db, accountId, {
      minimumLength: input.MinimumPasswordLength ?? 6,
      requireSymbols: input.RequireSymbols ?? false,
      requireNumbers: input.RequireNumbers ?? false,
      requireUppercase: input.RequireUppercaseCharacters ?? false,
      requireLowercase: input.RequireLowercaseCharacters ?? false,
      allowUsersToChange: input.AllowUsersToChangePassword ?? false,
      maxAgeDays: input.MaxPasswordAge,
      reusePrevention: input.PasswordReusePrevention,
      hardExpiry: input.HardExpiry ?? false,
    })
    return undefined
  },

  DeleteAccountPasswordPolicy: async ({ db, accountId }) => {
    if (!(await removePasswordPolicy(db, accountId)))
      return noSuchEntity('The account policy with name PasswordPolicy cannot be found.')
    return undefined
  },
} satisfies Handlers

/** What NIST SP 800-63B-4 §3.1.1 advises against: short passwords, rules of composition, expiry. */
const weakerThanNist = (input: Call<'UpdateAccountPasswordPolicy'>['input']): readonly string[] => [
  ...((input.MinimumPasswordLength ?? 6) < minimumLength.alone ? ['MinimumPasswordLength'] : []),
  ...(
    ['RequireSymbols', 'RequireNumbers', 'RequireUppercaseCharacters', 'RequireLowercaseCharacters'] as const
  ).filter((name) => input[name] === true),
  ...(input.MaxPasswordAge === undefined ? [] : ['MaxPasswordAge']),
]

const missing = (accountId: string): never =>
  noSuchEntity(`The Password Policy with domain name ${accountId} cannot be found.`)
