import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, evaluateByReference, requestContext, withEntries } from '#policy'
import type { ContextValue } from '#policy'
import { principals } from './case-file.ts'
import { read } from './generate.ts'

const names = ['aws:username', 'AWS:UserName', 'orders:x', 'orders:y', 'signet:TagKeys']
const value = fc.oneof(fc.constantFrom<ContextValue>('a', '', 'b'), fc.array(fc.constantFrom('a', 'b')))
const entries = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 8 })

describe('a context that was made for deciding', () => {
  it('reads like the map of the same entries', () => {
    fc.assert(
      fc.property(entries, entries, (first, second) => {
        const map = new Map([...first, ...second])
        const context = withEntries(requestContext(first), second)
        expect([...context]).toEqual([...map])
        expect([...context.keys()]).toEqual([...map.keys()])
        expect([...context.values()]).toEqual([...map.values()])
        expect(context.size).toBe(map.size)
        for (const name of [...names, 'orders:z']) {
          expect(context.get(name)).toEqual(map.get(name))
          expect(context.has(name)).toBe(map.has(name))
        }
        const told: unknown[] = []
        context.forEach((each, name) => told.push([name, each]))
        expect(told).toEqual([...map])
      }),
    )
  })

  it('stays as it is when one with more entries is made of it', () => {
    const context = requestContext([['orders:x', 'a']])
    const more = withEntries(context, [
      ['orders:x', 'b'],
      ['orders:y', 'c'],
    ])
    expect([...context]).toEqual([['orders:x', 'a']])
    expect([...more]).toEqual([
      ['orders:x', 'b'],
      ['orders:y', 'c'],
    ])
  })

  it('leaves out what has no value', () => {
    expect([...requestContext([['orders:x', undefined]])]).toEqual([])
  })

  it('holds any number of keys', () => {
    const many = Array.from({ length: 300 }, (_, at) => [`orders:k${at}`, `v${at}`] as const)
    const context = withEntries(requestContext(many.slice(0, 64)), [
      ...many.slice(64),
      ['orders:k3', 'other'],
    ])
    expect(context.size).toBe(300)
    expect([context.get('orders:k3'), context.get('orders:k299')]).toEqual(['other', 'v299'])
  })
})

describe('refuses', () => {
  const policies = {
    identity: [
      read({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }, 'identity'),
    ],
  }
  const principal = principals['user'] ?? { kind: 'anonymous' as const }
  const ask = (...given: readonly (readonly [string, string])[]) => ({
    principal,
    action: 'orders:Get',
    resource: { arn: '*' },
    context: requestContext(given),
    policies,
  })

  it('two values for one key under two spellings', () => {
    for (const decide of [evaluate, evaluateByReference]) {
      const twice = ask(['aws:username', 'alice'], ['signet:UserName', 'bob'])
      expect(decide(twice)).toMatchObject({ effect: 'Deny', layer: 'error' })
      const alike = ask(['aws:username', 'alice'], ['signet:UserName', 'alice'])
      expect(decide(alike)).toMatchObject({ effect: 'Allow' })
    }
  })
})
