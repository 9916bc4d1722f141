import { type Problem, refuseProblems } from '#config'
import { sql } from '#database'
import { type AppliedThing, type ApplyNeeds, createSteps, type Outcome } from './applying.ts'
import { applyAccounts, planAccounts } from './accounts.ts'
import { applyAnywhere } from './anywhere.ts'
import { applyApps } from './apps.ts'
import { applyClusters } from './clusters.ts'
import { applyConnections } from './connections.ts'
import { applyOrganization } from './organization.ts'
import { applyPolicies } from './policies.ts'
import { applyProviders } from './providers.ts'
import { type Declaration, readDeclaration } from './read.ts'
import { applyRoles } from './roles.ts'
import type { DeclareRequest } from './source.ts'
import { applyGroups, applyUsers, hashPasswords } from './users.ts'

/** What a declaration came to. */
export type Applied = {
  readonly counts: Readonly<Record<Outcome, number>>
  readonly things: readonly AppliedThing[]
  /** What is allowed and probably not meant (policy warnings), with its place. */
  readonly notes: readonly Problem[]
}

/**
 * Reads a declaration without a database: everything that can be told of the file alone.
 *
 * @throws Failure malformed config/invalid
 */
export function checkDeclaration(request: DeclareRequest, settings: readonly string[]): readonly Problem[] {
  const { source } = readDeclaration(request, settings)
  if (source.problems.length > 0) refuseProblems(source.problems)
  return source.notes
}

/** Two starts at once apply one after the other. */
const lock = 7_396_812

/**
 * Makes the installation hold what a file declares: by name, as often as one likes, everything in one transaction with
 * its audit events. What the file does not mention stays.
 *
 * @param settings top-level sections of the file that are settings and not for us
 * @throws Failure malformed config/invalid with every problem, each with its place and remedy; then nothing was changed
 */
export async function apply(
  needs: ApplyNeeds,
  request: DeclareRequest,
  settings: readonly string[] = [],
): Promise<Applied> {
  const declaration = readDeclaration(request, settings)
  const { source } = declaration
  if (source.yaml.problems.length > 0) refuseProblems(source.problems)
  // A file of settings alone says nothing about things, and an instance that nobody has claimed yet may have one.
  if (source.problems.length === 0 && declaresNothing(declaration))
    return { counts: { created: 0, updated: 0, unchanged: 0 }, things: [], notes: [] }
  // For the hashing alone: which accounts there are is decided again inside, where nobody else applies.
  const before = await planAccounts(needs.database, declaration, () => {})
  const passwords = await hashPasswords(needs, declaration, before.accountOf)
  const applied: AppliedThing[] = []

  // Everything is tried, so that everything wrong is told at once; with any problem nothing of it stays.
  await needs.database.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(${lock})`)
    const accounts = await planAccounts(tx, declaration, source.tell)
    const applying = createSteps({ tx, needs, declaration, accountOf: accounts.accountOf }, applied)
    await applyAccounts(applying, accounts)
    await applyOrganization(applying, accounts)
    await applyPolicies(applying)
    await applyGroups(applying)
    await applyUsers(applying, passwords)
    await applyRoles(applying)
    await applyProviders(applying)
    await applyAnywhere(applying)
    await applyClusters(applying)
    await applyApps(applying)
    await applyConnections(applying)
    if (source.problems.length > 0) refuseProblems(source.problems)
  })

  // A role that was made in two steps counts once, as what it became.
  const things = [
    ...new Map(applied.map((thing) => [`${thing.kind}/${thing.accountId}/${thing.name}`, thing])).values(),
  ]
  const count = (outcome: Outcome): number => things.filter((thing) => thing.outcome === outcome).length
  return {
    counts: { created: count('created'), updated: count('updated'), unchanged: count('unchanged') },
    things,
    notes: source.notes,
  }
}

const declaresNothing = ({ organization, things }: Declaration): boolean =>
  organization === undefined && Object.values(things).every((list) => list.length === 0)
