import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, evaluateByReference, policySet } from '#policy'
import type { DecisionRequest } from '#policy'
import { principals } from './case-file.ts'
import { read, type Json } from './generate.ts'

/**
 * The engine finds statements of large sets by hash: whole resources, beginnings, runs of four characters. The vocabulary here is
 * small on purpose, so that beginnings are shared, texts nest in each other and every way of finding is taken.
 */
const part = fc.constantFrom('team-1', 'team-2', 'team-12', 't', 'abcd', 'bcda', 'x', '-proj7-', '-proj17-')

const glob = fc.oneof(
  { weight: 3, arbitrary: part.map((name) => `${name}/*`) },
  { weight: 2, arbitrary: fc.tuple(part, part).map(([a, b]) => `${a}/${b}`) },
  { weight: 2, arbitrary: fc.tuple(part, part).map(([a, b]) => `${a}*${b}*`) },
  { weight: 2, arbitrary: part.map((name) => `*${name}*/x`) },
  { weight: 1, arbitrary: fc.tuple(part, part).map(([a, b]) => `?${a}*${b}`) },
  { weight: 1, arbitrary: part.map((name) => `${name}/\${aws:username}/*`) },
)

const resource = fc.oneof(
  { weight: 8, arbitrary: glob.map((text) => `arn:aws:orders:eu:111122223333:${text}`) },
  { weight: 2, arbitrary: glob.map((text) => `arn:aws:orders:*:*:${text}`) },
  { weight: 1, arbitrary: fc.constantFrom('arn:aws:*', 'arn:aws:orders:eu:111122223333:*') },
)

const statement = fc
  .record({
    Effect: fc.constantFrom('Allow', 'Allow', 'Deny'),
    action: fc.constantFrom('orders:Get*', 'orders:Get', 'orders:*', 'Orders:Put', '*'),
    not: fc.integer({ min: 0, max: 15 }),
    resources: fc.array(resource, { minLength: 1, maxLength: 3 }),
    guarded: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ Effect, action, not, resources, guarded }): Json => ({
    Effect,
    [not === 1 ? 'NotAction' : 'Action']: action,
    [not === 0 ? 'NotResource' : 'Resource']: resources,
    ...(guarded === 0 && { Condition: { StringEquals: { 'aws:username': 'abcd' } } }),
  }))

const asked = fc.record({
  action: fc.constantFrom('orders:Get', 'orders:GetItem', 'ORDERS:put', 'bills:Get'),
  resource: fc
    .oneof(
      fc.tuple(part, part).map(([a, b]) => `${a}/${b}`),
      fc.tuple(part, part, part).map(([a, b, c]) => `${a}/${b}${c}/x`),
      fc.array(part, { maxLength: 4 }).map((parts) => parts.join('')),
    )
    .map((text) => `arn:aws:orders:eu:111122223333:${text}`),
  username: fc.constantFrom(undefined, 'abcd', 'team-1'),
})

describe('a set of many statements', () => {
  it('is searched with the same outcome as statement by statement', () => {
    const seen = { Allow: 0, Deny: 0 }
    fc.assert(
      fc.property(
        fc.array(statement, { minLength: 5, maxLength: 60 }),
        fc.array(asked, { minLength: 20, maxLength: 20 }),
        (statements, requests) => {
          const half = Math.ceil(statements.length / 2)
          const identity = policySet(
            [statements.slice(0, half), statements.slice(half)].map((Statement, index) =>
              read({ Version: '2012-10-17', Statement }, 'identity', `inline:${index}`),
            ),
          )
          for (const { action, resource, username } of requests) {
            const request: DecisionRequest = {
              principal: principals['user'] ?? { kind: 'anonymous' },
              action,
              resource: { arn: resource, accountId: '111122223333' },
              context: new Map(username === undefined ? [] : [['aws:username', username]]),
              policies: { identity },
            }
            const [compiled, reference] = [evaluate(request), evaluateByReference(request)]
            seen[compiled.effect]++
            expect([compiled.effect, compiled.explicit]).toEqual([reference.effect, reference.explicit])
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(Math.min(seen.Allow, seen.Deny)).toBeGreaterThan(500)
  })

  it('forgets actions when callers invent them, and decides the same', () => {
    const identity = policySet([
      read(
        {
          Version: '2012-10-17',
          Statement: ['Get*', 'Put*'].map((name) => ({
            Effect: 'Allow',
            Action: `orders:${name}`,
            Resource: '*',
          })),
        },
        'identity',
      ),
    ])
    const effect = (action: string) =>
      evaluate({
        principal: principals['user'] ?? { kind: 'anonymous' },
        action,
        resource: { arn: 'arn:aws:orders:eu:111122223333:x', accountId: '111122223333' },
        context: new Map(),
        policies: { identity },
      }).effect
    for (let each = 0; each < 6000; each++) {
      expect(effect(`orders:Get${each}`)).toBe('Allow')
      expect(effect(`ORDERS:put${each}`)).toBe('Allow')
      expect(effect(`orders:Drop${each}`)).toBe('Deny')
    }
    expect(effect(`orders:Get${'x'.repeat(5000)}`)).toBe('Allow')
    expect(effect(`orders:Drop${'x'.repeat(5000)}`)).toBe('Deny')
  })
})
