import { deflateRawSync } from 'node:zlib'

import { refuse } from '#kernel'

import type { Tag } from './claims.ts'

/** Bytes that session policy, policy ARNs and tags may take in a token, compressed: AWS's 100 % of PackedPolicySize. */
const budgetBytes = 1200
/** What a token may take at most; SessionTokenUtilization is in percent of it. */
export const tokenCharacters = 4096

/**
 * How much of the packed budget a session's policy and tags take, in percent.
 *
 * @throws Failure malformed `sts/packed-policy-too-large`
 */
export function packedPolicySize(packed: {
  readonly policy?: string | undefined
  readonly policyArns: readonly string[]
  readonly tags: readonly Tag[]
}): number {
  const { policy = '', policyArns, tags } = packed
  const percent = percentOf([policy, ...policyArns, ...tags.flatMap(({ key, value }) => [key, value])])
  if (percent > 100) {
    const tagsAlone = percentOf(tags.flatMap(({ key, value }) => [key, value]))
    refuse(
      'malformed',
      'sts/packed-policy-too-large',
      tagsAlone > 100
        ? `Packed size of session tags consumes ${tagsAlone}% of allotted space.`
        : `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
    )
  }
  return percent
}

const percentOf = (parts: readonly string[]): number =>
  parts.every((part) => part === '')
    ? 0
    : Math.ceil((deflateRawSync(parts.join('\0')).length * 100) / budgetBytes)

/** SessionTokenUtilization: how much of the room for a token it takes, in percent. */
export const tokenUtilization = (token: string): number => Math.ceil((token.length * 100) / tokenCharacters)
