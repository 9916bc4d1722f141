import { type Audit, systemIdentity } from '#audit'
import { type Database, sql, type Transaction } from '#database'
import { attachPolicy, type BuiltInPolicies, findPolicy, putInlinePolicy } from '#iam'
import { type Clock, isFailure, refuse } from '#kernel'
import type { Details } from './details.ts'

/** What taking over takes. */
export type ImportNeeds = {
  readonly database: Database
  readonly clock: Clock
  readonly audit: Audit
  readonly builtInPolicies: BuiltInPolicies
}

/** What became of one thing, and what of it could not be taken over. */
export type ImportedThing = {
  readonly kind: 'policy' | 'group' | 'user' | 'role' | 'instance profile'
  readonly name: string
  readonly outcome: 'created' | 'updated' | 'left out'
  readonly notes: readonly string[]
}

/** One run: everything happens in its transaction. */
export type Run = {
  readonly tx: Transaction
  readonly needs: ImportNeeds
  readonly accountId: string
  /** A text with the account it comes from replaced by ours. */
  readonly ours: (text: string) => string
  /** What was told so far. */
  readonly things: ImportedThing[]
  readonly step: (
    thing: Pick<ImportedThing, 'kind' | 'name'>,
    work: (note: (text: string) => void) => Promise<Step>,
  ) => Promise<boolean>
}

type Step = { readonly isNew: boolean; readonly arn: string }

const events = {
  policy: ['CreatePolicy', 'CreatePolicyVersion', 'policyName'],
  group: ['CreateGroup', 'UpdateGroup', 'groupName'],
  user: ['CreateUser', 'UpdateUser', 'userName'],
  role: ['CreateRole', 'UpdateRole', 'roleName'],
  'instance profile': ['CreateInstanceProfile', 'AddRoleToInstanceProfile', 'instanceProfileName'],
} as const

/** Begins a run. Each step is whole or undone, with its event; what is refused is told and left out. */
export function createRun({
  tx,
  needs,
  accountId,
  details,
  things,
}: Pick<Run, 'tx' | 'needs' | 'accountId' | 'things'> & { readonly details: Details }): Run {
  const theirs = [...details.UserDetailList, ...details.RoleDetailList, ...details.GroupDetailList]
    .map(({ Arn }) => /^arn:aws[a-z-]*:iam::(\d{12}):/.exec(Arn)?.[1])
    .find((id) => id !== undefined)
  const whole = theirs === undefined ? undefined : new RegExp(`(?<!\\d)${theirs}(?!\\d)`, 'g')
  return {
    tx,
    needs,
    accountId,
    things,
    ours: (text) => (whole === undefined ? text : text.replaceAll(whole, accountId)),
    async step({ kind, name }, work) {
      const notes: string[] = []
      await tx.query(sql`savepoint thing`)
      try {
        const { isNew, arn } = await work((text) => void notes.push(text))
        const [created, updated, parameter] = events[kind]
        await needs.audit.record(tx, {
          source: 'iam',
          name: isNew ? created : updated,
          by: systemIdentity('import aws'),
          accountId,
          parameters: { [parameter]: name },
          resources: [{ ARN: arn }],
        })
        things.push({ kind, name, outcome: isNew ? 'created' : 'updated', notes })
        await tx.query(sql`release savepoint thing`)
        return true
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown
        await tx.query(sql`rollback to savepoint thing`)
        things.push({ kind, name, outcome: 'left out', notes: [thrown.message] })
        return false
      }
    },
  }
}

/** Inline policies and attachments. One that cannot be read, or is not here, is told and left out. */
export async function takeHeld(
  run: Run,
  principalId: string,
  inline: readonly { readonly PolicyName: string; readonly PolicyDocument: string }[],
  attached: readonly { readonly PolicyArn: string }[],
  note: (text: string) => void,
): Promise<void> {
  const { tx } = run
  for (const { PolicyName, PolicyDocument } of inline) {
    await tx.query(sql`savepoint part`)
    try {
      await putInlinePolicy(tx, principalId, PolicyName, run.ours(PolicyDocument))
      await tx.query(sql`release savepoint part`)
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown
      await tx.query(sql`rollback to savepoint part`)
      note(`without the inline policy ${PolicyName}: ${thrown.message}`)
    }
  }
  for (const { PolicyArn } of attached) {
    const arn = await policyHere(run, PolicyArn)
    if (arn === undefined) note(`without the policy ${PolicyArn}: it is not here`)
    else await attachPolicy(tx, principalId, arn)
  }
}

/** The policy that stands for theirs: the built-in one of the same ARN, or ours of the same path and name. */
async function policyHere({ tx, needs, ours }: Run, theirs: string): Promise<string | undefined> {
  const arn = ours(theirs)
  return needs.builtInPolicies.has(arn) || (await findPolicy(tx, arn)) !== undefined ? arn : undefined
}

/** Without its boundary somebody could do more than before: then it is left out as a whole. */
export async function boundaryOf(run: Run, theirs: string | undefined): Promise<string | undefined> {
  if (theirs === undefined) return undefined
  return (
    (await policyHere(run, theirs)) ??
    refuse('not-found', 'aws-transfer/no-boundary', `Its permissions boundary ${theirs} is not here.`)
  )
}

/** Tags as we keep them. */
export const tagsOf = ({
  Tags,
}: {
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[]
}): Readonly<Record<string, string>> => Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]))
