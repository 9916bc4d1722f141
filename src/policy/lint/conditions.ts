import type { Condition } from '../ast.ts'
import { closedPrefixes, keyEntry, type KeyEntry } from '../catalogue.ts'
import { variablesOf } from '../pattern.ts'
import { inRange } from '../values.ts'
import type { CheckCode } from '../checks.ts'
import type { LintedStatement } from './linted.ts'

/** Findings about the conditions of a statement. */
export function lintConditions(each: LintedStatement): void {
  const { conditions } = each.statement
  for (const condition of conditions) {
    const entry = keyEntry(condition.key, each.catalogue.keys)
    lintKey(each, condition, entry)
    lintSet(each, condition, entry)
    lintOperator(each, condition, entry)
    lintValues(each, condition)
    lintDeny(each, condition)
  }
  const has = (key: string) => conditions.some((condition) => condition.key === key)
  const alone = conditions.find(({ key }) => key === 'signet:vpcsourceip')
  if (alone && !has('signet:sourcevpc') && !has('signet:sourcevpce')) {
    each.addAt(
      'VPC_SOURCE_IP_ALONE',
      'Private addresses repeat in every network',
      alone.operator,
      alone.spelling,
    )
  }
  lintNever(each)
}

function lintKey(
  each: LintedStatement,
  { key, operator, spelling }: Condition,
  entry: KeyEntry | undefined,
): void {
  const prefix = key.slice(0, key.indexOf(':'))
  const closed = closedPrefixes.has(prefix) || each.catalogue.closedPrefixes?.has(prefix)
  if (!entry && closed) each.addAt('KEY_UNKNOWN', `There is no key "${spelling}"`, operator, spelling)
  const { type } = each.policy
  if (type === 'trust' && /^signet:(?:resourceaccount|resourceorgid|resourceorgpaths)$/.test(key)) {
    each.addAt('KEY_NOT_IN_TRUST', 'The role itself is the resource', operator, spelling)
  }
  if (type !== 'trust' && type !== 'resource' && type !== 'rcp' && key === 'sts:externalid') {
    each.addAt('KEY_IRRELEVANT', 'The external id is asked for in trust policies', operator, spelling)
  }
  if (each.statement.effect === 'Allow' && (key === 'signet:referer' || key === 'signet:useragent')) {
    each.addAt('REFERER_OR_AGENT', 'Whoever sends the request writes this header', operator, spelling)
  }
}

function lintSet(each: LintedStatement, condition: Condition, entry: KeyEntry | undefined): void {
  const { operator, spelling, set, key } = condition
  if (condition.family === 'null') return
  if (entry?.multivalued && !set) {
    each.addAt(
      'MISSING_QUALIFIER',
      `Write ForAnyValue:${operator} or ForAllValues:${operator}`,
      operator,
      spelling,
    )
  }
  if (set === 'ForAllValues' && entry && !entry.multivalued) {
    each.addAt(
      'FOR_ALL_VALUES_SINGLE_VALUED',
      `"${spelling}" has one value; write the operator without a prefix`,
      operator,
      spelling,
    )
  } else if (set === 'ForAllValues' && each.statement.effect === 'Allow') {
    const guarded = each.statement.conditions.some(
      (other) =>
        other.key === key &&
        other.family === 'null' &&
        !other.set &&
        other.values.every(({ value }) => !value),
    )
    if (!guarded) {
      each.addAt('FOR_ALL_VALUES_ALLOW', `Add "Null": {"${spelling}": "false"}`, operator, spelling)
    }
  }
  if (condition.negated && condition.ifExists && !set) {
    each.addAt('REDUNDANT_IF_EXISTS', 'Leave IfExists out', operator, spelling)
  }
  if (condition.negated && !set && each.statement.effect === 'Allow' && each.policy.type !== 'scp') {
    each.addAt('NEGATED_LIST_IN_ALLOW', `Callers without "${spelling}" are allowed too`, operator, spelling)
  }
}

const expected: Record<
  KeyEntry['type'],
  { readonly families: readonly Condition['family'][]; readonly code: CheckCode }
