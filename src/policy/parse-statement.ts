import { canonicalKey, foldAscii, type DocumentType, type PrincipalEntry, type Statement } from './ast.ts'
import { grammars } from './grammar.ts'
import { internCondition, type Interned } from './intern.ts'
import type { CheckCode } from './checks.ts'
import type { Report } from './findings.ts'
import { memberPath, type JsonMember, type JsonObject, type JsonValue } from './json.ts'
import { resourceComplaints } from './parse-arn.ts'
import { readConditions } from './parse-condition.ts'
import { readAwsPrincipal, readFederatedPrincipal, readServicePrincipal } from './parse-principal.ts'
import {
  isTooComplex,
  longestPieceWithOne,
  matchesEverything,
  parsePattern,
  type Pattern,
} from './pattern.ts'
import { trustComplaints } from './trust-rules.ts'

const elements = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
])

type Context = {
  readonly report: Report
  readonly type: DocumentType
  readonly variables: boolean
  readonly interned: Interned
}

/** Reads one statement. Answers undefined where so much is missing that nothing can be made of it. */
export function readStatement(
  context: Context,
  value: JsonValue,
  index: number,
  path: string,
): Statement | undefined {
  const { report, type } = context
  if (value.kind !== 'object') {
    report.add('WRONG_TYPE', value, path, 'A statement is an object')
    return undefined
  }
  for (const member of value.members) {
    if (elements.has(member.name)) continue
    const at = { start: member.nameStart, end: member.nameEnd }
    report.add(
      'UNKNOWN_ELEMENT',
      at,
      memberPath(path, member.name),
      `A statement has no element "${member.name}"`,
    )
  }
  const sid = readSid(report, member(value, 'Sid'), path)
  const effect = readEffect(report, value, path)
  const principals = readPrincipals(context, value, effect, path)
  const actions = readActions(context, value, path)
  const resources = readResources(context, value, path)
  const condition = member(value, 'Condition')
  const conditions = condition
    ? readConditions(report, condition.value, memberPath(path, 'Condition'), context.variables).map((each) =>
        internCondition(context.interned, each),
      )
    : []
  if (type === 'rcp' && effect === 'Allow') {
    report.add('RCP_ALLOW', value, path, 'A resource control policy denies; RCPFullAWSAccess is what allows')
  }
  if (!effect || !actions) return undefined
  const statement: Statement = { index, sid, effect, principals, actions, resources, conditions }
  if (type === 'trust') {
    for (const complaint of trustComplaints(statement)) {
      report.add(
        complaint.code,
        member(value, 'Principal')?.value ?? value,
        `${path}.Principal`,
        complaint.message,
      )
    }
  }
  return statement
}

/** The first member of that name; a second one has been reported as a duplicate. */
export const member = (value: JsonObject, name: string): JsonMember | undefined =>
  value.members.find((each) => each.name === name)

function readSid(report: Report, found: JsonMember | undefined, path: string): string | undefined {
  if (!found) return undefined
  const at = `${path}.Sid`
  if (found.value.kind !== 'string') {
    report.add('WRONG_TYPE', found.value, at, 'Sid is a string')
    return undefined
  }
  const sid = found.value.value
  if (sid === '') report.add('EMPTY_SID', found.value, at, 'The Sid is empty; leave it out')
  if (sid.includes('${')) {
    report.add('VARIABLE_NOT_ALLOWED', found.value, at, 'A Sid takes no policy variables')
  } else if (!/^[A-Za-z0-9]*$/.test(sid)) {
    const clean = sid.replaceAll(/[^A-Za-z0-9]/g, '')
    report.add('INVALID_SID', found.value, at, `"${sid}" holds more than letters and digits`, {
      title: `Write ${clean}`,
      start: found.value.start,
      end: found.value.end,
      text: JSON.stringify(clean),
    })
  }
  return sid
}

function readEffect(report: Report, value: JsonObject, path: string): 'Allow' | 'Deny' | undefined {
  const found = member(value, 'Effect')
  if (!found) {
    report.add('MISSING_EFFECT', value, path, 'The statement has no Effect')
    return undefined
  }
  const text = found.value.kind === 'string' ? found.value.value : undefined
  if (text === 'Allow' || text === 'Deny') return text
  const meant =
    text?.toLowerCase() === 'allow' ? 'Allow' : text?.toLowerCase() === 'deny' ? 'Deny' : undefined
  const fix = meant && {
    title: `Write ${meant}`,
    start: found.value.start,
    end: found.value.end,
    text: JSON.stringify(meant),
  }
  report.add(
    'INVALID_EFFECT',
    found.value,
    `${path}.Effect`,
    'Effect is "Allow" or "Deny", in exactly this case',
    fix || undefined,
  )
  return undefined
}

