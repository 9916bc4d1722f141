import { sql } from '#database'
import {
  addPolicyVersion,
  createPolicy,
  findPolicy,
  listPolicyVersions,
  setDefaultVersion,
  setPolicyDocument,
} from '#iam'
import { isFailure, refuse } from '#kernel'
import type { Details } from './details.ts'
import { type Run, tagsOf } from './run.ts'

type Policy = Details['Policies'][number]
type Version = Policy['PolicyVersionList'][number]

/** AWS keeps five versions of a policy, and so do we. */
const mostVersions = 5

/** Takes the customer policies over, with their versions in the same order. */
export async function takePolicies(run: Run, { Policies }: Details): Promise<void> {
  for (const policy of Policies.filter(({ Arn }) => /:iam::\d{12}:policy\//.test(Arn)))
    await run.step({ kind: 'policy', name: policy.PolicyName }, (note) => takePolicy(run, policy, note))
}

async function takePolicy(
  run: Run,
  policy: Policy,
  note: (text: string) => void,
): Promise<{ isNew: boolean; arn: string }> {
  const { tx, needs, accountId, ours } = run
  const version =
    policy.PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion) ??
    refuse('malformed', 'aws-transfer/no-version', 'Its default version is not in the document.')
  const arn = `arn:aws:iam::${accountId}:policy${policy.Path}${policy.PolicyName}`
  const found = await findPolicy(tx, arn)
  if (found !== undefined) {
    await setPolicyDocument(tx, needs.clock, arn, ours(version.Document))
    // What somebody did to it here since stays: a version is no rule to be brought up to date.
    const here = (await listPolicyVersions(tx, found.policyId)).map(({ document }) => document)
    const missing = policy.PolicyVersionList.filter(({ Document }) => !here.includes(ours(Document))).length
    if (missing > 0)
      note(`without ${missing} ${missing === 1 ? 'version that is' : 'versions that are'} not the default`)
    return { isNew: false, arn }
  }
  const [first, ...rest] = inOrder(policy.PolicyVersionList, version)
  const readable: Version[] = []
  for (const each of [first, ...rest]) {
    if (each === undefined) continue
    await tx.query(sql`savepoint version`)
    try {
      const created = await findPolicy(tx, arn)
      if (created === undefined)
        await createPolicy(tx, needs.clock, {
          accountId,
          name: policy.PolicyName,
          path: policy.Path,
          description: policy.Description,
          document: ours(each.Document),
          tags: tagsOf(policy),
        })
      else
        await addPolicyVersion(tx, needs.clock, created.policyId, {
          document: ours(each.Document),
          isDefault: false,
        })
      readable.push(each)
      await tx.query(sql`release savepoint version`)
    } catch (thrown) {
      // Without the version that decides there is no policy; of another it is enough to tell.
      if (!isFailure(thrown) || each === version) throw thrown
      await tx.query(sql`rollback to savepoint version`)
      note(`without the version ${each.VersionId}: ${thrown.message}`)
    }
  }
  const created = await findPolicy(tx, arn)
  await setDefaultVersion(tx, needs.clock, created?.policyId ?? '', readable.indexOf(version) + 1)
  const renamed = readable
    .map(({ VersionId }, at) => [VersionId, `v${at + 1}`] as const)
    .filter(([theirs, here]) => theirs !== here)
  if (renamed.length > 0)
    note(`with other version ids: ${renamed.map(([theirs, here]) => `${theirs} is ${here}`).join(', ')}`)
  return { isNew: true, arn }
}

/** The oldest first, as they were made; the default one and the newest others where there are too many. */
function inOrder(versions: readonly Version[], byDefault: Version): readonly Version[] {
  const number = ({ VersionId }: Version): number => Number(/^v(\d+)/.exec(VersionId)?.[1] ?? 0)
  const newest = versions.toSorted((a, b) => number(b) - number(a))
  const kept = [byDefault, ...newest.filter((each) => each !== byDefault)].slice(0, mostVersions)
  return kept.toSorted((a, b) => number(a) - number(b))
}
