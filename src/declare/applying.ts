import { type Audit, systemIdentity } from '#audit'
import type { Path } from '#config'
import type { PasswordHasher, Vault } from '#crypto'
import { type Database, sql, type Transaction } from '#database'
import type { BuiltInPolicies } from '#iam'
import { type Clock, Failure, isFailure } from '#kernel'
import type { Declaration } from './read.ts'

/** What applying a declaration takes. */
export type ApplyNeeds = {
  readonly database: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly audit: Audit
  readonly hasher: PasswordHasher
  readonly builtInPolicies: BuiltInPolicies
}

/** What became of one thing. */
export type Outcome = 'created' | 'updated' | 'unchanged'

/** One thing, applied. */
export type AppliedThing = {
  readonly kind: string
  readonly name: string
  readonly accountId: string
  readonly outcome: Outcome
}

/** What a step did, and what the audit log says about it (CloudTrail's event name and parameters). */
export type Done = {
  readonly outcome: Outcome
  readonly event?: {
    readonly name: string
    readonly parameters: object
    readonly arn?: string | undefined
    /** The service whose event it is; `iam` when absent. */
    readonly source?: 'iam' | 'organizations'
  }
}

/** A declaration while it is applied, inside its one transaction. */
export type Applying = {
  readonly tx: Transaction
  readonly needs: ApplyNeeds
  readonly declaration: Declaration
  /** The account id of a thing's `account:`, or the home account's. @throws a problem at that place */
  accountOf(reference: string | undefined, path: Path): string
  /**
   * Applies one thing under a savepoint: a refusal becomes a problem at the thing's place, and the next one is tried.
   */
  step(
    thing: {
      readonly kind: string
      readonly name: string
      readonly path: Path
      readonly account?: string | undefined
    },
    work: (accountId: string) => Promise<Done>,
  ): Promise<void>
}

/** Refuses a thing because of what stands at a path. */
export function problemAt(path: Path, message: string): never {
  throw new Failure('malformed', 'declare/problem', message, { path })
}

/** Leaves a thing out because it refers to one that has a problem of its own. */
export function leaveOut(): never {
  throw new Failure('malformed', 'declare/left-out', 'This refers to a thing that has a problem.')
}

/** The members of a thing that refusals of other slices are about. */
const places: Readonly<Record<string, string>> = {
  'directory/mail-taken': 'mail',
  'iam/invalid-principal': 'trust',
  'apps/service-prefix': 'service_prefix',
  'federation/domain-taken': 'domains',
  'federation/google': 'hosted_domains',
}

/** Makes the steps of one application. @param applied gets every thing that worked */
export function createSteps(
  base: Pick<Applying, 'tx' | 'needs' | 'declaration' | 'accountOf'>,
  applied: AppliedThing[],
): Applying {
  const { tx, needs, declaration, accountOf } = base
  const { source } = declaration
  return {
    ...base,
    async step({ kind, name, path, account }, work) {
      await tx.query(sql`savepoint thing`)
      try {
        const accountId = accountOf(account, path)
        const { outcome, event } = await work(accountId)
        if (event !== undefined && outcome !== 'unchanged')
          await needs.audit.record(tx, {
            source: event.source ?? 'iam',
            name: event.name,
            by: systemIdentity('signet.yaml'),
            accountId,
            parameters: event.parameters,
            resources: event.arn === undefined ? undefined : [{ ARN: event.arn }],
          })
        await tx.query(
          sql`insert into declared_thing (kind, account_id, name_key, declared_at)
              values (${kind}, ${accountId}, ${name.toLowerCase()}, ${needs.clock()}) on conflict do nothing`,
        )
        applied.push({ kind, name, accountId, outcome })
        await tx.query(sql`release savepoint thing`)
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown
        await tx.query(sql`rollback to savepoint thing`)
        if (thrown.reason === 'declare/left-out') return
        const detail = thrown.detail as { readonly path?: Path } | undefined
        const place = places[thrown.reason]
        const own = place === undefined ? path : [...path, place]
        source.tell(thrown.reason === 'declare/problem' ? (detail?.path ?? path) : own, thrown.message)
      }
    },
  }
}

/** Whether two values are the same as JSON, the order of keys aside. */
export const same = (left: unknown, right: unknown): boolean => canonical(left) === canonical(right)

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`)
      .join(',')}}`
  return JSON.stringify(value) ?? 'null'
}

/** `updated` when any of these says that something changed. */
export const outcomeOf = (created: boolean, ...changed: readonly boolean[]): Outcome =>
  created ? 'created' : changed.includes(true) ? 'updated' : 'unchanged'