/** Whichever of `Name` and `NotName` is there; both is an error. */
function either(report: Report, value: JsonObject, name: string, path: string): JsonMember | undefined {
  const positive = member(value, name)
  const negative = member(value, `Not${name}`)
  if (positive && negative) {
    const at = { start: negative.nameStart, end: negative.nameEnd }
    report.add(
      'EXCLUSIVE_ELEMENTS',
      at,
      memberPath(path, negative.name),
      `${name} and Not${name} exclude each other`,
    )
  }
  return positive ?? negative
}

type ListedText = { readonly text: string; readonly at: JsonValue; readonly path: string }

/** A string or a list of strings. */
function texts(report: Report, value: JsonValue, path: string, what: string): ListedText[] {
  const items = value.kind === 'array' ? value.items : [value]
  return items.flatMap((item, index) => {
    const at = value.kind === 'array' ? `${path}[${index}]` : path
    if (item.kind === 'string') return [{ text: item.value, at: item, path: at }]
    report.add('WRONG_TYPE', item, at, `${what} is a string or a list of strings`)
    return []
  })
}

function readActions(context: Context, value: JsonObject, path: string): Statement['actions'] | undefined {
  const { report, type } = context
  const found = either(report, value, 'Action', path)
  if (!found) {
    report.add('MISSING_ACTION', value, path, 'The statement has neither Action nor NotAction')
    return undefined
  }
  const at = memberPath(path, found.name)
  const not = found.name === 'NotAction'
  if (not && (type === 'rcp' || type === 'trust')) {
    report.add(
      'ELEMENT_NOT_ALLOWED',
      nameOf(found),
      at,
      `NotAction is not allowed in ${grammars[type].title}`,
    )
  }
  if (found.value.kind === 'array' && found.value.items.length === 0) {
    report.add(
      'EMPTY_ACTIONS',
      found.value,
      at,
      `${found.name} is empty: it matches ${not ? 'every' : 'no'} action`,
    )
  }
  const patterns = texts(report, found.value, at, found.name).flatMap((each) => {
    const pattern = readAction(context, each)
    return pattern ? [pattern] : []
  })
  return { not, patterns }
}

const actionPattern = /^[A-Za-z0-9*?_.-]+:[!-9;-~]+$/
const trustActions = new Set([
  'sts:assumerole',
  'sts:assumerolewithsaml',
  'sts:assumerolewithwebidentity',
  'sts:tagsession',
  'sts:setsourceidentity',
])

function readAction({ report, type, interned }: Context, each: ListedText): Pattern | undefined {
  const { text } = each
  if (text.includes('${')) {
    report.add('VARIABLE_NOT_ALLOWED', each.at, each.path, 'An action takes no policy variables')
    return undefined
  }
  if (text !== '*' && !actionPattern.test(text)) {
    report.add(
      'INVALID_ACTION',
      each.at,
      each.path,
      `"${text}" is not "*" or service:name, such as iam:GetUser`,
    )
    return undefined
  }
  const folded = foldAscii(text)
  if (type === 'trust' && !trustActions.has(folded) && !folded.startsWith('sts:assumerole')) {
    report.add(
      'ACTION_NOT_ALLOWED',
      each.at,
      each.path,
      'A trust policy holds sts:AssumeRole…, sts:TagSession and sts:SetSourceIdentity only',
    )
  }
  if (interned.actions.has(folded)) return interned.actions.get(folded)
  const read = parsePattern(folded, { wildcards: true, variables: false }, canonicalKey)
  const pattern = 'pattern' in read ? read.pattern : undefined
  interned.actions.set(folded, pattern)
  return pattern
}

const nameOf = (found: JsonMember) => ({ start: found.nameStart, end: found.nameEnd })

function readResources(context: Context, value: JsonObject, path: string): Statement['resources'] {
  const { report, type } = context
  const grammar = grammars[type]
  const found = either(report, value, 'Resource', path)
  if (grammar.resource === 'forbidden') {
    if (found) {
      const message = `${found.name} is not allowed in ${grammar.title}: the role is the resource`
      report.add('ELEMENT_NOT_ALLOWED', nameOf(found), memberPath(path, found.name), message)
    }
    return undefined
  }
  if (!found) {
    report.add('MISSING_RESOURCE', value, path, 'The statement has neither Resource nor NotResource')
    return undefined
  }
  const at = memberPath(path, found.name)
  const not = found.name === 'NotResource'
  if (found.value.kind === 'array' && found.value.items.length === 0) {
    report.add(
      'EMPTY_RESOURCES',
      found.value,
      at,
      `${found.name} is empty: it matches ${not ? 'every' : 'no'} resource`,
    )
  }
  const patterns = texts(report, found.value, at, found.name).flatMap((each) => {
    const read = parsePattern(each.text, { wildcards: true, variables: context.variables }, canonicalKey)
    if ('problem' in read) {
      report.add(read.problem.code, each.at, each.path, read.problem.message)
      return []
    }
    if (isTooComplex(read.pattern)) {
      report.add(
        'PATTERN_TOO_COMPLEX',
        each.at,
        each.path,
        `At most ${longestPieceWithOne} characters stand together with "?"`,
      )
    }
    if (!matchesEverything(read.pattern)) {
      for (const { code, message } of resourceComplaints(read.pattern))
        report.add(code, each.at, each.path, message)
    }
    return [read.pattern]
  })
  return { not, patterns }
}

