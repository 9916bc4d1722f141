import { z } from 'zod'
import { suggestion } from './nearest.ts'
import type { Problem } from './problem.ts'
import type { Path } from './yaml.ts'

type Issue = z.core.$ZodIssue

/** Where a path was written. `key` asks for the place of the name, not of the value. */
export type Where = (path: Path, key?: 'key') => string

/**
 * Checks a value against a schema and tells every mistake in the operator's words.
 *
 * @param where finds the place of a path (for a file: `yaml.where`)
 * @param prefix the path of `value` inside its file
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: Where,
  prefix: Path = [],
):
  | { readonly value: z.output<Schema>; readonly problems: readonly [] }
  | { readonly value?: undefined; readonly problems: readonly Problem[] } {
  const result = schema.safeParse(value)
  if (result.success) return { value: result.data, problems: [] }
  const problems = result.error.issues.flatMap((issue) => tell(issue, schema, value, where, prefix))
  return { problems }
}

function tell(issue: Issue, schema: z.ZodType, root: unknown, where: Where, prefix: Path): Problem[] {
  const path = issue.path
  const full = [...prefix, ...path]
  const name = full.map(String).join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      where: where([...full, key], 'key'),
      path: [...full.map(String), key].join('.'),
      message: `There is no such key.${suggestion(key, keysAt(schema, path, root))}`,
    }))
  const missing = (wanted: string): Problem[] => [
    {
      where: where(full),
      path: name,
      message: `This is missing. Write ${String(path.at(-1))}: ${wanted}.`,
    },
  ]
  if (issue.code === 'invalid_union') {
    if (at(root, path) === undefined && path.length > 0) return missing(expectation(issue))
    // The branch whose complaint is deepest is the one that was meant.
    const meant = issue.errors
      .filter((branch) => branch.length > 0)
      .toSorted((left, right) => depth(right) - depth(left) || left.length - right.length)[0]
    const alike = issue.errors.every((branch) => depth(branch) === 0)
    if (meant !== undefined && !alike) return meant.flatMap((inner) => tell(inner, schema, root, where, full))
    const wanted = [...new Set(issue.errors.flatMap((branch) => branch.map(expectation)))]
    return [
      {
        where: where(full),
        path: name,
        message: `Write ${wanted.join(' or ')}, not ${describe(at(root, path))}.`,
      },
    ]
  }
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') {
    const inner = issue.issues.map((each) => sentence(each, at(root, path))).join(' ')
    return [{ where: where(full, 'key'), path: name, message: inner }]
  }
  const value = at(root, path)
  if (issue.code === 'invalid_type' && value === undefined) return missing(expectation(issue))
  return [{ where: where(full), path: name, message: sentence(issue, value) }]
}

const depth = (issues: readonly Issue[]): number => Math.max(...issues.map(({ path }) => path.length))

function sentence(issue: Issue, value: unknown): string {
  if (issue.code === 'custom') return issue.message
  // A schema's own sentence wins over ours; zod's own ones begin so.
  if (!/^(Invalid|Too (big|small)|Unrecognized)/.test(issue.message)) return issue.message
  return `Write ${expectation(issue)}, not ${describe(value)}.`
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? issue.expected
    case 'too_big':
      return `${amount(issue.origin, issue.maximum)} at most`
    case 'too_small':
      return issue.origin === 'string' && Number(issue.minimum) === 1
        ? 'a text that is not empty'
        : `${amount(issue.origin, issue.minimum)} at least`
    case 'invalid_format':
      return issue.format === 'regex'
        ? `a text of the form ${issue.pattern ?? ''}`
        : (formats[issue.format] ?? `a valid ${issue.format}`)
    case 'invalid_value':
      return issue.values.map((each) => JSON.stringify(each)).join(' or ')
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`
    case 'unrecognized_keys':
      return `only known keys (not ${issue.keys.join(', ')})`
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap((branch) => branch.map(expectation)))].join(' or ')
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.map(expectation).join(' and ')
    case 'custom':
      return issue.message
  }
}

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  null: 'null',
}

const formats: Readonly<Record<string, string>> = {
  url: 'a URL',
  email: 'a mail address',
  uuid: 'a UUID',
}

const amount = (origin: string, size: number | bigint): string =>
  origin === 'string'
    ? `${size} characters`
    : origin === 'array' || origin === 'set'
      ? `${size} ${Number(size) === 1 ? 'entry' : 'entries'}`
      : `${size}`

/** A value in few words; texts are shown shortened, since they may be long (and secrets stand in files of their own). */
function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function at(value: unknown, path: Path): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined
    current = Reflect.get(current, step)
  }
  return current
}

/** The keys that a schema knows at a path, through optional, nullable, record, array and union. */
function keysAt(schema: z.ZodType, path: Path, value: unknown): string[] {
  const inner = unwrap(schema)
  const [step, ...rest] = path
  const next =
    typeof value === 'object' && value !== null && step !== undefined ? Reflect.get(value, step) : undefined
  if (inner instanceof z.ZodUnion)
    return [...new Set(inner.options.flatMap((option) => keysAt(option as z.ZodType, path, value)))]
  if (inner instanceof z.ZodObject) {
    if (step === undefined) return Object.keys(inner.shape)
    const child = Reflect.get(inner.shape, step) as z.ZodType | undefined
    return child === undefined ? [] : keysAt(child, rest, next)
  }
  if (inner instanceof z.ZodArray && step !== undefined) return keysAt(inner.element as z.ZodType, rest, next)
  if (inner instanceof z.ZodRecord && step !== undefined)
    return keysAt(inner.valueType as z.ZodType, rest, next)
  return []
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodReadonly
  )
    return unwrap(schema.unwrap() as z.ZodType)
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType)
  return schema
}
