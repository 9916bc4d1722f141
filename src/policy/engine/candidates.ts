import type { PolicyRef, Decision, Layer } from '../request.ts'
import { principalLink, type Link } from '../principals.ts'
import { begins, type Beginning } from './beginning.ts'
import type { Check } from './condition.ts'
import { dependsOnCaller, type CompiledStatement } from './statement.ts'
import type { View } from './view.ts'

/**
 * A compiled statement in an index, with what a decision touches close together. `ref` is undefined in the index of one policy,
 * whose reference the caller knows.
 */
export type Entry = {
  readonly compiled: CompiledStatement
  /** What the resource must begin with, where that is the whole test. */
  readonly beginning: Beginning | undefined
  /** Any other test of the resource; undefined when every resource matches. */
  readonly resource: CompiledStatement['resource']
  readonly conditions: readonly Check[] | undefined
  /** The caller must be looked for in its principals. */
  readonly named: boolean
  readonly ref: PolicyRef | undefined
  /** Its place in the index. */
  readonly at: number
  /** What was said when this statement decided alone, and of which policy where: most decisions repeat. */
  said: Decision | undefined
  saidOf: PolicyRef | undefined
  saidAt: Layer | undefined
}

/** The entry of a statement. */
export const entryOf = (compiled: CompiledStatement, ref: PolicyRef | undefined, at: number): Entry => ({
  compiled,
  beginning: compiled.beginning,
  resource: compiled.resource,
  conditions: compiled.conditions.length > 0 ? compiled.conditions : undefined,
  named: dependsOnCaller(compiled),
  ref,
  at,
  said: undefined,
  saidOf: undefined,
  saidAt: undefined,
})

/** The statements of one effect whose action matches, found by resource. */
export type Candidates = {
  /** One that applies to every request: nothing else need be asked. */
  readonly sure: Entry | undefined
  /** Those that are tried for every resource. */
  readonly always: readonly Entry[]
  readonly exact: ReadonlyMap<string, readonly Entry[]> | undefined
  readonly prefixes: Prefixes | undefined
  readonly grams: Grams | undefined
}

/** One resource pattern of an entry, in a chain of those with the same place in a hash table. */
export type Lead = {
  readonly entry: Entry
  readonly hash: number
  /** What the resource must begin with, where that is the whole test. */
  readonly beginning: Beginning | undefined
  readonly test: ((text: string, view: View) => boolean) | undefined
  readonly next: Lead | undefined
}

/** Patterns that begin with literal text, by a hash of that text; `common` characters are the same in all and left out. */
export type Prefixes = {
  readonly common: number
  /** How long the beginnings are, ascending. */
  readonly lengths: readonly number[]
  readonly heads: readonly (Lead | undefined)[]
}

/** Other patterns, by their rarest run of four characters. `bits` tells which runs may be worth a look. */
export type Grams = { readonly bits: Uint32Array; readonly heads: readonly (Lead | undefined)[] }

/** One more code unit of a hash. */
export const extended = (hash: number, unit: number): number => (Math.imul(hash, 31) + unit) | 0

/** Where a hash stands in a table of `size` places, a power of two. */
export const placeOf = (hash: number, size: number): number =>
  (Math.imul(hash, 0x9e3779b1) >>> 7) & (size - 1)

/**
 * The last four code units as a number, after one more. Other texts may have the same number, so whoever finds it must look
 * again.
 */
export const nextGram = (gram: number, unit: number): number => (gram << 8) ^ unit

/** By each way of naming the caller, some Allow that names it so. */
export type Granted = { [link in Link]?: Entry | undefined }

/**
 * Some entry that applies. With `granted`, entries are noted there by the link with which they name the caller, and the search
 * ends early only at one that names the very caller.
 */
export function find(candidates: Candidates, view: View, granted?: Granted): Entry | undefined {
  if (candidates.sure !== undefined) {
    if (granted) granted.direct = candidates.sure
    return candidates.sure
  }
  const { always, exact, prefixes, grams } = candidates
  const text = view.resource
  for (let at = 0; at < always.length; at++) {
    const entry = always[at]
    if (entry === undefined) continue
    if (reaches(entry, text, view) && settles(entry, view, granted)) return entry
  }
  if (exact !== undefined) {
    const entries = exact.get(text)
    if (entries) for (const entry of entries) if (settles(entry, view, granted)) return entry
  }
  if (prefixes !== undefined) {
    const found = findByPrefix(prefixes, text, view, granted)
    if (found) return found
  }
  return grams && findByGram(grams, text, view, granted)
}

/** Whether the Resource of an entry matches. */
function reaches({ beginning, resource }: Entry, text: string, view: View): boolean {
  if (beginning !== undefined) return begins(beginning, text)
  return resource === undefined || resource(text, view)
}

/** Whether an entry whose Action and Resource match applies; as the search wants it, see find. */
function settles(entry: Entry, view: View, granted: Granted | undefined): boolean {
  const link = entry.named ? linkOf(entry.compiled, view) : 'direct'
  if (link === undefined) return false
  const { conditions } = entry
  if (conditions !== undefined) {
    for (let at = 0; at < conditions.length; at++) if (conditions[at]?.(view) === false) return false
  }
  if (granted === undefined) return true
  granted[link] ??= entry
  return link === 'direct'
}

const linkOf = ({ statement, type }: CompiledStatement, view: View): Link | undefined =>
  principalLink(statement, type, view.principal, view.bounded)

function findByPrefix(
  { common, lengths, heads }: Prefixes,
  text: string,
  view: View,
  granted: Granted | undefined,
): Entry | undefined {
  let hash = 0
  let at = common
  for (let each = 0; each < lengths.length; each++) {
    const length = lengths[each] ?? 0
    if (length > text.length) return undefined
    for (; at < length; at++) hash = extended(hash, text.charCodeAt(at))
    const found = follow(heads[placeOf(hash, heads.length)], hash, text, view, granted)
    if (found) return found
  }
  return undefined
}

function findByGram(
  { bits, heads }: Grams,
  text: string,
  view: View,
  granted: Granted | undefined,
): Entry | undefined {
  const places = bits.length * 32
  let gram = 0
  for (let at = 0; at < text.length; at++) {
    gram = nextGram(gram, text.charCodeAt(at))
    if (at < 3) continue
    const bit = placeOf(gram, places)
    if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) continue
    const found = follow(heads[placeOf(gram, heads.length)], gram, text, view, granted)
    if (found) return found
  }
  return undefined
}

function follow(
  head: Lead | undefined,
  hash: number,
  text: string,
  view: View,
  granted: Granted | undefined,
): Entry | undefined {
  for (let lead = head; lead !== undefined; lead = lead.next) {
    if (lead.hash !== hash) continue
    const { beginning, test } = lead
    const matches = beginning === undefined ? test === undefined || test(text, view) : begins(beginning, text)
    if (matches && settles(lead.entry, view, granted)) return lead.entry
  }
  return undefined
}