function readPrincipals(
  context: Context,
  value: JsonObject,
  effect: 'Allow' | 'Deny' | undefined,
  path: string,
): Statement['principals'] {
  const { report, type } = context
  const grammar = grammars[type]
  const found = either(report, value, 'Principal', path)
  if (!found) {
    if (grammar.principal === 'required') {
      report.add('MISSING_PRINCIPAL', value, path, `A statement of ${grammar.title} names a Principal`)
    }
    return undefined
  }
  const at = memberPath(path, found.name)
  const not = found.name === 'NotPrincipal'
  if (grammar.principal === 'forbidden' || (not && !grammar.notPrincipal)) {
    report.add('ELEMENT_NOT_ALLOWED', nameOf(found), at, `${found.name} is not allowed in ${grammar.title}`)
    return undefined
  }
  if (not && effect === 'Allow') {
    report.add('NOT_PRINCIPAL_ALLOW', nameOf(found), at, 'NotPrincipal with Allow would allow everybody else')
  }
  const entries = readPrincipalValue(context, found.value, at)
  if (type === 'rcp' && !entries.every((entry) => entry.kind === 'any')) {
    report.add('PRINCIPAL_STAR_ONLY', found.value, at, 'Write "Principal": "*" and narrow it by a condition')
  }
  return { not, entries }
}

function readPrincipalValue({ report, type }: Context, value: JsonValue, path: string): PrincipalEntry[] {
  if (value.kind === 'string' && value.value === '*') {
    if (type === 'trust') {
      report.add(
        'PRINCIPAL_STAR_IN_TRUST',
        value,
        path,
        'Name whom the role trusts; "*" alone is everybody',
        {
          title: 'Write {"AWS": "*"} and add a condition',
          start: value.start,
          end: value.end,
          text: '{"AWS": "*"}',
        },
      )
    }
    return [{ kind: 'any' }]
  }
  if (value.kind !== 'object') {
    report.add('PRINCIPAL_NOT_A_MAP', value, path, 'Write "*" or an object such as {"AWS": "111122223333"}')
    return []
  }
  if (value.members.length === 0) report.add('EMPTY_PRINCIPALS', value, path, 'No principal is named')
  const entries: PrincipalEntry[] = []
  for (const kind of value.members) {
    const at = memberPath(path, kind.name)
    const read = principalReader(kind.name, type)
    if ('code' in read) {
      report.add(read.code, nameOf(kind), at, read.message)
      continue
    }
    if (kind.value.kind === 'array' && kind.value.items.length === 0) {
      report.add('EMPTY_PRINCIPALS', kind.value, at, 'No principal is named')
    }
    for (const each of texts(report, kind.value, at, kind.name)) {
      const found = each.text.includes('${')
        ? ({ code: 'VARIABLE_NOT_ALLOWED', message: 'A principal takes no policy variables' } as const)
        : read.read(each.text)
      if ('code' in found) {
        report.add(found.code, each.at, each.path, found.message)
        continue
      }
      if (found.warning)
        report.add(found.warning, each.at, each.path, `"${each.text}" is the unique id of a user or role`)
      entries.push(found.entry)
    }
  }
  return entries
}

function principalReader(
  kind: string,
  type: DocumentType,
):
  | { readonly read: (id: string) => ReturnType<typeof readAwsPrincipal> }
  | { readonly code: CheckCode; readonly message: string } {
  if (kind === 'AWS') return { read: readAwsPrincipal }
  if (kind === 'Service') return { read: readServicePrincipal }
  if (kind === 'Federated') return { read: (id) => readFederatedPrincipal(id, type) }
  if (kind === 'CanonicalUser') {
    return {
      code: 'PRINCIPAL_KIND_UNSUPPORTED',
      message: 'Canonical users belong to S3; name the user by ARN under "AWS"',
    }
  }
  return {
    code: 'PRINCIPAL_UNKNOWN_KEY',
    message: `"${kind}" is not a kind of principal; there are AWS, Federated and Service`,
  }
}
