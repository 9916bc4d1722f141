import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAccessNotGranted, checkNoNewAccess, evaluate } from '#policy'
import type { DecisionRequest, Policy } from '#policy'
import { principals } from './case-file.ts'
import { asked, document, read, type Json } from './generate.ts'

const policy = (...statements: readonly Json[]): Policy =>
  read(
    { Version: '2012-10-17', Statement: statements.map((each) => ({ Effect: 'Allow', ...each })) },
    'identity',
  ).policy

const alice = principals['user'] ?? { kind: 'anonymous' as const }
const allows = (policies: readonly Policy[], request: Omit<DecisionRequest, 'policies'>) =>
  evaluate({ ...request, policies: { identity: policies.map((each) => ({ id: 'inline:x', policy: each })) } })
    .effect === 'Allow'

describe('CheckNoNewAccess', () => {
  const orders = { Action: 'orders:Get*', Resource: 'arn:aws:orders:::*' }

  it('passes a policy against itself and against a narrower one', () => {
    expect(checkNoNewAccess([policy(orders)], [policy(orders)])).toEqual({ result: 'PASS' })
    expect(checkNoNewAccess([policy(orders)], [policy({ ...orders, Action: 'orders:GetItem' })])).toEqual({
      result: 'PASS',
    })
    const narrowed = policy({ ...orders, Condition: { Bool: { 'aws:SecureTransport': 'true' } } })
    expect(checkNoNewAccess([policy(orders)], [narrowed])).toEqual({ result: 'PASS' })
  })

  it('fails a wider action with a request that replays', () => {
    const found = checkNoNewAccess([policy(orders)], [policy({ ...orders, Action: 'orders:*' })])
    expect(found.result).toBe('FAIL')
    if (found.result !== 'FAIL') return
    expect(found.counterexample.action).toMatch(/^orders:(?!get)/)
  })

  it('fails a dropped condition and a dropped Deny', () => {
    const guarded = policy({ ...orders, Condition: { StringEquals: { 'aws:PrincipalTag/team': 'red' } } })
    expect(checkNoNewAccess([guarded], [policy(orders)]).result).toBe('FAIL')
    const denied = policy(orders, { Effect: 'Deny', Action: 'orders:GetSecret', Resource: '*' })
    expect(checkNoNewAccess([denied], [policy(orders)]).result).toBe('FAIL')
    expect(checkNoNewAccess([policy(orders)], [denied])).toEqual({ result: 'PASS' })
  })

  it('splits what one statement had in two', () => {
    const split = policy(
      { Action: 'orders:Get*', Resource: 'arn:aws:orders:::a*' },
      { Action: 'orders:Get*', Resource: 'arn:aws:orders:::b*' },
    )
    expect(
      checkNoNewAccess(
        [policy({ ...orders, Resource: ['arn:aws:orders:::a*', 'arn:aws:orders:::b*'] })],
        [split],
      ),
    ).toEqual({
      result: 'PASS',
    })
  })

  it('sees that a variable may hold what a Deny names', () => {
    const old = policy(
      { Action: 'orders:Get', Resource: 'arn:aws:orders:::a/${aws:username}/x' },
      { Effect: 'Deny', Action: 'orders:Get', Resource: 'arn:aws:orders:::a/bob/*' },
    )
    const now = policy({ Action: 'orders:Get', Resource: 'arn:aws:orders:::a/${aws:username}/x' })
    expect(checkNoNewAccess([old], [now]).result).not.toBe('PASS')
    expect(checkNoNewAccess([now], [old])).toEqual({ result: 'PASS' })
  })

  it('gives up rather than guess', () => {
    const many = Array.from(
      { length: 16 },
      (_, index) => `arn:aws:orders:::*${String.fromCharCode(97 + index)}*`,
    )
    const found = checkNoNewAccess(
      [policy({ ...orders, Resource: many })],
      [policy({ ...orders, Resource: many })],
    )
    expect(found.result).toBe('UNKNOWN')
  })

  it('never passes what a sample of requests contradicts, and every FAIL replays', () => {
    const seen = { PASS: 0, FAIL: 0, UNKNOWN: 0 }
    const requests = fc.array(asked, { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(
        document('identity', 2),
        document('identity', 2),
        fc.boolean(),
        requests,
        (a, b, same, some) => {
          const before = [read(a, 'identity').policy]
          const after = [
            read(same ? { ...a, Statement: [(a['Statement'] as Json[])[0]] } : b, 'identity').policy,
          ]
          const found = checkNoNewAccess(before, after)
          seen[found.result]++
          if (found.result === 'PASS') {
            for (const { action, resource, context } of some) {
              const request = { principal: alice, action, resource, context }
              if (action !== 'sts:GetCallerIdentity' && allows(after, request))
                expect(allows(before, request)).toBe(true)
            }
          } else if (found.result === 'FAIL') {
            const { action, resource, context } = found.counterexample
            const request = {
              principal: alice,
              action,
              resource: { arn: resource, accountId: '111122223333' },
              context,
            }
            expect([allows(before, request), allows(after, request)]).toEqual([false, true])
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(Math.min(seen.PASS, seen.FAIL)).toBeGreaterThan(20)
  })
})

describe('CheckAccessNotGranted', () => {
  it('passes when no request of the kind is allowed', () => {
    const some = policy(
      { Action: 'orders:*', Resource: '*' },
      { Effect: 'Deny', Action: 'orders:Delete*', Resource: '*' },
    )
    expect(checkAccessNotGranted([some], { actions: ['orders:DeleteOrder'] })).toEqual({ result: 'PASS' })
    expect(checkAccessNotGranted([some], { actions: ['bills:*'] })).toEqual({ result: 'PASS' })
  })

  it('fails with a request that is allowed, in any case of letters', () => {
    const found = checkAccessNotGranted([policy({ Action: 'orders:*', Resource: '*' })], {
      actions: ['ORDERS:Delete*'],
    })
    expect(found.result).toBe('FAIL')
  })

  it('looks at the resources that were asked about', () => {
    const some = policy({ Action: 'orders:Get', Resource: 'arn:aws:orders:::a/*' })
    expect(checkAccessNotGranted([some], { actions: ['*'], resources: ['arn:aws:orders:::b/*'] })).toEqual({
      result: 'PASS',
    })
    expect(
      checkAccessNotGranted([some], { actions: ['*'], resources: ['arn:aws:orders:::a/1'] }).result,
    ).toBe('FAIL')
  })
})
