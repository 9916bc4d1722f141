import { systemIdentity } from '#audit'
import type { Queryable } from '#database'
import {
  createAccount,
  createOrganization,
  findAccount,
  findOrganization,
  listAccounts,
  type Organization,
  renameOrganization,
  setKeyForm,
} from '#iam'
import { accountId } from '#kernel'
import { type Path, suggestion } from '#config'
import { putAccessKeys } from './access-keys.ts'
import { putDeclaredPasswordPolicy } from './password-policy.ts'
import { type Applying, leaveOut, outcomeOf, problemAt } from './applying.ts'
import type { Declaration } from './read.ts'

/** Which accounts there are and will be, decided before anything is written. */
export type AccountPlan = {
  readonly organization: Organization | undefined
  readonly homeAccountId: string
  /** Declared accounts in their order, with the ids they have or get. */
  readonly ids: readonly string[]
  accountOf(reference: string | undefined, path: Path): string
}

/**
 * Decides the ids of all accounts.
 *
 * @param tell hears what is missing to know the home account
 */
export async function planAccounts(
  database: Queryable,
  declaration: Declaration,
  tell: (path: Path, message: string) => void,
): Promise<AccountPlan> {
  const { things, named } = declaration
  const organization = await findOrganization(database)
  const existing = await listAccounts(database)
  const byName = (name: string) => existing.find((each) => each.name.toLowerCase() === name.toLowerCase())
  const ids = things.accounts.map(({ value }) => value.id ?? byName(value.name)?.accountId ?? accountId())
  const homeAccountId = organization?.homeAccountId ?? ids[0] ?? ''
  const isBroken = named.accounts.size > 0 && ids.length === 0
  if (organization === undefined && !isBroken) {
    const remedy = 'or set this instance up in the browser first (signet setup-link).'
    if (declaration.organization === undefined)
      tell([], `Nobody has claimed this instance yet. Write organization: NAME and accounts:, ${remedy}`)
    else if (homeAccountId === '')
      tell(['organization'], `An organization needs an account. Write accounts: with one entry, ${remedy}`)
  }
  const references = new Map<string, string>()
  for (const each of existing) {
    references.set(each.name.toLowerCase(), each.accountId)
    references.set(each.accountId, each.accountId)
  }
  for (const [index, { value }] of things.accounts.entries()) {
    references.set(value.name.toLowerCase(), ids[index] ?? '')
    references.set(ids[index] ?? '', ids[index] ?? '')
  }
  return {
    organization,
    homeAccountId,
    ids,
    accountOf(reference, path) {
      if (reference === undefined) return homeAccountId === '' ? leaveOut() : homeAccountId
      const id = references.get(reference.toLowerCase())
      if (id !== undefined) return id
      if (named.accounts.has(reference.toLowerCase())) return leaveOut()
      const names = [...existing.map(({ name }) => name), ...things.accounts.map(({ value }) => value.name)]
      return problemAt(
        [...path, 'account'],
        `There is no account ${reference}.${suggestion(reference, names)}`,
      )
    },
  }
}

/** Accounts first, since everything lives in one; then the organization that claims this instance. */
export async function applyAccounts(applying: Applying, plan: AccountPlan): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const [index, { value, path, keys }] of declaration.things.accounts.entries()) {
    const id = plan.ids[index] ?? ''
    await applying.step({ kind: 'account', name: value.name, path, account: id }, async () => {
      const found = await findAccount(tx, id)
      if (found === undefined)
        await createAccount(tx, needs.clock, { name: value.name, accountId: id, alias: value.alias })
      else if (found.name !== value.name)
        problemAt(
          [...path, 'name'],
          `Account ${id} is named "${found.name}" here. Write that name, or another id.`,
        )
      else if (value.alias !== undefined && found.alias !== value.alias)
        problemAt(
          [...path, 'alias'],
          `Account ${id} has the alias ${found.alias ?? '(none)'} here. Write that one.`,
        )
      const newRule =
        value.sigv4a_keys_only !== undefined && (await setKeyForm(tx, id, value.sigv4a_keys_only))
      const newPolicy = await putDeclaredPasswordPolicy(applying, id, value.password_policy, path)
      if (newPolicy)
        await needs.audit.record(tx, {
          source: 'iam',
          name:
            value.password_policy === null ? 'DeleteAccountPasswordPolicy' : 'UpdateAccountPasswordPolicy',
          by: systemIdentity('signet.yaml'),
          accountId: id,
          parameters: value.password_policy ?? {},
        })
      const newKeys = await putAccessKeys(applying, { accountId: id }, keys)
      return {
        outcome: outcomeOf(found === undefined, newKeys || newRule || newPolicy),
        event: {
          name: found === undefined ? 'CreateAccount' : 'UpdateAccount',
          parameters: { accountId: id, accountName: value.name, rootAccessKeys: keys.map((key) => key.id) },
        },
      }
    })
  }
  const name = declaration.organization
  if (name === undefined || plan.homeAccountId === '') return
  await applying.step({ kind: 'organization', name, path: ['organization'] }, async () => {
    const isNew = plan.organization === undefined
    // Its account has a problem of its own.
    if ((await findAccount(tx, plan.homeAccountId)) === undefined) return leaveOut()
    if (isNew) await createOrganization(tx, needs.clock, { name, homeAccountId: plan.homeAccountId })
    else if (plan.organization.name !== name) await renameOrganization(tx, name)
    return {
      outcome: outcomeOf(isNew, plan.organization?.name !== name),
      event: {
        name: isNew ? 'CreateOrganization' : 'UpdateOrganization',
        parameters: { name, homeAccountId: plan.homeAccountId },
      },
    }
  })
}
