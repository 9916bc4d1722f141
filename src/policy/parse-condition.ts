import { canonicalKey, type ArnPattern, type Condition, type Test } from './ast.ts'
import type { CheckCode } from './checks.ts'
import type { Report } from './findings.ts'
import { memberPath, type JsonMember, type JsonValue } from './json.ts'
import { readOperator, similarOperator, type OperatorName } from './operators.ts'
import { readArnPattern } from './parse-arn.ts'
import {
  isKeyName,
  isTooComplex,
  longestPieceWithOne,
  parsePattern,
  variablesOf,
  type Pattern,
} from './pattern.ts'
import { readBase64, readBoolean, readDate, readDecimal, readRange } from './values.ts'

/** One value of a condition as text, with its place. */
type Written = { readonly text: string; readonly value: JsonValue; readonly path: string }

/** Reads the Condition element; whatever is wrong goes to the report, and what can be read is answered. */
export function readConditions(
  report: Report,
  element: JsonValue,
  path: string,
  variables: boolean,
): Condition[] {
  if (element.kind !== 'object') {
    report.add('WRONG_TYPE', element, path, 'Condition is an object of operators')
    return []
  }
  if (element.members.length === 0) report.add('EMPTY_CONDITION', element, path, 'The condition is empty')
  const conditions: Condition[] = []
  for (const member of element.members) {
    const at = memberPath(path, member.name)
    const name = readOperator(member.name)
    if (!name) {
      reportUnknown(report, member, at)
      continue
    }
    if (name.operator.family === 'null' && name.ifExists) {
      report.add('NULL_IF_EXISTS', nameOf(member), at, 'Null already asks whether the key exists')
    }
    if (name.operator.family === 'null' && name.set) {
      const always = name.set === 'ForAllValues'
      report.add('NULL_WITH_SET_OPERATOR', nameOf(member), at, `${member.name} is always ${always}`)
    }
    if (name.set === 'ForAnyValue' && name.ifExists) {
      report.add(
        'IF_EXISTS_UNDER_FOR_ANY',
        nameOf(member),
        at,
        'ForAnyValue is false for an absent key; IfExists is ignored',
      )
    }
    conditions.push(...readBlock(report, member, name, at, variables))
  }
  return conditions
}

const nameOf = (member: JsonMember) => ({ start: member.nameStart, end: member.nameEnd })

function reportUnknown(report: Report, member: JsonMember, path: string): void {
  const meant = similarOperator(member.name)
  const message = `There is no condition operator "${member.name}"`
  if (!meant) return report.add('UNKNOWN_OPERATOR', nameOf(member), path, message)
  report.add('UNKNOWN_OPERATOR', nameOf(member), path, `${message}; write "${meant}"`, {
    title: `Write ${meant}`,
    start: member.nameStart,
    end: member.nameEnd,
    text: JSON.stringify(meant),
  })
}

function readBlock(
  report: Report,
  block: JsonMember,
  name: OperatorName,
  path: string,
  variables: boolean,
): Condition[] {
  if (block.value.kind !== 'object') {
    report.add('WRONG_TYPE', block.value, path, `${block.name} is an object of condition keys`)
    return []
  }
  const seen = new Map<string, string>()
  const conditions: Condition[] = []
  for (const member of block.value.members) {
    const at = memberPath(path, member.name)
    const key = canonicalKey(member.name)
    const earlier = seen.get(key)
    if (!isKeyName(member.name)) {
      report.add(
        'INVALID_CONDITION_KEY',
        nameOf(member),
        at,
        `"${member.name}" is not a key such as aws:username`,
      )
    } else if (key.endsWith('tag/')) {
      report.add('TAG_KEY_MISSING', nameOf(member), at, `Write the tag key after "${member.name}"`)
    }
    // The same spelling twice is a duplicate JSON key and reported as that.
    if (earlier !== undefined && earlier !== member.name) {
      report.add(
        'DUPLICATE_CONDITION_KEY',
        nameOf(member),
        at,
        `"${member.name}" is the same key as "${earlier}"`,
      )
    }
    seen.set(key, member.name)
    const written = writtenValues(report, member.value, at)
    if (!written) continue
    if (!checkCount(report, member, name, written, at)) continue
    conditions.push({
      operator: block.name,
      set: name.set,
      ifExists: name.ifExists,
      negated: name.operator.negated,
      key,
      spelling: member.name,
      ...readTest(report, name, written, variables),
    })
  }
  return conditions
}

function writtenValues(report: Report, value: JsonValue, path: string): Written[] | undefined {
  const items = value.kind === 'array' ? value.items : [value]
  const written: Written[] = []
  for (const [index, item] of items.entries()) {
    const at = value.kind === 'array' ? `${path}[${index}]` : path
    const text =
      item.kind === 'string'
        ? item.value
        : item.kind === 'number'
          ? item.text
          : item.kind === 'boolean'
            ? String(item.value)
            : undefined
    if (text === undefined) {
      report.add('WRONG_TYPE', item, at, 'A condition value is a string, a number or a boolean')
      return undefined
    }
    written.push({ text, value: item, path: at })
  }
  return written
}

