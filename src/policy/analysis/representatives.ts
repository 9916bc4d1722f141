/**
 * For the conditions on one key: values that stand for all values. Two values that no condition tells apart are as good as one, so
 * a finite list will do: for texts one of each class, for numbers, dates and addresses one of each interval.
 */
import type { ArnPattern, Condition } from '../ast.ts'
import { globOf, many, one, type Glob } from '../glob.ts'
import { variablesOf, type Pattern } from '../pattern.ts'
import { patternsOf } from '../simulate/context-keys.ts'
import { readDecimal, type Address, type Decimal, type Instant } from '../values.ts'
import { classesWithin, type Budget } from './automaton.ts'

/** More values than this are not worth combining. */
const most = 400

/**
 * Values that stand for every single value; undefined when none were found that surely do (variables, kinds of conditions that do not
 * go together, too many).
 */
export function representatives(
  conditions: readonly Condition[],
  budget: Budget,
): readonly string[] | undefined {
  const real = conditions.filter(({ family }) => family !== 'null')
  const isOpen = real.some((each) => patternsOf(each).some((pattern) => variablesOf(pattern).length > 0))
  const families = new Set(real.map(({ family }) => family))
  if (isOpen || families.size > 1) return undefined
  const [family = 'string'] = families
  const values = byFamily(family, real, budget)
  return values && values.length <= most ? values : undefined
}

function byFamily(
  family: Condition['family'],
  conditions: readonly Condition[],
  budget: Budget,
): readonly string[] | undefined {
  switch (family) {
    case 'string':
      return textValues(conditions, budget)
    case 'arn':
      return arnValues(
        conditions.flatMap((each) => (each.family === 'arn' ? each.values : [])),
        budget,
      )
    case 'numeric':
      return numberValues(conditions.flatMap((each) => (each.family === 'numeric' ? each.values : [])))
    case 'date':
      return dateValues(conditions.flatMap((each) => (each.family === 'date' ? each.values : [])))
    case 'bool':
      return ['true', 'false', 'neither', '']
    case 'binary': {
      const named = conditions.flatMap((each) => (each.family === 'binary' ? each.values : []))
      const used = new Set(named.map(({ bytes }) => bytes))
      const other = ['AAAA', 'AAAB', 'AAAC', 'AAAD', 'AAAE'].find((each) => !used.has(atob(each)))
      return other === undefined ? undefined : [...named.map(({ text }) => text), other, '*', '']
    }
    case 'address': {
      const ranges = conditions.flatMap((each) => (each.family === 'address' ? each.values : []))
      return [...addressValues(ranges), 'none', '']
    }
    case 'null':
      return undefined
  }
}

function textValues(conditions: readonly Condition[], budget: Budget): readonly string[] | undefined {
  const tests = conditions.flatMap((each) => (each.family === 'string' ? [each] : []))
  const folds = tests.filter(({ match }) => match === 'ignore-case').length
  if (folds > 0 && folds < tests.length) return undefined
  const globs = distinct(tests.flatMap(({ values }) => values.map(folds > 0 ? folded : globOf)))
  // A folded text must stay as it is when it is folded again, or it stands for nothing.
  if (folds > 0 && globs.some((glob) => textOfGlob(glob).toLowerCase() !== textOfGlob(glob))) return undefined
  // An empty text is a class of its own: under set operators and Null it counts as no value.
  const classes = classesWithin([one, many], globs, budget)
  return classes && [...classes.map(({ witness }) => witness), '']
}

const textOfGlob = (glob: Glob): string => String.fromCharCode(...glob.map((unit) => Math.max(unit, 0x2a)))
const folded = ({ text, tokens }: Pattern): Glob =>
  globOf({ text, tokens: tokens.map((each) => (typeof each === 'string' ? each.toLowerCase() : each)) })

const distinct = (globs: readonly Glob[]): readonly Glob[] => [
  ...new Map(globs.map((glob) => [glob.join(), glob])).values(),
]

/** Six fields, told apart one by one; a star stays within its field. */
function arnValues(patterns: readonly ArnPattern[], budget: Budget): readonly string[] | undefined {
  const whole = patterns.filter(({ any }) => !any)
  const fields: (readonly string[])[] = []
  for (let field = 0; field < 6; field++) {
    const globs = distinct(whole.flatMap((each) => each.fields.slice(field, field + 1).map(globOf)))
    const classes = classesWithin(field === 0 ? arn : [many], globs, budget)
    if (!classes) return undefined
    fields.push(classes.map(({ witness }) => witness))
  }
  if (fields.reduce((product, each) => product * each.length, 1) > most) return undefined
  const values = fields.reduce<readonly string[]>(
    (starts, some, field) =>
      starts.flatMap((start) => some.map((each) => (field === 0 ? each : `${start}:${each}`))),
    [''],
  )
  return [...values, 'none', '']
}

const arn: Glob = [0x61, 0x72, 0x6e]

/** Each number that is named, something between it and the next, something below them all, and no number. */
function numberValues(named: readonly Decimal[]): readonly string[] | undefined {
  const scaleOf = ({ text }: Decimal) => (text.split('.')[1] ?? '').length
  const scale = Math.max(0, ...named.map(scaleOf)) + 1
  const above = named.map((each): string => {
    const digits = each.text.split('.')
    const units =
      BigInt((digits[0] ?? '0').replace('+', '') + (digits[1] ?? '')) * 10n ** BigInt(scale - scaleOf(each))
    const next = (each.text.startsWith('-') && units > 0n ? -units : units) + 1n
    const text = String(next < 0n ? -next : next).padStart(scale + 1, '0')
    return `${next < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
  })
  if (above.some((text) => readDecimal(text) === undefined)) return undefined
  return [...named.map(({ text }) => text), ...above, `-${'9'.repeat(60)}`, 'none', '']
}

/** Each instant that is named, the nanosecond after it, a time before them all, and no time. */
function dateValues(named: readonly Instant[]): readonly string[] | undefined {
  const after = named.map(({ seconds, nanos }) => {
    if (seconds >= 0) {
      return nanos === 999_999_999 ? String(seconds + 1) : `${seconds}.${String(nanos + 1).padStart(9, '0')}`
    }
    return undefined
  })
  // Four digits are a year, and before 1970 the fraction counts backwards: neither is worth the trouble.
  if (after.some((text) => text === undefined || /^\d{4}(\.|$)/.test(text) || text.length > 22))
    return undefined
  return [
    ...named.map(({ text }) => text),
    ...after.flatMap((text) => text ?? []),
    '-99999999999',
    'none',
    '',
  ]
}

/** The first address of each range and the first behind it: between two such places nothing changes. */
export function addressValues(
  ranges: readonly { readonly address: Address; readonly prefix: number }[],
): readonly string[] {
  const values = new Set(['0.0.0.0', '::'])
  for (const { address, prefix } of ranges) {
    const bits = address.family === 4 ? 32 : 128
    const width = 1n << BigInt(bits - prefix)
    const whole = address.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    const low = whole - (whole % width)
    values.add(toText(low, address.family))
    if (low + width < 1n << BigInt(bits)) values.add(toText(low + width, address.family))
  }
  return [...values]
}

function toText(address: bigint, family: 4 | 6): string {
  const [parts, bits, radix, sign] = family === 4 ? ([4, 8n, 10, '.'] as const) : ([8, 16n, 16, ':'] as const)
  return Array.from({ length: parts }, (_, at) =>
    ((address >> (bits * BigInt(parts - 1 - at))) & ((1n << bits) - 1n)).toString(radix),
  ).join(sign)
}
