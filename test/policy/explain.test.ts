import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, explain } from '#policy'
import type { DecisionRequest } from '#policy'
import { principals } from './case-file.ts'
import { asked, documents, read, requestFrom, type Json } from './generate.ts'

const alice = principals['user'] ?? { kind: 'anonymous' as const }

const ask = (statements: readonly Json[], context: Record<string, string> = {}): DecisionRequest => ({
  principal: alice,
  action: 'orders:Refund',
  resource: { arn: 'arn:aws:orders::111122223333:order/17' },
  context: new Map(Object.entries(context)),
  policies: { identity: [read({ Version: '2012-10-17', Statement: statements }, 'identity')] },
})

describe('an explanation', () => {
  it('says of every statement which elements failed, with the value seen and the value wanted', () => {
    const { statements } = explain(
      ask(
        [
          { Sid: 'Get', Effect: 'Allow', Action: 'orders:Get', Resource: 'arn:aws:orders:::x' },
          {
            Effect: 'Allow',
            Action: '*',
            Resource: '*',
            Condition: { StringEquals: { 'aws:PrincipalTag/team': ['red', 'blue'] } },
          },
        ],
        { 'aws:principaltag/TEAM': 'green' },
      ),
    )
    expect(statements.map(({ sid, applies }) => [sid, applies])).toEqual([
      ['Get', false],
      [undefined, false],
    ])
    expect(statements[0]?.failed).toEqual([
      { element: 'Action', seen: 'orders:Refund', wanted: ['orders:get'] },
      { element: 'Resource', seen: 'arn:aws:orders::111122223333:order/17', wanted: ['arn:aws:orders:::x'] },
    ])
    expect(statements[1]?.failed).toEqual([
      {
        element: 'Condition',
        operator: 'StringEquals',
        key: 'aws:PrincipalTag/team',
        seen: 'green',
        wanted: ['red', 'blue'],
      },
    ])
  })

  it('names MFA when a fresh second factor is all that is missing', () => {
    const request = ask([
      { Effect: 'Allow', Action: '*', Resource: '*' },
      {
        Effect: 'Deny',
        Action: 'orders:Refund',
        Resource: '*',
        Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
      },
    ])
    expect(explain(request)).toMatchObject({
      decision: { effect: 'Deny', explicit: true },
      remedy: { kind: 'mfa' },
    })
    expect(evaluate(request).missing).toEqual({ kind: 'mfa' })
  })

  it('does not name MFA when something else is missing too', () => {
    const request = ask([
      {
        Effect: 'Allow',
        Action: 'orders:Get',
        Resource: '*',
        Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
      },
    ])
    expect(evaluate(request).missing).toBeUndefined()
  })

  it('names the key and value by which an Allow would apply', () => {
    const condition = { StringEquals: { 'aws:PrincipalTag/team': 'red' } }
    expect(
      explain(ask([{ Effect: 'Allow', Action: '*', Resource: '*', Condition: condition }])).remedy,
    ).toEqual({
      kind: 'context',
      key: 'aws:PrincipalTag/team',
      value: 'red',
    })
  })

  it('names the statement that is missing when nothing denies, and that statement helps', () => {
    const request = ask([{ Effect: 'Allow', Action: 'orders:Get', Resource: '*' }])
    const { remedy } = explain(request)
    expect(remedy).toMatchObject({ kind: 'statement', layer: 'identity' })
    if (remedy?.kind !== 'statement') throw new Error('no statement')
    expect(evaluate(ask([remedy.statement])).effect).toBe('Allow')
  })

  it('has no remedy for an explicit deny without a condition on the caller', () => {
    expect(explain(ask([{ Effect: 'Deny', Action: '*', Resource: '*' }])).remedy).toBeUndefined()
  })

  it('agrees with the decision it explains, whatever the request', () => {
    fc.assert(
      fc.property(asked, documents, (who, from) => {
        const request = requestFrom(who, from)
        const { decision, statements } = explain(request)
        const decided = evaluate(request)
        expect([decision.effect, decision.layer]).toEqual([decided.effect, decided.layer])
        const cited = (all: typeof decided.statements) =>
          all.every(({ policy, index }) =>
            statements.some((each) => each.policy === policy && each.index === index && each.applies),
          )
        expect(cited(decided.statements) && cited(decision.statements)).toBe(true)
        const denies = statements.some(({ effect, applies }) => effect === 'Deny' && applies)
        expect(decision.explicit).toBe(denies)
      }),
      { numRuns: 300 },
    )
  })
})