/** Says what is wrong with an empty list, or with several values of an operator that takes one. */
function checkCount(
  report: Report,
  member: JsonMember,
  name: OperatorName,
  written: readonly Written[],
  path: string,
): boolean {
  const { family } = name.operator
  if (written.length > 1 && (family === 'bool' || family === 'null')) {
    report.add('SEVERAL_BOOLEAN_VALUES', member.value, path, `${name.base} takes one value, true or false`)
    return false
  }
  if (written.length > 0) return true
  if (name.set === 'ForAllValues') {
    report.add('EMPTY_FOR_ALL_VALUES', member.value, path, 'Matches only where the key is absent or empty')
  } else if (name.set === 'ForAnyValue') {
    report.add('EMPTY_FOR_ANY_VALUE', member.value, path, 'Never matches')
  } else if (name.ifExists) {
    report.add('EMPTY_IF_EXISTS', member.value, path, 'Matches only where the key is absent')
  } else {
    report.add('EMPTY_CONDITION_VALUES', member.value, path, 'Name at least one value')
    return false
  }
  return true
}

function readTest(report: Report, name: OperatorName, written: readonly Written[], variables: boolean): Test {
  const { operator } = name
  switch (operator.family) {
    case 'string':
      return {
        family: 'string',
        match: operator.match,
        values: written.flatMap(
          (each) => patternOf(report, each, operator.match === 'like', variables) ?? [],
        ),
      }
    case 'numeric':
      return {
        family: 'numeric',
        comparison: operator.comparison,
        values: readAll(report, written, readDecimal, 'VALUE_NOT_NUMERIC', 'a number such as 10 or 2.5'),
      }
    case 'date':
      return {
        family: 'date',
        comparison: operator.comparison,
        values: readAll(
          report,
          written,
          readDate,
          'VALUE_NOT_DATE',
          'a date such as 2026-11-22T10:00:00Z or seconds since 1970',
        ),
      }
    case 'bool':
      return { family: 'bool', values: written.flatMap((each) => boolOf(report, each, variables) ?? []) }
    case 'null':
      return {
        family: 'null',
        values: readAll(
          report,
          written,
          (text) => {
            const value = readBoolean(text)
            return value === undefined ? undefined : { text, value }
          },
          'VALUE_NOT_BOOLEAN',
          'true or false',
        ),
      }
    case 'binary':
      return {
        family: 'binary',
        values: readAll(
          report,
          written,
          (text) => {
            const bytes = readBase64(text)
            return bytes === undefined ? undefined : { text, bytes }
          },
          'VALUE_NOT_BINARY',
          'base64',
        ),
      }
    case 'address':
      return { family: 'address', values: written.flatMap((each) => rangeOf(report, each) ?? []) }
    case 'arn':
      return { family: 'arn', values: written.flatMap((each) => arnOf(report, each, variables) ?? []) }
  }
}

function readAll<T>(
  report: Report,
  written: readonly Written[],
  read: (text: string) => T | undefined,
  code: CheckCode,
  expected: string,
): T[] {
  return written.flatMap((each) => {
    const value = read(each.text)
    if (value !== undefined) return [value]
    if (each.text.includes('${')) {
      report.add('VARIABLE_NOT_ALLOWED', each.value, each.path, 'This operator takes no policy variables')
    } else {
      report.add(code, each.value, each.path, `"${each.text}" is not ${expected}`)
    }
    return []
  })
}

function patternOf(
  report: Report,
  each: Written,
  wildcards: boolean,
  variables: boolean,
): Pattern | undefined {
  const read = parsePattern(each.text, { wildcards, variables }, canonicalKey)
  if ('pattern' in read) {
    if (!isTooComplex(read.pattern)) return read.pattern
    report.add(
      'PATTERN_TOO_COMPLEX',
      each.value,
      each.path,
      `At most ${longestPieceWithOne} characters stand together with "?"`,
    )
    return undefined
  }
  report.add(read.problem.code, each.value, each.path, read.problem.message)
  return undefined
}

function boolOf(report: Report, each: Written, variables: boolean) {
  const value = readBoolean(each.text)
  if (value !== undefined) return { text: each.text, value }
  const pattern = patternOf(report, each, false, variables)
  if (!pattern) return undefined
  if (variablesOf(pattern).length > 0) {
    report.add(
      'VARIABLE_IN_BOOL',
      each.value,
      each.path,
      'The variable is filled in, but not every engine does so',
    )
    return { text: each.text, value: pattern }
  }
  report.add('VALUE_NOT_BOOLEAN', each.value, each.path, `"${each.text}" is not true or false`)
  return undefined
}

function rangeOf(report: Report, each: Written) {
  const range = readRange(each.text)
  if (range?.mapped) {
    const low = range.address.words[3] ?? 0
    const v4 =
      [low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255].join('.') + `/${range.prefix - 96}`
    report.add('VALUE_MAPPED_ADDRESS', each.value, each.path, `Write the IPv4 range "${v4}"`, {
      title: `Write ${v4}`,
      start: each.value.start,
      end: each.value.end,
      text: JSON.stringify(v4),
    })
    return undefined
  }
  const [read] = readAll(
    report,
    [each],
    () => range,
    'VALUE_NOT_ADDRESS',
    'an address or range such as 10.0.0.0/8',
  )
  return read && { text: each.text, address: read.address, prefix: read.prefix }
}

function arnOf(report: Report, each: Written, variables: boolean): ArnPattern | undefined {
  const pattern = patternOf(report, each, true, variables)
  if (!pattern) return undefined
  const read = readArnPattern(pattern)
  if ('code' in read) {
    report.add(read.code, each.value, each.path, read.message)
    return undefined
  }
  if (read.any) report.add('ARN_LIKE_ANYTHING', each.value, each.path, 'Matches whatever the key holds')
  return read
}
