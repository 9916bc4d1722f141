import { type Path, suggestion } from '#config'
import {
  attachedPolicies,
  attachPolicy,
  createPolicy,
  detachPolicy,
  findPolicy,
  inlinePolicies,
  listPolicies,
  putInlinePolicy,
  removeInlinePolicy,
  setPolicyDocument,
} from '#iam'
import { type Applying, leaveOut, outcomeOf, problemAt } from './applying.ts'

/** Customer managed policies. A changed document becomes the next version. */
export async function applyPolicies(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const { value, path, documents } of declaration.things.policies)
    await applying.step(
      { kind: 'policy', name: value.name, path, account: value.account },
      async (accountId) => {
        const document = documents.get('document') ?? leaveOut()
        const found = (await listPolicies(tx, accountId)).find(
          ({ name }) => name.toLowerCase() === value.name.toLowerCase(),
        )
        if (found === undefined) {
          const { arn } = await createPolicy(tx, needs.clock, {
            accountId,
            name: value.name,
            path: value.path,
            description: value.description,
            document,
          })
          return {
            outcome: 'created',
            event: { name: 'CreatePolicy', parameters: { policyName: value.name }, arn },
          }
        }
        if (value.path !== undefined && value.path !== found.path)
          problemAt(
            [...path, 'path'],
            `The policy stands under ${found.path}, and a path is part of the ARN. Write that path, or another name.`,
          )
        const changed = await setPolicyDocument(tx, needs.clock, found.arn, document)
        return {
          outcome: outcomeOf(false, changed),
          event: {
            name: 'CreatePolicyVersion',
            parameters: { policyArn: found.arn, setAsDefault: true },
            arn: found.arn,
          },
        }
      },
    )
}

/**
 * The ARN of a policy that is written by name or ARN: of the account, then built in.
 *
 * @throws a problem at the place when there is none
 */
export async function policyArn(
  { tx, needs, declaration }: Applying,
  accountId: string,
  reference: string,
  path: Path,
): Promise<string> {
  if (reference.startsWith('arn:')) {
    if (needs.builtInPolicies.has(reference) || (await findPolicy(tx, reference)) !== undefined)
      return reference
    const name = reference.slice(reference.lastIndexOf('/') + 1).toLowerCase()
    return declaration.named.policies.has(name)
      ? leaveOut()
      : problemAt(
          path,
          `There is no policy ${reference}. Declare it under policies:, or write the ARN of another.`,
        )
  }
  const own = await listPolicies(tx, accountId)
  const builtIn = [...needs.builtInPolicies.values()]
  const found =
    own.find(({ name }) => name.toLowerCase() === reference.toLowerCase()) ??
    builtIn.find(({ name }) => name.toLowerCase() === reference.toLowerCase())
  if (found !== undefined) return found.arn
  if (declaration.named.policies.has(reference.toLowerCase())) return leaveOut()
  const names = [...own, ...builtIn].map(({ name }) => name)
  return problemAt(path, `There is no policy ${reference}.${suggestion(reference, names)}`)
}

/**
 * Gives a user, group or role exactly the policies that the file names; a list that is not there changes nothing.
 *
 * @returns whether anything changed
 */
export async function putPolicies(
  applying: Applying,
  holder: { readonly id: string; readonly accountId: string; readonly path: Path },
  wanted: {
    readonly policies?: readonly string[] | undefined
    readonly inline: ReadonlyMap<string, string> | undefined
  },
): Promise<boolean> {
  const { tx } = applying
  let changed = false
  if (wanted.policies !== undefined) {
    const arns = new Set<string>()
    for (const [index, reference] of wanted.policies.entries())
      arns.add(await policyArn(applying, holder.accountId, reference, [...holder.path, 'policies', index]))
    for (const arn of await attachedPolicies(tx, holder.id))
      if (!arns.has(arn)) changed = (await detachPolicy(tx, holder.id, arn)) || changed
    for (const arn of arns) changed = (await attachPolicy(tx, holder.id, arn)) || changed
  }
  if (wanted.inline !== undefined) {
    const names = new Set([...wanted.inline.keys()].map((name) => name.toLowerCase()))
    for (const { name } of await inlinePolicies(tx, holder.id))
      if (!names.has(name.toLowerCase())) changed = (await removeInlinePolicy(tx, holder.id, name)) || changed
    for (const [name, document] of wanted.inline)
      changed = (await putInlinePolicy(tx, holder.id, name, document)) || changed
  }
  return changed
}
