import type { PolicyRef } from '../request.ts'
import { literalOf, type Pattern } from '../pattern.ts'
import type { Link } from '../principals.ts'
import { appliesBeyond, type CompiledStatement } from './statement.ts'
import type { View } from './view.ts'

/** A compiled statement in an index. `ref` is undefined in the index of one policy, whose reference the caller knows. */
export type Entry = { readonly compiled: CompiledStatement; readonly ref: PolicyRef | undefined }

/** Fewer statements than this are tried one after the other. */
const few = 8

/**
 * The statements of one effect whose action matches, found by resource: those for every resource, those for one exact
 * resource (hash), and patterns by their rarest run of four characters.
 */
export type Candidates = {
  readonly always: readonly Entry[]
  readonly exact: ReadonlyMap<string, readonly Entry[]> | undefined
  readonly grams: Grams | undefined
}

type Grams = { readonly bits: Uint32Array; readonly entries: ReadonlyMap<number, readonly Entry[]> }

/** Four code units as a number; other texts may share it, so whoever finds it must look again. */
const gramAt = (text: string, at: number): number =>
  (text.charCodeAt(at) ^
    (text.charCodeAt(at + 1) << 8) ^
    (text.charCodeAt(at + 2) << 16) ^
    (text.charCodeAt(at + 3) << 24)) |
  0

const bitCount = 1 << 14
const bitOf = (gram: number): number => (Math.imul(gram, 0x9e3779b1) >>> 18) & (bitCount - 1)

/** Arranges the entries of one action and effect. */
export function arrange(entries: readonly Entry[]): Candidates {
  if (entries.length <= few) return { always: entries, exact: undefined, grams: undefined }
  const always: Entry[] = []
  const exact = new Map<string, Entry[]>()
  const patterned: { entry: Entry; pattern: Pattern; grams: readonly number[] }[] = []
  for (const entry of entries) {
    const { resources } = entry.compiled.statement
    const placed = resources && !resources.not && entry.compiled.resource ? resources.patterns : undefined
    const runs = placed?.map((pattern) => ({ entry, pattern, grams: gramsOf(pattern) }))
    // An entry of which one pattern has no run must be tried for every resource anyway.
    if (!runs || runs.some(({ pattern, grams }) => literalOf(pattern) === undefined && grams.length === 0)) {
      always.push(entry)
      continue
    }
    for (const run of runs) {
      const text = literalOf(run.pattern)
      if (text === undefined) patterned.push(run)
      else push(exact, text, entry)
    }
  }
  return {
    always,
    exact: exact.size ? exact : undefined,
    grams: patterned.length ? byRarest(patterned) : undefined,
  }
}

function byRarest(patterned: readonly { entry: Entry; grams: readonly number[] }[]): Grams {
  const frequency = new Map<number, number>()
  for (const { grams } of patterned)
    for (const gram of grams) frequency.set(gram, (frequency.get(gram) ?? 0) + 1)
  const entries = new Map<number, Entry[]>()
  const bits = new Uint32Array(bitCount >>> 5)
  for (const { entry, grams } of patterned) {
    let rarest = grams[0] ?? 0
    for (const gram of grams) if ((frequency.get(gram) ?? 0) < (frequency.get(rarest) ?? 0)) rarest = gram
    push(entries, rarest, entry)
    const bit = bitOf(rarest)
    bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
  }
  return { bits, entries }
}

/** The runs of four characters that every matching text holds. */
function gramsOf(pattern: Pattern): readonly number[] {
  const grams = new Set<number>()
  for (const token of pattern.tokens) {
    if (typeof token !== 'string') continue
    for (let at = 0; at + 4 <= token.length; at++) grams.add(gramAt(token, at))
  }
  return [...grams]
}

function push<K>(map: Map<K, Entry[]>, key: K, entry: Entry): void {
  const entries = map.get(key)
  if (!entries) map.set(key, [entry])
  // The patterns of one statement often share a run.
  else if (entries.at(-1) !== entry) entries.push(entry)
}

/** Some entry that applies. */
export function find({ always, exact, grams }: Candidates, view: View): Entry | undefined {
  for (let at = 0; at < always.length; at++) {
    const entry = always[at]
    if (entry && resourceMatches(entry, view) && appliesBeyond(entry.compiled, view)) return entry
  }
  const text = view.resource
  for (const entry of exact?.get(text) ?? []) if (appliesBeyond(entry.compiled, view)) return entry
  if (!grams) return undefined
  const { bits, entries } = grams
  for (let at = 0; at + 4 <= text.length; at++) {
    const gram = gramAt(text, at)
    const bit = bitOf(gram)
    if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) continue
    for (const entry of entries.get(gram) ?? []) {
      if (resourceMatches(entry, view) && appliesBeyond(entry.compiled, view)) return entry
    }
  }
  return undefined
}

const resourceMatches = ({ compiled: { resource } }: Entry, view: View): boolean =>
  resource === undefined || resource(view)

/** Every entry that applies, with the link by which it names the caller. */
export function all(candidates: Candidates, view: View): (readonly [Entry, Link])[] {
  const { always, exact, grams } = candidates
  const text = view.resource
  const found = new Set([...always, ...(exact?.get(text) ?? [])])
  if (grams) {
    for (let at = 0; at + 4 <= text.length; at++) {
      for (const entry of grams.entries.get(gramAt(text, at)) ?? []) found.add(entry)
    }
  }
  return [...found].flatMap((entry) => {
    const link = resourceMatches(entry, view) ? appliesBeyond(entry.compiled, view) : undefined
    return link ? [[entry, link] as const] : []
  })
}
