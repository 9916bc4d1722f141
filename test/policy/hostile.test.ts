import { describe, expect, it } from 'vitest'
import { evaluate, parsePolicy, unreadablePolicy, validatePolicy } from '#policy'
import type { DocumentType } from '#policy'
import { globMatches, globOf } from '#src/policy/glob.ts'
import { principals } from './case-file.ts'

const codes = (text: string, type: DocumentType = 'identity') =>
  validatePolicy(text, type).findings.map(({ code }) => code)
const policy = (statement: string) => `{"Version":"2012-10-17","Statement":[${statement}]}`
const allow = '{"Effect":"Allow","Action":"orders:Get","Resource":"*"}'

describe('a hostile document', () => {
  it('of 10 MB is refused unread', () => {
    expect(codes(policy(allow) + ' '.repeat(10_000_000))).toEqual(['DOCUMENT_TOO_LARGE'])
  })

  it('of 100,000 statements is refused', () => {
    const text = policy(Array.from({ length: 100_000 }, () => allow).join(','))
    expect(codes(text)).toEqual(['DOCUMENT_TOO_LARGE'])
  })

  it('of many statements within the raw limit is refused by its characters', () => {
    expect(codes(policy(Array.from({ length: 3000 }, () => allow).join(',')))).toEqual(['DOCUMENT_TOO_LARGE'])
  })

  it('of a million brackets is refused for its depth, without a stack overflow', () => {
    expect(codes('['.repeat(999_999))).toEqual(['JSON_TOO_DEEP'])
    expect(codes('{"a":'.repeat(190_000))).toEqual(['JSON_TOO_DEEP'])
  })

  it('with a mistake in every line tells only the first few hundred', () => {
    const bad = Array.from({ length: 2000 }, (_, index) => `"x${index}":1`).join(',')
    expect(codes(`{${bad}}`).length).toBeLessThanOrEqual(250)
  })

  it('with members named like the prototype is read as data', () => {
    const before = Object.keys(Object.prototype)
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(codes(`{"${name}":{"Effect":"Allow"},"Version":"2012-10-17","Statement":[${allow}]}`)).toContain(
        'UNKNOWN_ELEMENT',
      )
      expect(codes(policy(allow.replace('}', `,"Condition":{"${name}":{"a:b":"c"}}}`)))).toContain(
        'UNKNOWN_OPERATOR',
      )
    }
    expect(Object.keys(Object.prototype)).toEqual(before)
  })

  it('with NUL, lone surrogates and other control characters is refused or read, never crashes', () => {
    expect(codes('\u0000')).toEqual(['FORBIDDEN_CHARACTER', 'JSON_SYNTAX'])
    expect(codes(policy(allow.replace('Get', '\\u0000')))).toContain('INVALID_ACTION')
    expect(
      parsePolicy(policy(allow.replace('"*"', '"arn:aws:x:::\\ud800"')), 'identity').policy,
    ).toBeDefined()
  })

  it('never matches slowly: stars and question marks cost at most pattern times text', () => {
    const text = `${'a'.repeat(2047)}b`
    for (const pattern of ['*a'.repeat(500) + '*c', `*${'a'.repeat(1000)}c*`, '?*'.repeat(400) + 'c']) {
      const { policy: parsed } = parsePolicy(
        policy(
          `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"orders:x":"${pattern}"}}}`,
        ),
        'identity',
      )
      const [condition] = parsed?.statements[0]?.conditions ?? []
      let steps = 0
      // Every look at the glob is counted, so the bound is proved without a clock.
      const [value] = condition?.family === 'string' ? condition.values : []
      if (!value) throw new Error('no pattern')
      const counting = new Proxy(globOf(value) as number[], {
        get(target, key) {
          steps++
          return Reflect.get(target, key) as unknown
        },
      })
      expect(globMatches(counting, text)).toBe(false)
      expect(steps).toBeLessThan(2 * pattern.length * text.length)
    }
  })
})

describe('a decision that depends on', () => {
  const user = principals['user']
  const request = (type: DocumentType, resource = 'arn:aws:orders:::x') => ({
    principal: user ?? { kind: 'anonymous' as const },
    action: 'orders:Get',
    resource: { arn: resource, accountId: '111122223333' },
    context: new Map<string, string>(),
    policies: { identity: [{ id: 'inline:x', policy: unreadablePolicy(type, 'it is empty') }] },
  })

  it('a policy that cannot be read is a denial that says so', () => {
    expect(evaluate(request('identity'))).toMatchObject({ effect: 'Deny', layer: 'error' })
    expect(evaluate(request('identity')).because).toContain('it is empty')
  })

  it('a policy in the wrong place is a denial that says so', () => {
    const { policy: resource } = parsePolicy(
      policy('{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}'),
      'resource',
    )
    if (!resource) throw new Error('not read')
    const decision = evaluate({
      ...request('identity'),
      policies: { identity: [{ id: 'inline:x', policy: resource }] },
    })
    expect(decision).toMatchObject({ effect: 'Deny', layer: 'error' })
  })
})