> = {
  string: { families: ['string', 'null', 'arn'], code: 'OPERATOR_TYPE_STRING' },
  arn: { families: ['arn', 'string', 'null'], code: 'OPERATOR_TYPE_ARN' },
  bool: { families: ['bool', 'null'], code: 'OPERATOR_TYPE_BOOL' },
  date: { families: ['date', 'null'], code: 'OPERATOR_TYPE_DATE' },
  numeric: { families: ['numeric', 'null'], code: 'OPERATOR_TYPE_NUMERIC' },
  'date-or-numeric': { families: ['date', 'numeric', 'null'], code: 'OPERATOR_TYPE_DATE' },
  address: { families: ['address', 'null'], code: 'OPERATOR_TYPE_ADDRESS' },
}

function lintOperator(each: LintedStatement, condition: Condition, entry: KeyEntry | undefined): void {
  const { operator, spelling } = condition
  if (entry && !expected[entry.type].families.includes(condition.family)) {
    const { code } = expected[entry.type]
    each.addAt(
      code,
      `"${spelling}" is of type ${entry.type}; ${operator} compares something else`,
      operator,
      spelling,
    )
  }
  if (condition.family !== 'string') return
  if (condition.match === 'like') {
    if (entry?.type === 'arn' && condition.values.some(({ text }) => text.includes('*'))) {
      each.addAt(
        'PREFER_ARN_OPERATOR',
        'A star of StringLike also crosses the colons of an ARN',
        operator,
        spelling,
      )
    }
    if (condition.values.some(({ text }) => /^\*+$/.test(text)) && !condition.set) {
      const exists = condition.negated ? 'true' : 'false'
      each.addAt('PREFER_NULL', `Write "Null": {"${spelling}": "${exists}"}`, operator, spelling)
    }
    return
  }
  for (const [index, { text }] of condition.values.entries()) {
    if (/(?<!\$\{)[*?](?!\})/.test(text)) {
      const meant = condition.negated ? 'StringNotLike' : 'StringLike'
      each.addAt(
        'WILDCARD_WITHOUT_LIKE',
        `Write ${meant} for a wildcard, or \${*} for the character`,
        operator,
        spelling,
        index,
      )
    }
  }
}

function lintValues(each: LintedStatement, condition: Condition): void {
  const { operator, spelling } = condition
  const texts = condition.values.map(({ text }) => text)
  for (const [index, text] of texts.entries()) {
    if (each.policy.version === '2008-10-17' && text.includes('${')) {
      each.addAt(
        'VARIABLE_IN_OLD_VERSION',
        'Write Version 2012-10-17, or the variable is literal text',
        operator,
        spelling,
        index,
      )
    }
    if (texts.indexOf(text) < index) {
      const code = condition.family === 'numeric' ? 'REDUNDANT_NUMERIC_VALUE' : 'REDUNDANT_VALUE'
      each.addAt(code, `"${text}" stands here twice`, operator, spelling, index)
    }
  }
  if (condition.family === 'string' || condition.family === 'arn') {
    const patterns =
      condition.family === 'string' ? condition.values : condition.values.flatMap(({ fields }) => fields)
    for (const { key, spelling: name } of patterns.flatMap(variablesOf))
      lintVariable(each, key, name, operator, spelling)
  }
  if (
    (condition.family === 'numeric' || condition.family === 'date') &&
    condition.comparison !== 'equal' &&
    texts.length > 1
  ) {
    each.addAt(
      'NUMERIC_LIST_ORDERED',
      'The values are alternatives, so the widest limit decides',
      operator,
      spelling,
    )
  }
  if (condition.family === 'address') lintAddresses(each, condition)
}

/** A variable whose key nobody knows, or that never has a value. */
function lintVariable(
  each: LintedStatement,
  key: string,
  name: string,
  operator: string,
  spelling: string,
): void {
  const entry = keyEntry(key, each.catalogue.keys)
  if (entry?.multivalued) {
    each.addAt(
      'VARIABLE_MULTIVALUED',
      `"${name}" is multivalued and has no value as a variable`,
      operator,
      spelling,
    )
  } else if (!entry && closedPrefixes.has(key.slice(0, key.indexOf(':')))) {
    each.addAt('VARIABLE_UNKNOWN', `There is no key "${name}"`, operator, spelling)
  }
}

