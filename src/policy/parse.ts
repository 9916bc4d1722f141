import type { DocumentType, Policy, Statement, Version } from './ast.ts'
import { createReport, type Finding, type Report } from './findings.ts'
import { grammars, hardLimit, rawLimit } from './grammar.ts'
import { createInterned } from './intern.ts'
import { memberPath, readJson, type JsonObject, type JsonValue } from './json.ts'
import { member, readStatement } from './parse-statement.ts'

/** What reading a document gives: the policy, unless some finding is an error. */
export type Parsed =
  | { readonly policy: Policy; readonly findings: readonly Finding[] }
  | { readonly policy?: undefined; readonly findings: readonly Finding[] }

/**
 * Reads a policy document of the given type. The policy is absent if and only if a finding is an error. Never throws; costs
 * time and memory in proportion to the text, which is limited to a million characters.
 *
 * IAM User Guide, reference_policies_grammar.
 */
export function parsePolicy(text: string, type: DocumentType): Parsed {
  const { policy, report } = readDocument(text, type)
  const findings = report.list()
  return policy && !report.hasErrors() ? { policy, findings } : { findings }
}

/** As parsePolicy, with what a closer look needs: the JSON tree, and a report to add to. */
export function readDocument(
  text: string,
  type: DocumentType,
): { readonly policy?: Policy | undefined; readonly root?: JsonObject | undefined; readonly report: Report } {
  const report = createReport(text)
  if (text.length > rawLimit) {
    report.add(
      'DOCUMENT_TOO_LARGE',
      { start: 0, end: 0 },
      '$',
      `The text is longer than ${rawLimit} characters`,
    )
    return { report }
  }
  checkCharacters(report)
  const read = readJson(text)
  if ('problem' in read) {
    const { kind, message, offset } = read.problem
    report.add(
      kind === 'depth' ? 'JSON_TOO_DEEP' : 'JSON_SYNTAX',
      { start: offset, end: offset + 1 },
      '$',
      message,
    )
    return { report }
  }
  if (text.length > hardLimit && text.replaceAll(/[\t\n\r ]+/g, '').length > hardLimit) {
    const message = `The document has more than ${hardLimit} characters, white space not counted`
    report.add('DOCUMENT_TOO_LARGE', { start: 0, end: 0 }, '$', message)
    return { report }
  }
  checkDuplicates(report, read.value, '$')
  if (read.value.kind !== 'object') {
    report.add('WRONG_TYPE', read.value, '$', 'A policy is a JSON object')
    return { report }
  }
  const policy = readPolicy(report, read.value, type)
  return { policy, root: read.value, report }
}

