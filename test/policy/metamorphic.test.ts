import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, policySet, scpFullAccess } from '#policy'
import type { DecisionRequest } from '#policy'
import {
  asked,
  context,
  document,
  documents,
  read,
  requestFrom,
  type Documents,
  type Json,
} from './generate.ts'

const options = { numRuns: 400 }
const effect = (request: DecisionRequest) => evaluate(request).effect
const statementsOf = (json: Json): Json[] => json['Statement'] as Json[]

/** The same documents with every statement rewritten. */
const rewrite = (from: Documents, each: (statements: Json[]) => Json[]): Documents => {
  const one = (json: Json): Json => ({ ...json, Statement: each(statementsOf(json)) })
  return {
    identity: from.identity.map(one),
    boundary: from.boundary && one(from.boundary),
    session: from.session.map(one),
    resource: from.resource && one(from.resource),
    trust: from.trust && one(from.trust),
    scp: from.scp.map((level) => level.map(one)),
    rcp: from.rcp.map((level) => level.map(one)),
  }
}

const reversed = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(reversed).toReversed()
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .map(([key, inner]) => [key, reversed(inner)] as const)
            .toReversed(),
        )
      : value

const neverMore = (before: DecisionRequest, after: DecisionRequest) => {
  if (effect(after) === 'Allow') expect(effect(before)).toBe('Allow')
}

