import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkAccessNotGranted,
  checkNoNewAccess,
  checkNoPublicAccess,
  evaluate,
  redundantStatements,
} from '#policy'
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
    const denying = (resources: readonly string[]) =>
      policy(orders, { Effect: 'Deny', Action: 'orders:Get*', Resource: resources })
    const found = checkNoNewAccess([denying(many)], [denying(many.map((each) => `${each}z`))])
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

describe('documents with principals', () => {
  const resource = (...statements: readonly Json[]): Policy =>
    read(
      {
        Version: '2012-10-17',
        Statement: statements.map((each) => ({
          Effect: 'Allow',
          Action: 'orders:*',
          Resource: '*',
          ...each,
        })),
      },
      'resource',
    ).policy
  const account = '111122223333'
  const user = `arn:aws:iam::${account}:user/alice`
  const compare = (a: Policy, b: Policy) => checkNoNewAccess([a], [b]).result

  it('compare whom they name', () => {
    expect(
      compare(resource({ Principal: { AWS: [user, account] } }), resource({ Principal: { AWS: user } })),
    ).toBe('PASS')
    expect(compare(resource({ Principal: '*' }), resource({ Principal: { AWS: account } }))).toBe('PASS')
    expect(compare(resource({ Principal: { AWS: account } }), resource({ Principal: '*' }))).toBe('FAIL')
    expect(
      compare(resource({ Principal: { AWS: user } }), resource({ Principal: { AWS: `${user}2` } })),
    ).toBe('FAIL')
    expect(
      compare(
        resource({ Principal: { AWS: account } }),
        resource({ Principal: { AWS: `arn:aws:iam::${account}:root` } }),
      ),
    ).toBe('PASS')
  })

  it('count how a caller is named: itself is more than its account', () => {
    const found = checkNoNewAccess(
      [resource({ Principal: { AWS: account } })],
      [resource({ Principal: { AWS: user } })],
    )
    if (found.result !== 'FAIL') throw new Error(found.result)
    expect(found.counterexample.principal).toMatchObject({ kind: 'user', arn: user })
    expect([
      evaluate(found.counterexample.replay.before).effect,
      evaluate(found.counterexample.replay.after).effect,
    ]).toEqual(['Deny', 'Allow'])
  })

  it('count a Deny that is gone, since it kept out callers of the account whose own policies allow', () => {
    const denying = resource({ Principal: '*', Effect: 'Deny', Action: 'orders:Put' })
    const found = checkNoNewAccess(
      [denying],
      [resource({ Principal: '*', Effect: 'Deny', Action: 'orders:PutAll' })],
    )
    if (found.result !== 'FAIL') throw new Error(found.result)
    expect(found.counterexample.action).toBe('orders:put')
    expect(evaluate(found.counterexample.replay.before).explicit).toBe(true)
    expect(compare(denying, denying)).toBe('PASS')
  })

  it('compare whom a role trusts', () => {
    const trust = (AWS: string) =>
      read(
        {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
        },
        'trust',
      ).policy
    expect(compare(trust(user), trust(user))).toBe('PASS')
    expect(compare(trust(user), trust(account))).toBe('FAIL')
    expect(checkNoNewAccess([trust(user)], [resource({ Principal: '*' })]).result).toBe('UNKNOWN')
  })

  it('are never passed when a sample of requests contradicts, and every FAIL replays', () => {
    const seen = { PASS: 0, FAIL: 0, UNKNOWN: 0 }
    const type = fc.constantFrom('resource' as const, 'trust' as const)
    const pair = type.chain((each) => fc.tuple(fc.constant(each), document(each, 2), document(each, 2)))
    const requests = fc.array(asked, { minLength: 40, maxLength: 40 })
    const everything = { id: 'inline:all', policy: policy({ Action: '*', Resource: '*' }) }
    fc.assert(
      fc.property(pair, fc.boolean(), requests, ([kind, a, b], same, some) => {
        const before = read(a, kind)
        const after = read(same ? { ...a, Statement: [(a['Statement'] as Json[]).at(-1)] } : b, kind)
        const found = checkNoNewAccess([before.policy], [after.policy])
        seen[found.result]++
        if (found.result === 'FAIL') {
          const { replay } = found.counterexample
          expect([evaluate(replay.before).effect, evaluate(replay.after).effect]).toEqual(['Deny', 'Allow'])
        }
        if (found.result !== 'PASS') return
        for (const each of some) {
          for (const identity of [[], [everything]]) {
            const ask = (ref: typeof before) =>
              evaluate({ ...each, policies: { identity, [kind]: ref } }).effect
            if (ask(after) === 'Allow') expect(ask(before)).toBe('Allow')
          }
        }
      }),
      { numRuns: 300 },
    )
    expect(Math.min(seen.PASS, seen.FAIL)).toBeGreaterThan(20)
  })
})

