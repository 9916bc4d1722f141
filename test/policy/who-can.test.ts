import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAccessIndex, evaluate, parsePolicy, rcpFullAccess, scpFullAccess, whatCan } from '#policy'
import type { DocumentType, Inventory, PolicyRef, RequestPrincipal } from '#policy'
import { asked, document, read, type Json } from './generate.ts'

const account = '111122223333'

type Caller = { readonly name: string; readonly policies: readonly number[]; readonly boundary?: number }

const uniqueIdOf = (name: string) => `AIDA${name.toUpperCase().padEnd(12, '0')}EXAMP`

const inventoryOf = (policies: readonly PolicyRef[], callers: readonly Caller[]): Inventory => {
  const principal = (at: number): RequestPrincipal => {
    const name = callers[at]?.name ?? ''
    return {
      kind: 'user',
      accountId: account,
      arn: `arn:aws:iam::${account}:user/${name}`,
      uniqueId: uniqueIdOf(name),
    }
  }
  return {
    policies,
    count: callers.length,
    policiesOf: (at) => callers[at]?.policies ?? [],
    boundaryOf: (at) => callers[at]?.boundary ?? -1,
    accountOf: () => account,
    principal,
    known: (at) => new Map([['aws:username', callers[at]?.name ?? '']]),
    // Callers of one name are one person here, and each of them is meant.
    named: (given) =>
      callers.flatMap(({ name }, at) =>
        given === uniqueIdOf(name) || given === `arn:aws:iam::${account}:user/${name}` ? [at] : [],
      ),
  }
}

const policy = (type: DocumentType, ...statements: readonly Json[]): PolicyRef =>
  read({ Version: '2012-10-17', Statement: statements.map((each) => ({ Effect: 'Allow', ...each })) }, type)

describe('who can', () => {
  const readAll = policy('identity', { Action: 'orders:Get*', Resource: '*' })
  const own = policy('identity', {
    Action: 'orders:Get',
    Resource: 'arn:aws:orders:::home/${aws:username}/*',
  })
  const never = policy('identity', { Effect: 'Deny', Action: '*', Resource: '*' })
  const narrow = policy('boundary', { Action: 'bills:*', Resource: '*' })
  const index = createAccessIndex(
    inventoryOf(
      [readAll, own, never, narrow],
      [
        { name: 'reader', policies: [0] },
        { name: 'owner', policies: [1] },
        { name: 'shut-out', policies: [0, 2] },
        { name: 'bounded', policies: [0], boundary: 3 },
        { name: 'nobody', policies: [] },
      ],
    ),
  )
  const who = (resource: string, action = 'orders:Get', accountId: string | undefined = account) =>
    index.whoCan({ action, resource, accountId, context: new Map() }).list(0, 10)

  it('finds who is allowed, by shared policies and by those that look at the caller', () => {
    expect(who('arn:aws:orders:::x')).toEqual([0])
    expect(who('arn:aws:orders:::home/owner/1')).toEqual([0, 1])
    expect(who('arn:aws:orders:::x', 'orders:Put')).toEqual([])
  })

  it('finds nobody for a resource of another account', () => {
    expect(who('arn:aws:orders:::x', 'orders:Get', '999900001111')).toEqual([])
  })

  it('pages', () => {
    const found = index.whoCan({
      action: 'orders:Get',
      resource: 'arn:aws:orders:::home/owner/1',
      context: new Map(),
    })
    expect([found.count, found.list(0, 1), found.list(1, 1)]).toEqual([2, [0], [1]])
  })

  it('says what evaluate says, for every caller', () => {
    const callers = fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'alice'),
        policies: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
        boundary: fc.constantFrom(-1, -1, 4),
      }),
      { minLength: 1, maxLength: 40 },
    )
    const documents = fc.tuple(
      fc.array(document('identity', 3), { minLength: 4, maxLength: 4 }),
      document('boundary', 2),
    )
    // Half of the levels also allow everything, or hardly anybody could do anything.
    const levels = fc.array(
      fc
        .tuple(document('scp', 2), fc.boolean())
        .map(([json, open]) => [...(open ? [scpFullAccess] : []), read(json, 'scp')]),
      { maxLength: 2 },
    )
    const around = fc.record({
      owners: fc.option(
        fc
          .constantFrom('resource' as const, 'resource' as const, 'trust' as const)
          .chain((type) => document(type, 3).map((json) => read(json, type))),
        { nil: undefined },
      ),
      scpLevels: fc.option(levels, { nil: undefined }),
      rcpLevels: fc.option(
        document('rcp', 2).map((json) => [[rcpFullAccess, read(json, 'rcp')]]),
        { nil: undefined },
      ),
      accountId: fc.constantFrom(account, account, '444455556666'),
    })
    const seen = { allowed: 0, byOwners: 0, limited: 0 }
    fc.assert(
      fc.property(
        documents,
        callers,
        asked,
        around,
        ([identity, boundary], some, { action, resource, context }, { accountId, ...layers }) => {
          if (action === 'sts:GetCallerIdentity') return
          const policies = [...identity.map((each) => read(each, 'identity')), read(boundary, 'boundary')]
          const inventory = inventoryOf(policies, some)
          const { owners, scpLevels, rcpLevels } = layers
          const decide = (at: number, limited: boolean) => {
            const { policies: held = [], boundary: limit = -1 } = some[at] ?? {}
            const known = context.has('aws:username') ? [] : [...inventory.known(at)]
            return evaluate({
              principal: inventory.principal(at),
              action,
              resource: { arn: resource.arn, accountId },
              context: new Map([...known, ...context]),
              policies: {
                identity: held.flatMap((policyAt) => policies[policyAt] ?? []),
                boundary: limit < 0 ? undefined : policies[limit],
                ...(owners && { [owners.policy.type]: owners }),
                ...(limited && { scpLevels, rcpLevels }),
              },
            })
          }
          const found = createAccessIndex(inventory).whoCan({
            action,
            resource: resource.arn,
            accountId,
            context,
            ...layers,
          })
          const expected = [...some.keys()].filter((at) => {
            const decision = decide(at, true)
            if (decision.effect !== 'Allow') {
              if (decide(at, false).effect === 'Allow') seen.limited++
              return false
            }
            seen.allowed++
            if (decision.layer === 'resource' || decision.layer === 'trust') seen.byOwners++
            return true
          })
          expect(found.list(0, 100)).toEqual(expected)
          expect(found.count).toBe(expected.length)
        },
      ),
      { numRuns: 2_400 },
    )
    expect(Math.min(seen.allowed, seen.byOwners, seen.limited)).toBeGreaterThan(20)
  }, 240_000)
})

