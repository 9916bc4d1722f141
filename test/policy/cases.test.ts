import { describe, expect, it } from 'vitest'
import { checks, evaluate, evaluateByReference, parsePolicy, validatePolicy } from '#policy'
import type { Catalogue } from '#policy'
import { caseFiles, documentsOf, requestOf, type Case, type Expectation } from './case-file.ts'

const files = caseFiles()
const merged = files.map(({ name, file }) => ({
  name,
  topic: file.topic,
  cases: file.cases.map((each): Case => ({ ...file.defaults, ...each })),
}))

type Expected = Extract<Expectation, { decision: string }>

function decisionOf(wanted: Exclude<Expectation, { findings: unknown } | { valid: unknown }>): Expected {
  if (typeof wanted === 'object') return wanted
  return { decision: typeof wanted === 'string' ? wanted : wanted ? 'Allow' : 'Deny' }
}

const catalogueOf = ({ actions, accountId, partition }: Case): Catalogue => ({
  accountId,
  partition,
  actions: actions && new Map(Object.entries(actions).map(([service, names]) => [service, new Set(names)])),
})

function check(given: Case): void {
  const { expect: wanted } = given
  if (typeof wanted === 'object' && ('findings' in wanted || 'valid' in wanted)) {
    const [document] = documentsOf(given)
    const text = given.text ?? JSON.stringify(document?.json)
    const type = document?.type ?? given.type ?? 'identity'
    const { policy, findings } = given.close
      ? validatePolicy(text, type, catalogueOf(given))
      : parsePolicy(text, type)
    const errors = findings.filter((each) => each.severity === 'error')
    expect(policy === undefined).toBe(errors.length > 0)
    if ('valid' in wanted) return expect(errors).toEqual([])
    for (const each of wanted.findings) {
      const [code, path] = typeof each === 'string' ? [each] : each
      expect(
        findings.map((found) => (path === undefined ? found.code : `${found.code} ${found.path}`)),
      ).toContain(path === undefined ? code : `${code} ${path}`)
    }
    const codes = findings.map(({ code }) => code)
    for (const code of wanted.absent ?? []) expect(codes).not.toContain(code)
    return
  }
  const expected = decisionOf(wanted)
  const request = requestOf(given)
  for (const decision of [evaluate(request), evaluateByReference(request)]) {
    expect(decision.explicit ? `Explicit${decision.effect}` : decision.effect, decision.because).toBe(
      expected.decision,
    )
    expect(decision.layer === 'error' && expected.layer !== 'error', decision.because).toBe(false)
    if (expected.layer !== undefined) expect(decision.layer).toBe(expected.layer)
    if (expected.statement !== undefined) {
      const [first] = decision.statements
      expect(typeof expected.statement === 'number' ? first?.index : first?.sid).toBe(expected.statement)
    }
  }
}

describe.each(merged)('$topic', ({ cases }) => {
  it.each(cases)('$id $title', check)
})

describe('the case files', () => {
  const all = merged.flatMap(({ cases }) => cases)

  it('give every case an id of its own', () => {
    const ids = all.map(({ id }) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  })

  it('cite a page for every case', () => {
    expect(all.filter(({ cite }) => !cite?.page).map(({ id }) => id)).toEqual([])
  })

  it('rest on AWS’s documentation, page and section, in 600 of them at least', () => {
    const fromAws = all.filter(
      ({ cite }) => cite?.anchor !== undefined && /^\w/.test(cite.anchor) && /^[a-z]/i.test(cite.page),
    )
    expect(fromAws.length).toBeGreaterThanOrEqual(600)
  })

  it('show every check at work', () => {
    const shown = new Set(
      all.flatMap(({ expect: wanted }) =>
        typeof wanted === 'object' && 'findings' in wanted
          ? wanted.findings.map((each) => (typeof each === 'string' ? each : each[0]))
          : [],
      ),
    )
    // In hostile.test.ts, since its document is too long for a table.
    shown.add('DOCUMENT_TOO_LARGE')
    expect(Object.keys(checks).filter((code) => !shown.has(code))).toEqual([])
  })
})