describe('the other checks against sampling', () => {
  it('CheckAccessNotGranted never passes what is granted', () => {
    const seen = { PASS: 0, FAIL: 0, UNKNOWN: 0 }
    const requests = fc.array(asked, { minLength: 30, maxLength: 30 })
    const actions = fc.constantFrom('orders:Get*', 'ORDERS:*', 'bills:Get', '*')
    const resources = fc.constantFrom('*', 'arn:aws:orders:eu:111122223333:a*', 'arn:aws:orders:*')
    fc.assert(
      fc.property(document('identity', 3), actions, resources, requests, (json, action, resource, some) => {
        const subject = read(json, 'identity').policy
        const found = checkAccessNotGranted([subject], { actions: [action], resources: [resource] })
        seen[found.result]++
        if (found.result === 'FAIL') expect(evaluate(found.counterexample.replay.after).effect).toBe('Allow')
        if (found.result !== 'PASS') return
        const meant = policy({ Action: action, Resource: resource })
        for (const { action: asks, resource: on, context } of some) {
          const request = { principal: alice, action: asks, resource: on, context }
          if (asks !== 'sts:GetCallerIdentity' && allows([meant], request))
            expect(allows([subject], request)).toBe(false)
        }
      }),
      { numRuns: 200 },
    )
    expect(Math.min(seen.PASS, seen.FAIL)).toBeGreaterThan(10)
  })

  it('CheckNoPublicAccess never passes what a stranger is allowed', () => {
    const seen = { PASS: 0, FAIL: 0, UNKNOWN: 0 }
    const requests = fc.array(asked, { minLength: 40, maxLength: 40 })
    const strangers = [
      { kind: 'anonymous' as const },
      {
        kind: 'user' as const,
        accountId: '777788889999',
        arn: 'arn:aws:iam::777788889999:user/eve',
        uniqueId: 'AIDAEVE',
      },
    ]
    const all = { id: 'inline:all', policy: policy({ Action: '*', Resource: '*' }) }
    fc.assert(
      fc.property(document('resource', 3), requests, (json, some) => {
        const subject = read(json, 'resource')
        const found = checkNoPublicAccess(subject.policy)
        seen[found.result]++
        if (found.result === 'FAIL') expect(evaluate(found.counterexample.replay.after).effect).toBe('Allow')
        if (found.result !== 'PASS') return
        for (const each of some) {
          for (const principal of strangers) {
            const request = { ...each, principal, policies: { identity: [all], resource: subject } }
            if (each.action !== 'sts:GetCallerIdentity')
              expect(
                evaluate({ ...request, resource: { ...each.resource, accountId: '111122223333' } }).effect,
              ).toBe('Deny')
          }
        }
      }),
      { numRuns: 200 },
    )
    expect(Math.min(seen.PASS, seen.FAIL)).toBeGreaterThan(10)
  })
})