describe('what can', () => {
  const text = (statements: readonly Json[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement: statements })
  const identity = (...statements: readonly Json[]) => {
    const { policy: made } = parsePolicy(
      text(statements.map((each) => ({ Effect: 'Allow', ...each }))),
      'identity',
    )
    if (!made) throw new Error('unreadable')
    return made
  }

  it('lists actions with the classes of resources, and what they depend on', () => {
    const held = identity(
      { Action: 'orders:*', Resource: 'arn:aws:orders:::a/*' },
      { Action: 'orders:Get', Resource: '*', Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } },
      { Effect: 'Deny', Action: 'orders:*', Resource: 'arn:aws:orders:::a/secret/*' },
    )
    const found = whatCan({ identity: [held] }, ['orders:Get', 'orders:Put', 'bills:Get'])
    expect(found?.map(({ action, resources, when, keys }) => ({ action, resources, when, keys }))).toEqual([
      { action: 'orders:Get', resources: ['*'], when: 'conditional', keys: ['aws:MultiFactorAuthPresent'] },
      { action: 'orders:Get', resources: ['arn:aws:orders:::a/*', '*'], when: 'always', keys: [] },
      { action: 'orders:Put', resources: ['arn:aws:orders:::a/*'], when: 'always', keys: [] },
    ])
    for (const { action, example } of found ?? []) expect(`${action} ${example}`).not.toContain('secret')
  })

  it('knows the boundary', () => {
    const held = identity({ Action: '*', Resource: '*' })
    const { policy: boundary } = parsePolicy(
      text([{ Effect: 'Allow', Action: 'bills:*', Resource: '*' }]),
      'boundary',
    )
    expect(
      whatCan({ identity: [held], boundary }, ['orders:Get', 'bills:Get'])?.map(({ action }) => action),
    ).toEqual(['bills:Get'])
  })
})
