import { literalOf, matchesEverything, wholePrefix, type Pattern } from '../pattern.ts'
import { beginningOf, type Beginning } from './beginning.ts'
import {
  extended,
  nextGram,
  placeOf,
  type Candidates,
  type Entry,
  type Grams,
  type Lead,
  type Prefixes,
} from './candidates.ts'
import { likeTest } from './condition.ts'
import { isUnconditional } from './statement.ts'

/** Fewer statements than this are tried one after the other. */
const few = 4

/** Only so many lengths of beginnings are looked up; patterns with other lengths are found by their runs. */
const mostLengths = 12

/** A beginning that more patterns than this share tells too little. */
const mostSharing = 4

type Patterned = { readonly entry: Entry; readonly pattern: Pattern }

/**
 * Arranges the statements of one action and effect by what their resources have in common with a text: all of it (exact), the
 * beginning, or four characters somewhere. What has none of these is tried every time.
 */
export function arrange(entries: readonly Entry[]): Candidates | undefined {
  if (entries.length === 0) return undefined
  const sure = entries.find(({ compiled }) => isUnconditional(compiled))
  if (sure || entries.length <= few) {
    return {
      sure,
      always: sure ? [] : cheapFirst(entries),
      exact: undefined,
      prefixes: undefined,
      grams: undefined,
    }
  }
  const always: Entry[] = []
  const exact = new Map<string, Entry[]>()
  const patterned: Patterned[] = []
  for (const entry of entries) {
    const patterns = positivePatterns(entry)
    // An entry of which one pattern has no literal text must be tried for every resource anyway.
    if (!patterns?.every((pattern) => literalOf(pattern) !== undefined || hasLead(pattern))) {
      always.push(entry)
      continue
    }
    for (const pattern of patterns) {
      const text = literalOf(pattern)
      if (text === undefined) patterned.push({ entry, pattern })
      else push(exact, text, entry)
    }
  }
  const { byPrefix, byGram } = divide(patterned)
  return {
    sure: undefined,
    always: cheapFirst(always),
    exact: exact.size > 0 ? exact : undefined,
    prefixes: byPrefix.length > 0 ? prefixesOf(byPrefix) : undefined,
    grams: byGram.length > 0 ? gramsOf(byGram) : undefined,
  }
}

function positivePatterns({ compiled }: Entry): readonly Pattern[] | undefined {
  const { resources } = compiled.statement
  return resources && !resources.not && !resources.patterns.some(matchesEverything)
    ? resources.patterns
    : undefined
}

const cheapFirst = (entries: readonly Entry[]): readonly Entry[] =>
  entries.toSorted((a, b) => a.compiled.conditions.length - b.compiled.conditions.length)

const prefixOf = ({ tokens: [first] }: Pattern): string => (typeof first === 'string' ? first : '')

const hasLead = (pattern: Pattern): boolean => prefixOf(pattern) !== '' || hasRun(pattern)

/** Which patterns are found by their beginning and which by a run, and the lengths of the beginnings. */
function divide(patterned: readonly Patterned[]): {
  readonly byPrefix: readonly Patterned[]
  readonly byGram: readonly Patterned[]
} {
  const sharing = new Map<string, number>()
  for (const { pattern } of patterned) count(sharing, prefixOf(pattern))
  const tells = (prefix: string): boolean => prefix !== '' && (sharing.get(prefix) ?? 0) <= mostSharing
  const lengths = new Map<number, number>()
  for (const prefix of sharing.keys()) if (tells(prefix)) count(lengths, prefix.length)
  const kept = new Set(
    [...lengths]
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, mostLengths)
      .map(([length]) => length),
  )
  const byPrefix: Patterned[] = []
  const byGram: Patterned[] = []
  for (const each of patterned) {
    const prefix = prefixOf(each.pattern)
    // Without a run of four there is nothing but the beginning, of three characters at most.
    const fits = (tells(prefix) && kept.has(prefix.length)) || !hasRun(each.pattern)
    ;(fits ? byPrefix : byGram).push(each)
  }
  return { byPrefix, byGram }
}

function prefixesOf(patterned: readonly Patterned[]): Prefixes {
  const [first] = patterned
  let common = first ? prefixOf(first.pattern) : ''
  const lengths = new Set<number>()
  for (const { pattern } of patterned) {
    const prefix = prefixOf(pattern)
    lengths.add(prefix.length)
    common = sharedStart(common, prefix)
  }
  const heads = table(patterned.length)
  for (const { entry, pattern } of patterned) {
    const prefix = prefixOf(pattern)
    let hash = 0
    for (let at = common.length; at < prefix.length; at++) hash = extended(hash, prefix.charCodeAt(at))
    add(heads, entry, pattern, hash)
  }
  return { common: common.length, lengths: [...lengths].toSorted((a, b) => a - b), heads }
}

function sharedStart(a: string, b: string): string {
  let at = 0
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++
  return a.slice(0, at)
}

function gramsOf(patterned: readonly Patterned[]): Grams {
  const frequency = new Map<number, number>()
  for (const { pattern } of patterned) for (const gram of runsOf(pattern)) count(frequency, gram)
  const heads = table(patterned.length)
  // Sixteen bits for each pattern keep chance hits to a few in a hundred.
  const bits = new Uint32Array(Math.max(64, heads.length / 4))
  for (const { entry, pattern } of patterned) {
    const runs = runsOf(pattern)
    let [rarest = 0] = runs
    for (const gram of runs) if ((frequency.get(gram) ?? 0) < (frequency.get(rarest) ?? 0)) rarest = gram
    add(heads, entry, pattern, rarest)
    const bit = placeOf(rarest, bits.length * 32)
    bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
  }
  return { bits, heads }
}

const table = (count: number): (Lead | undefined)[] =>
  Array.from({ length: 1 << (32 - Math.clz32(count * 2)) }, () => undefined)

function add(heads: (Lead | undefined)[], entry: Entry, pattern: Pattern, hash: number): void {
  const place = placeOf(hash, heads.length)
  const beginning = entry.beginning ?? beginningIn(pattern)
  heads[place] = {
    entry,
    hash,
    beginning,
    test: beginning === undefined ? likeTest(pattern) : undefined,
    next: heads[place],
  }
}

function beginningIn(pattern: Pattern): Beginning | undefined {
  const prefix = wholePrefix(pattern)
  return prefix === undefined ? undefined : beginningOf(prefix)
}

/** The runs of four characters that every matching text holds. */
function runsOf(pattern: Pattern): readonly number[] {
  const runs = new Set<number>()
  for (const token of pattern.tokens) {
    if (typeof token !== 'string') continue
    let gram = 0
    for (let at = 0; at < token.length; at++) {
      gram = nextGram(gram, token.charCodeAt(at))
      if (at >= 3) runs.add(gram)
    }
  }
  return [...runs]
}

const hasRun = ({ tokens }: Pattern): boolean =>
  tokens.some((token) => typeof token === 'string' && token.length >= 4)

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function push<K>(map: Map<K, Entry[]>, key: K, entry: Entry): void {
  const entries = map.get(key)
  if (!entries) map.set(key, [entry])
  else if (entries.at(-1) !== entry) entries.push(entry)
}
