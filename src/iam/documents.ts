import { type DocumentType, parsePolicy, type Policy, unreadablePolicy, validatePolicy } from '#policy'
import { refuse } from '#kernel'

import { refusedDocument } from './refused-document.ts'

const most = 4_096
const parsed = new Map<string, Policy>()
const texts = new WeakMap<Policy, string>()

/**
 * The policy of a stored text, parsed once per text. A text that no longer parses becomes a policy that denies: an
 * error in a policy never allows.
 */
export function policyFrom(text: string, type: DocumentType): Policy {
  const key = `${type}\n${text}`
  let policy = parsed.get(key)
  if (policy === undefined) {
    const read = parsePolicy(text, type)
    policy =
      read.policy ?? unreadablePolicy(type, read.findings[0]?.message ?? 'The document cannot be read.')
    const [oldest] = parsed.keys()
    if (parsed.size >= most && oldest !== undefined) parsed.delete(oldest)
    parsed.set(key, policy)
    texts.set(policy, text)
  }
  return policy
}

/** The stored text that a policy was read from, by `policyFrom`; undefined for any other policy. */
export const textOfPolicy = (policy: Policy): string | undefined => texts.get(policy)

/** Characters without white space: what AWS counts. */
export const policySize = (text: string): number => text.replaceAll(/[\t\n\r ]/g, '').length

/** AWS's default quotas (IAM User Guide, reference_iam-quotas). */
const quotas: Partial<Record<DocumentType, number>> = {
  identity: 6_144,
  boundary: 6_144,
  trust: 2_048,
  session: 2_048,
}

/**
 * Reads a policy that is about to be saved.
 *
 * @param limit characters without white space; AWS's default when left out
 * @throws Failure malformed iam/malformed-policy with the findings as detail; conflict iam/policy-too-large
 */
export function readPolicy(
  text: string,
  type: DocumentType,
  limit: number | undefined = quotas[type],
): Policy {
  const { policy, findings } = validatePolicy(text, type)
  if (policy === undefined) {
    refuse('malformed', 'iam/malformed-policy', refusedDocument(text, type, findings), findings)
  }
  if (limit !== undefined && policySize(text) > limit)
    refuse(
      'conflict',
      'iam/policy-too-large',
      `Cannot exceed quota for ${type === 'trust' ? 'ACLSizePerRole' : 'PolicySize'}: ${limit}`,
    )
  return policy
}
