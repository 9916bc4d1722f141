import type { Comparison, SetOperator } from './ast.ts'

/** What a base operator compares and how; `negated` is the exact complement of the positive one. */
export type Operator = { readonly negated: boolean } & (
  | { readonly family: 'string'; readonly match: 'exact' | 'ignore-case' | 'like' }
  | { readonly family: 'numeric' | 'date'; readonly comparison: Comparison }
  | { readonly family: 'bool' | 'binary' | 'address' | 'arn' | 'null' }
)

const ordered = (family: 'numeric' | 'date', name: string): readonly (readonly [string, Operator])[] => [
  [`${name}Equals`, { family, comparison: 'equal', negated: false }],
  [`${name}NotEquals`, { family, comparison: 'equal', negated: true }],
  [`${name}LessThan`, { family, comparison: 'less', negated: false }],
  [`${name}LessThanEquals`, { family, comparison: 'less-or-equal', negated: false }],
  [`${name}GreaterThan`, { family, comparison: 'greater', negated: false }],
  [`${name}GreaterThanEquals`, { family, comparison: 'greater-or-equal', negated: false }],
]

/** Every base operator by its exact name (IAM User Guide, reference_policies_elements_condition_operators). */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['StringEquals', { family: 'string', match: 'exact', negated: false }],
  ['StringNotEquals', { family: 'string', match: 'exact', negated: true }],
  ['StringEqualsIgnoreCase', { family: 'string', match: 'ignore-case', negated: false }],
  ['StringNotEqualsIgnoreCase', { family: 'string', match: 'ignore-case', negated: true }],
  ['StringLike', { family: 'string', match: 'like', negated: false }],
  ['StringNotLike', { family: 'string', match: 'like', negated: true }],
  ...ordered('numeric', 'Numeric'),
  ...ordered('date', 'Date'),
  ['Bool', { family: 'bool', negated: false }],
  ['BinaryEquals', { family: 'binary', negated: false }],
  ['IpAddress', { family: 'address', negated: false }],
  ['NotIpAddress', { family: 'address', negated: true }],
  ['ArnEquals', { family: 'arn', negated: false }],
  ['ArnLike', { family: 'arn', negated: false }],
  ['ArnNotEquals', { family: 'arn', negated: true }],
  ['ArnNotLike', { family: 'arn', negated: true }],
  ['Null', { family: 'null', negated: false }],
])

export type OperatorName = {
  readonly base: string
  readonly operator: Operator
  readonly set?: SetOperator | undefined
  readonly ifExists: boolean
}

/** Reads `ForAllValues:StringLikeIfExists`; undefined when there is no such operator. Names are case-sensitive. */
export function readOperator(name: string): OperatorName | undefined {
  const set = name.startsWith('ForAllValues:')
    ? 'ForAllValues'
    : name.startsWith('ForAnyValue:')
      ? 'ForAnyValue'
      : undefined
  const rest = set ? name.slice(set.length + 1) : name
  const ifExists = rest.endsWith('IfExists')
  const base = ifExists ? rest.slice(0, -'IfExists'.length) : rest
  const operator = operators.get(base)
  return operator && { base, operator, set, ifExists }
}

/** The operator that somebody meant who wrote it in another case. */
export function similarOperator(name: string): string | undefined {
  const parts = ['ForAllValues:', 'ForAnyValue:', ''].find((prefix) =>
    name.toLowerCase().startsWith(prefix.toLowerCase()),
  )
  const prefix = parts ?? ''
  const rest = name.slice(prefix.length).toLowerCase()
  const suffix = rest.endsWith('ifexists') ? 'IfExists' : ''
  const wanted = suffix ? rest.slice(0, -suffix.length) : rest
  const base = [...operators.keys()].find((each) => each.toLowerCase() === wanted)
  return base && prefix + base + suffix
}