const privateRanges = [
  { address: { family: 4, words: [0x0a000000] }, prefix: 8 },
  { address: { family: 4, words: [0xac100000] }, prefix: 12 },
  { address: { family: 4, words: [0xc0a80000] }, prefix: 16 },
] as const

function lintAddresses(each: LintedStatement, condition: Extract<Condition, { family: 'address' }>): void {
  const { operator, spelling, negated, values } = condition
  for (const [index, range] of values.entries()) {
    const longest = range.address.family === 4 ? 32 : 128
    if (range.prefix < longest && hasHostBits(range.address.words, range.prefix)) {
      each.addAt(
        'CIDR_HOST_BITS',
        `Only the first ${range.prefix} bits of "${range.text}" count`,
        operator,
        spelling,
        index,
      )
    }
    if (range.prefix === 0 && !negated && each.statement.effect === 'Allow') {
      each.addAt('SOURCE_IP_EVERYBODY', 'The condition narrows nothing', operator, spelling, index)
    }
    const wider = values.some(
      (other, at) => at !== index && other.prefix < range.prefix && inRange(other, range.address),
    )
    if (wider) {
      const inside = privateRanges.some((known) => inRange(known, range.address))
      const code = inside ? 'PRIVATE_IN_PUBLIC' : 'REDUNDANT_VALUE'
      each.addAt(code, `Another range holds "${range.text}"`, operator, spelling, index)
    }
  }
  const onlyV4 = values.length > 0 && values.every(({ address }) => address.family === 4)
  if (onlyV4 && negated) {
    each.addAt(
      'NOT_IP_ADDRESS_V4_ONLY',
      'Add the IPv6 ranges; every IPv6 caller is outside an IPv4 range',
      operator,
      spelling,
    )
  } else if (onlyV4 && each.statement.effect === 'Deny') {
    each.addAt('IP_ADDRESS_V4_ONLY_DENY', 'Add the IPv6 ranges', operator, spelling)
  }
}

function hasHostBits(words: readonly number[], prefix: number): boolean {
  return words.some((word, index) => {
    const left = prefix - index * 32
    if (left >= 32) return false
    return left <= 0 ? word !== 0 : (word << left) >>> 0 !== 0
  })
}

function lintDeny(each: LintedStatement, condition: Condition): void {
  if (each.statement.effect !== 'Deny') return
  const { key, operator, spelling } = condition
  if (key === 'signet:multifactorauthpresent' && condition.family === 'bool' && !condition.ifExists) {
    if (condition.values.some(({ value }) => value === false)) {
      each.addAt(
        'DENY_MFA_WITHOUT_IF_EXISTS',
        'Write BoolIfExists; long-term keys have no such key',
        operator,
        spelling,
      )
    }
  }
  if (key === 'signet:multifactorauthage' && condition.family === 'numeric' && !condition.ifExists) {
    if (condition.comparison.startsWith('greater')) {
      each.addAt(
        'DENY_MFA_AGE',
        'Write NumericGreaterThanIfExists; without MFA there is no age',
        operator,
        spelling,
      )
    }
  }
}

/** Conditions of one statement that exclude each other. */
function lintNever(each: LintedStatement): void {
  const { conditions } = each.statement
  for (const a of conditions) {
    if (a.family !== 'null' || a.set || a.values.some(({ value }) => !value)) continue
    const b = conditions.find(
      (other) =>
        other.key === a.key &&
        other.family !== 'null' &&
        !other.negated &&
        !other.ifExists &&
        other.set !== 'ForAllValues',
    )
    if (b)
      each.addAt(
        'CONDITION_NEVER',
        `"${a.spelling}" cannot be absent and match ${b.operator}`,
        b.operator,
        b.spelling,
      )
  }
  for (const condition of conditions) {
    if (condition.family === 'null' && condition.set === 'ForAnyValue') {
      each.addAt('CONDITION_NEVER', 'ForAnyValue:Null never holds', condition.operator, condition.spelling)
    }
  }
}
