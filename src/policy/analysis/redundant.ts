import type { Policy } from '../ast.ts'
import { checkNoNewAccess, type Finding } from './access.ts'

/** A statement that changes nothing. */
export type Redundant = { readonly index: number; readonly sid?: string | undefined }

/**
 * The statements that could go one by one without any request being decided otherwise. Exact where it answers: each is proven by
 * CheckNoNewAccess against the policy without it. Of two equal statements both are listed, since either may go, but not both: take one
 * away and ask again.
 *
 * @returns `unknown`: the statements for which the caps were reached
 */
export function redundantStatements(policy: Policy): {
  readonly redundant: readonly Redundant[]
  readonly unknown: readonly Redundant[]
} {
  const judged = policy.statements.map((statement): readonly [Redundant, Finding['result']] => {
    const without: Policy = { ...policy, statements: policy.statements.filter((each) => each !== statement) }
    const found =
      statement.effect === 'Allow'
        ? checkNoNewAccess([without], [policy])
        : checkNoNewAccess([policy], [without])
    return [{ index: statement.index, sid: statement.sid }, found.result]
  })
  const of = (result: Finding['result']) =>
    judged.flatMap(([each, found]) => (found === result ? [each] : []))
  return { redundant: of('PASS'), unknown: of('UNKNOWN') }
}
