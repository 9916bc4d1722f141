import type { Address, Decimal, Instant } from './values.ts'
import type { Pattern } from './pattern.ts'

/** What a document is attached as; decides which elements are legal in it. */
export type DocumentType = 'identity' | 'boundary' | 'session' | 'resource' | 'trust' | 'scp' | 'rcp'

export type Version = '2008-10-17' | '2012-10-17'

/** A policy that was read without an error: immutable, shared, evaluated many times. */
export type Policy = {
  readonly type: DocumentType
  readonly version: Version
  readonly id?: string | undefined
  readonly statements: readonly Statement[]
  /** Why the text could not be read, where a stored document must stand for itself and fail closed. */
  readonly unreadable?: string | undefined
}

export type Statement = {
  /** Position in the document, from 0. */
  readonly index: number
  readonly sid?: string | undefined
  readonly effect: 'Allow' | 'Deny'
  /** Absent in documents whose grammar has no principal. */
  readonly principals?: { readonly not: boolean; readonly entries: readonly PrincipalEntry[] } | undefined
  /** Patterns in lower case. */
  readonly actions: { readonly not: boolean; readonly patterns: readonly Pattern[] }
  /** Absent in trust policies only. */
  readonly resources?: { readonly not: boolean; readonly patterns: readonly Pattern[] } | undefined
  readonly conditions: readonly Condition[]
}

/** Whom an entry of Principal or NotPrincipal names. The account id and the root ARN are the same entry. */
export type PrincipalEntry =
  | { readonly kind: 'any' }
  | { readonly kind: 'account'; readonly accountId: string; readonly partition?: string | undefined }
  | { readonly kind: 'arn'; readonly arn: string }
  | { readonly kind: 'unique-id'; readonly id: string }
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'federated'; readonly provider: string }

export type SetOperator = 'ForAllValues' | 'ForAnyValue'

export type Comparison = 'equal' | 'less' | 'less-or-equal' | 'greater' | 'greater-or-equal'

/** One key under one operator. The values are ORed; under a negated operator none of them may match. */
export type Condition = {
  /** The operator as written, with its set prefix and IfExists. */
  readonly operator: string
  readonly set?: SetOperator | undefined
  readonly ifExists: boolean
  readonly negated: boolean
  /** Canonical: lower case, `signet:` for `aws:`. */
  readonly key: string
  /** The key as written. */
  readonly spelling: string
} & Test

/** What a single value is held against; `text` is the value as written in the policy. */
export type Test =
  | {
      readonly family: 'string'
      readonly match: 'exact' | 'ignore-case' | 'like'
      readonly values: readonly Pattern[]
    }
  | { readonly family: 'numeric'; readonly comparison: Comparison; readonly values: readonly Decimal[] }
  | { readonly family: 'date'; readonly comparison: Comparison; readonly values: readonly Instant[] }
  | { readonly family: 'bool'; readonly values: readonly BoolValue[] }
  | { readonly family: 'binary'; readonly values: readonly BinaryValue[] }
  | { readonly family: 'address'; readonly values: readonly AddressRange[] }
  | { readonly family: 'arn'; readonly values: readonly ArnPattern[] }
  | { readonly family: 'null'; readonly values: readonly NullValue[] }

export type BoolValue = { readonly text: string; readonly value: boolean | Pattern }
export type BinaryValue = { readonly text: string; readonly bytes: string }
export type AddressRange = { readonly text: string; readonly address: Address; readonly prefix: number }
export type NullValue = { readonly text: string; readonly value: boolean }

/** Six patterns, one for each field of an ARN; `any` is the lone `*`. */
export type ArnPattern = { readonly text: string; readonly any: boolean; readonly fields: readonly Pattern[] }

/**
 * The one name of a condition key inside the engine: lower case, and `aws:` is `signet:` (both are the same key).
 */
export function canonicalKey(name: string): string {
  const lower = name.toLowerCase()
  return lower.startsWith('aws:') ? `signet:${lower.slice(4)}` : lower
}

/** Folds A to Z only: actions are ASCII, and no other letter may become one (the Kelvin sign is not a K). */
export const foldAscii = (text: string): string => text.replaceAll(/[A-Z]+/g, (run) => run.toLowerCase())