/** The characters of a document as AWS limits them; JSON escapes may still produce any character. */
function checkCharacters(report: Report): void {
  const at = report.text.search(/[^\t\n\r\x20-\xff]/)
  if (at < 0) return
  const code = (report.text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  report.add(
    'FORBIDDEN_CHARACTER',
    { start: at, end: at + 1 },
    '$',
    `U+${code} is not allowed; write it as a JSON escape`,
  )
}

function checkDuplicates(report: Report, value: JsonValue, path: string): void {
  if (value.kind === 'array') {
    for (const [index, item] of value.items.entries()) checkDuplicates(report, item, `${path}[${index}]`)
  }
  if (value.kind !== 'object') return
  const seen = new Set<string>()
  for (const { name, nameStart, nameEnd, value: inner } of value.members) {
    const at = memberPath(path, name)
    if (seen.has(name))
      report.add('DUPLICATE_KEY', { start: nameStart, end: nameEnd }, at, `"${name}" stands here twice`)
    seen.add(name)
    checkDuplicates(report, inner, at)
  }
}

function readPolicy(report: Report, root: JsonObject, type: DocumentType): Policy | undefined {
  for (const { name, nameStart, nameEnd } of root.members) {
    if (name === 'Version' || name === 'Id' || name === 'Statement') continue
    report.add(
      'UNKNOWN_ELEMENT',
      { start: nameStart, end: nameEnd },
      memberPath('$', name),
      `A policy has no element "${name}"`,
    )
  }
  const version = readVersion(report, root, type)
  const id = readId(report, root, type)
  const found = member(root, 'Statement')
  if (!found || (found.value.kind === 'array' && found.value.items.length === 0)) {
    report.add(
      'MISSING_STATEMENT',
      found?.value ?? root,
      found ? '$.Statement' : '$',
      'The policy has no statement',
    )
    return undefined
  }
  const listed = found.value.kind === 'array'
  const items = found.value.kind === 'array' ? found.value.items : [found.value]
  const context = { report, type, variables: version === '2012-10-17', interned: createInterned() }
  const statements = items.flatMap((item, index): Statement[] => {
    const statement = readStatement(context, item, index, listed ? `$.Statement[${index}]` : '$.Statement')
    return statement ? [statement] : []
  })
  checkSids(report, items, type, listed)
  return { type, version, id, statements }
}

function readVersion(report: Report, root: JsonObject, type: DocumentType): Version {
  const found = member(root, 'Version')
  const grammar = grammars[type]
  // Upgrading changes what the document means exactly when it holds the text of a variable.
  const upgrades = !report.text.includes('${')
  if (!found) {
    const at = { start: root.start, end: root.start + 1 }
    const fix = { title: 'Add Version 2012-10-17', ...at, text: '{"Version": "2012-10-17", ' }
    const code = grammar.needs2012 ? 'VERSION_REQUIRED' : 'MISSING_VERSION'
    const message = grammar.needs2012
      ? `${grammar.title[0]?.toUpperCase()}${grammar.title.slice(1)} needs "Version": "2012-10-17"`
      : 'Without a Version the policy is read as 2008-10-17, which has no variables'
    report.add(code, at, '$', message, upgrades && root.members.length > 0 ? fix : undefined)
    return '2008-10-17'
  }
  const text = found.value.kind === 'string' ? found.value.value : undefined
  if (text === '2012-10-17') return text
  const { start, end } = found.value
  const fix = { title: 'Write 2012-10-17', start, end, text: '"2012-10-17"' }
  if (text === '2008-10-17') {
    const code = grammar.needs2012 ? 'VERSION_REQUIRED' : 'OLD_VERSION'
    report.add(
      code,
      found.value,
      '$.Version',
      'Version 2008-10-17 has no variables; write 2012-10-17',
      upgrades ? fix : undefined,
    )
    return text
  }
  report.add(
    'INVALID_VERSION',
    found.value,
    '$.Version',
    'Version is "2012-10-17" (or, in old documents, "2008-10-17")',
    fix,
  )
  return '2012-10-17'
}

function readId(report: Report, root: JsonObject, type: DocumentType): string | undefined {
  const found = member(root, 'Id')
  if (!found) return undefined
  if (!grammars[type].id) {
    const at = { start: found.nameStart, end: found.nameEnd }
    report.add('ELEMENT_NOT_ALLOWED', at, '$.Id', `Id is not allowed in ${grammars[type].title}`)
  }
  if (found.value.kind === 'string') return found.value.value
  report.add('INVALID_ID', found.value, '$.Id', 'Id is a string')
  return undefined
}

function checkSids(report: Report, items: readonly JsonValue[], type: DocumentType, listed: boolean): void {
  const seen = new Set<string>()
  for (const [index, item] of items.entries()) {
    const sid = item.kind === 'object' ? member(item, 'Sid')?.value : undefined
    if (sid?.kind !== 'string' || sid.value === '') continue
    if (seen.has(sid.value)) {
      const code = type === 'resource' || type === 'trust' ? 'DUPLICATE_SID_RESOURCE' : 'DUPLICATE_SID'
      const path = listed ? `$.Statement[${index}].Sid` : '$.Statement.Sid'
      report.add(code, sid, path, `Another statement has the Sid "${sid.value}"`)
    }
    seen.add(sid.value)
  }
}