describe('whatever the policies and the request', () => {
  it('the order of statements, policies, lists and keys does not matter', () => {
    fc.assert(
      fc.property(asked, documents, (who, from) => {
        const after = rewrite(from, (statements) => reversed(statements) as Json[])
        const request = requestFrom(who, { ...after, identity: after.identity.toReversed() })
        const turned = { ...request, context: new Map([...request.context].toReversed()) }
        expect(effect(turned)).toBe(effect(requestFrom(who, from)))
      }),
      options,
    )
  })

  it('adding a Deny never allows more', () => {
    fc.assert(
      fc.property(asked, documents, document('identity', 1), (who, from, more) => {
        const deny = { ...more, Statement: statementsOf(more).map((each) => ({ ...each, Effect: 'Deny' })) }
        neverMore(requestFrom(who, from), requestFrom(who, { ...from, identity: [...from.identity, deny] }))
      }),
      options,
    )
  })

  it('adding a guard-rail level, a boundary or the first session policy of a role never allows more', () => {
    fc.assert(
      fc.property(asked, documents, document('boundary', 2), document('scp', 2), (who, from, some, scp) => {
        const before = requestFrom(who, { ...from, boundary: undefined, session: [] })
        const { policies } = before
        const add = (more: Partial<DecisionRequest['policies']>) =>
          neverMore(before, { ...before, policies: { ...policies, ...more } })
        add({ boundary: read(some, 'boundary') })
        if (who.principal.kind !== 'federated-user') add({ session: [read(some, 'session')] })
        add({ scpLevels: [...(policies.scpLevels ?? []), [read(scp, 'scp')]] })
        add({ scpLevels: [...(policies.scpLevels ?? []), [scpFullAccess]] })
        add({ rcpLevels: [...(policies.rcpLevels ?? []), []] })
      }),
      options,
    )
  })

  it('adding a guard-rail that only denies to a level never allows more', () => {
    const deniesOnly = (json: Json): Json => ({
      ...json,
      Statement: statementsOf(json).map((each) => ({ ...each, Effect: 'Deny' })),
    })
    fc.assert(
      fc.property(asked, documents, document('scp', 2), document('rcp', 2), (who, from, scp, rcp) => {
        const before = requestFrom(who, from)
        const { policies } = before
        const [first = [scpFullAccess], ...others] = policies.scpLevels ?? []
        const scpLevels = [[...first, read(deniesOnly(scp), 'scp')], ...others]
        const rcpLevels = (policies.rcpLevels ?? []).map((level) => [...level, read(rcp, 'rcp')])
        neverMore(before, { ...before, policies: { ...policies, scpLevels } })
        neverMore(before, { ...before, policies: { ...policies, rcpLevels } })
      }),
      options,
    )
  })

  it('a decision is the same alone and among others, in a list and in a set', () => {
    fc.assert(
      fc.property(fc.array(asked, { minLength: 2, maxLength: 6 }), documents, (all, from) => {
        const [first] = all
        if (!first) return
        const { policies } = requestFrom(first, from)
        const set = { ...policies, identity: policySet(policies.identity) }
        const together = all.map((who) => evaluate({ ...who, policies: set }))
        const backwards = all
          .toReversed()
          .map((who) => evaluate({ ...who, policies: set }))
          .toReversed()
        expect(backwards).toEqual(together)
        for (const [index, who] of all.entries()) {
          expect(effect(requestFrom(who, from))).toBe(together[index]?.effect)
        }
      }),
      options,
    )
  })

  it('splitting positive lists of actions and resources into statements changes nothing', () => {
    const split = (statement: Json): Json[] => {
      const listed = (name: string) => {
        const value = statement[name]
        return Array.isArray(value) ? value.map((each: unknown) => ({ [name]: each })) : [{}]
      }
      return listed('Action').flatMap((a) => listed('Resource').map((r) => ({ ...statement, ...a, ...r })))
    }
    const never = { Effect: 'Allow', Action: [], Resource: [] }
    fc.assert(
      fc.property(asked, documents, (who, from) => {
        const identity = from.identity.map((json) => {
          const statements = statementsOf(json).flatMap(split)
          return { ...json, Statement: statements.length ? statements : [never] }
        })
        expect(effect(requestFrom(who, { ...from, identity }))).toBe(effect(requestFrom(who, from)))
      }),
      options,
    )
  })

  it('both versions agree where no variable is written', () => {
    fc.assert(
      fc.property(asked, document('resource'), (who, json) => {
        fc.pre(!JSON.stringify(json).includes('${'))
        const of = (Version: string) => {
          const request = requestFrom(who, {
            identity: [],
            boundary: undefined,
            session: [],
            resource: { ...json, Version },
            trust: undefined,
            scp: [],
            rcp: [],
          })
          return effect(request)
        }
        expect(of('2008-10-17')).toBe(of('2012-10-17'))
      }),
      options,
    )
  })

  it('the case of actions, keys and tag keys does not matter', () => {
    fc.assert(
      fc.property(asked, documents, (who, from) => {
        const shouted = {
          ...who,
          action: who.action.toUpperCase(),
          context: new Map([...who.context].map(([key, value]) => [key.toUpperCase(), value])),
        }
        expect(effect(requestFrom(shouted, from))).toBe(effect(requestFrom(who, from)))
      }),
      options,
    )
  })

  it('a literal and a variable bound to it are the same, whatever characters it holds', () => {
    const escape = (text: string) => text.replaceAll(/[*?$]/g, (each) => `\${${each}}`)
    const literal = fc
      .array(fc.constantFrom('a', 'b', '*', '?', '$', '${', '}', '${aws:username}'), {
        minLength: 1,
        maxLength: 4,
      })
      .map((parts) => parts.join(''))
    const of = (middle: string): Json => ({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: '*',
          Resource: `arn:aws:orders:eu:111122223333:*${middle}*`,
          Condition: { StringLikeIfExists: { 'orders:x': `${middle}*` } },
        },
      ],
    })
    fc.assert(
      fc.property(asked, context, literal, (who, keys, text) => {
        const bound = new Map(keys).set('orders:bound', text)
        const with_ = (json: Json) =>
          effect({ ...who, context: bound, policies: { identity: [read(json, 'identity')] } })
        expect(with_(of('${orders:bound}'))).toBe(with_(of(escape(text))))
      }),
      options,
    )
  })
})