describe('redundant statements', () => {
  it('are those that could go without a change', () => {
    const found = redundantStatements(
      policy(
        { Action: 'orders:*', Resource: 'arn:aws:orders:::a/*' },
        { Action: 'orders:Get', Resource: 'arn:aws:orders:::a/b/*' },
        { Action: 'orders:Get', Resource: 'arn:aws:orders:::b/*' },
        { Effect: 'Deny', Action: 'bills:*', Resource: '*' },
        { Effect: 'Deny', Action: 'orders:Put', Resource: 'arn:aws:orders:::a/c' },
      ),
    )
    expect(found.redundant.map(({ index }) => index)).toEqual([1, 3])
    expect(found.unknown).toEqual([])
  })

  it('are found where two others cover a third together', () => {
    const found = redundantStatements(
      policy(
        { Action: 'orders:Get', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': 'true' } } },
        { Action: 'orders:Get', Resource: '*', Condition: { Null: { 'aws:SecureTransport': 'true' } } },
        {
          Action: 'orders:Get',
          Resource: '*',
          Condition: { BoolIfExists: { 'aws:SecureTransport': 'true' } },
        },
      ),
    )
    // An empty text is null data, too, and no boolean: the second statement stands for itself.
    expect(found.redundant.map(({ index }) => index)).toEqual([0, 2])
  })
})

describe('typed conditions', () => {
  const when = (...conditions: readonly Json[]) =>
    policy(...conditions.map((Condition) => ({ Action: 'orders:Get', Resource: '*', Condition })))
  it.each<[string, Json[], Json[], 'PASS' | 'FAIL']>([
    [
      'a range in another',
      [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }],
      [{ IpAddress: { 'aws:SourceIp': '10.1.0.0/16' } }],
      'PASS',
    ],
    [
      'a wider range',
      [{ IpAddress: { 'aws:SourceIp': '10.1.0.0/16' } }],
      [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }],
      'FAIL',
    ],
    [
      'two halves of a range',
      [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/9' } }, { IpAddress: { 'aws:SourceIp': '10.128.0.0/9' } }],
      [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }],
      // A list of one address of each half satisfies the new condition, and both old ones: nothing new.
      'PASS',
    ],
    [
      'a smaller number',
      [{ NumericLessThan: { 'orders:n': '10' } }],
      [{ NumericLessThan: { 'orders:n': '5.5' } }],
      'PASS',
    ],
    [
      'a greater number',
      [{ NumericLessThan: { 'orders:n': '10' } }],
      [{ NumericLessThanEquals: { 'orders:n': '10' } }],
      'FAIL',
    ],
    [
      'numbers between neighbours',
      [{ NumericLessThanEquals: { 'orders:n': '1' } }, { NumericGreaterThan: { 'orders:n': '1' } }],
      [{ NumericEquals: { 'orders:n': '1.25' } }],
      'PASS',
    ],
    [
      'an earlier date',
      [{ DateLessThan: { 'aws:CurrentTime': '2026-02-01T00:00:00Z' } }],
      [{ DateLessThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } }],
      'PASS',
    ],
    [
      'a later date',
      [{ DateLessThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } }],
      [{ DateLessThan: { 'aws:CurrentTime': '2026-01-01T00:00:01Z' } }],
      'FAIL',
    ],
    [
      'one text of a pattern',
      [{ StringLike: { 'orders:x': 'a*' } }],
      [{ StringEquals: { 'orders:x': ['ab', 'a'] } }],
      'PASS',
    ],
    [
      'a text in another case',
      [{ StringEqualsIgnoreCase: { 'orders:x': 'Red' } }],
      [{ StringEqualsIgnoreCase: { 'orders:x': ['RED', 'red'] } }],
      'PASS',
    ],
    [
      'an ARN of a pattern',
      [{ ArnLike: { 'aws:SourceArn': 'arn:aws:sns:*:111122223333:*' } }],
      [{ ArnLike: { 'aws:SourceArn': 'arn:aws:sns:eu:111122223333:t*' } }],
      'PASS',
    ],
    [
      'an ARN of another account',
      [{ ArnLike: { 'aws:SourceArn': 'arn:aws:sns:*:111122223333:*' } }],
      [{ ArnLike: { 'aws:SourceArn': 'arn:aws:sns:*:1111*:*' } }],
      'FAIL',
    ],
    [
      'fewer values of a set',
      [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }],
      [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }],
      'PASS',
    ],
    [
      'more values of a set',
      [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }],
      [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }],
      'FAIL',
    ],
    [
      'IfExists',
      [{ StringEquals: { 'orders:x': 'a' } }],
      [{ StringEqualsIfExists: { 'orders:x': 'a' } }],
      'FAIL',
    ],
  ])('know %s', (_, before, after, result) => {
    expect(checkNoNewAccess([when(...before)], [when(...after)]).result).toBe(result)
  })
})
