import fc from 'fast-check'
import { parsePolicy, rcpFullAccess } from '#policy'
import type { ContextValue, DecisionRequest, DocumentType, PolicyRef, RequestPrincipal } from '#policy'
import { principals } from './case-file.ts'

/**
 * Random policies and requests over a small vocabulary, so that they meet: both versions, every operator family with set
 * prefixes and IfExists, variables with and without values, empty lists, mixed address families and adversarial globs.
 */

export type Json = Record<string, unknown>

const literals = ['a', 'b', 'aa', 'ab', '*', '?', '$', '${aws:username}', 'a/b', 'Ab', ''] as const

/** Text for resources and string values: pieces with stars, question marks, escapes and variables. */
const patternText = (variables: boolean): fc.Arbitrary<string> =>
  fc
    .array(
      fc.constantFrom(
        'a',
        'b',
        'aa',
        'A',
        '*',
        '**',
        '?',
        'a*',
        '*b',
        'aaaa',
        'abab',
        ...(variables
          ? [
              '${aws:username}',
              "${aws:PrincipalTag/Team, 'a'}",
              "${orders:absent, ''}",
              '${*}',
              '${?}',
              '${$}',
              '${aws:TagKeys}',
              '${orders:absent}',
            ]
          : ['$', '{a}']),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(''))

const arn = (rest: string) => `arn:aws:orders:eu:111122223333:${rest}`

const resource = (variables: boolean): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant('*') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('arn:aws:orders:*', 'arn:aws:*:*:111122223333:*', 'arn:aws:orders:*:*:a*'),
    },
    { weight: 5, arbitrary: patternText(variables).map((text) => arn(text === '' ? 'a' : text)) },
  )

const action = fc.constantFrom(
  '*',
  '*:*',
  'orders:*',
  'orders:Get*',
  'orders:?et',
  'orders:Get',
  'ORDERS:get',
  'orders:*t*',
  'bills:*',
  'o*s:Get',
  'sts:*',
  'orders:G.t',
)

const listOf = <T>(each: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> =>
  fc.oneof({ weight: 3, arbitrary: each }, { weight: 2, arbitrary: fc.array(each, { maxLength: 3 }) })

const typedValues: Record<string, fc.Arbitrary<string>> = {
  Numeric: fc.constantFrom('1', '1.0', '-2', '10', '9007199254740993', '9007199254740992'),
  Date: fc.constantFrom(
    '2026',
    '2026-01-01T00:00:00Z',
    '1767225600',
    '2026-01-01T01:00:00+01:00',
    '2026-06-01T00:00:00.5Z',
  ),
  Bool: fc.constantFrom('true', 'false', 'TRUE'),
  Binary: fc.constantFrom('QQ==', 'QR==', 'AQID'),
  IpAddress: fc.constantFrom('10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '::/0', '2001:db8::/32', '10.0.0.0/31'),
  Null: fc.constantFrom('true', 'false'),
}

const operators = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'ArnEquals',
  'ArnLike',
  'ArnNotEquals',
  'ArnNotLike',
  'NumericEquals',
  'NumericNotEquals',
  'NumericLessThan',
  'NumericGreaterThanEquals',
  'DateEquals',
  'DateNotEquals',
  'DateLessThan',
  'DateGreaterThanEquals',
  'Bool',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'Null',
] as const

const keys = [
  'aws:username',
  'signet:UserName',
  'orders:x',
  'ORDERS:Y',
  'aws:TagKeys',
  'aws:PrincipalTag/team',
  'aws:MultiFactorAuthPresent',
]

const condition = (variables: boolean): fc.Arbitrary<Json> =>
  fc
    .record({
      operator: fc.constantFrom(...operators),
      set: fc.constantFrom('', '', 'ForAllValues:', 'ForAnyValue:'),
      ifExists: fc.boolean(),
      key: fc.constantFrom(...keys),
      empty: fc.integer({ min: 0, max: 9 }),
      pick: fc.integer({ min: 0, max: 3 }),
    })
    .chain(({ operator, set, ifExists, key, empty, pick }) => {
      const name = `${set}${operator}${ifExists && operator !== 'Null' ? 'IfExists' : ''}`
      const family = Object.keys(typedValues).find((each) => operator.replace('Not', '').startsWith(each))
      const value: fc.Arbitrary<unknown> = operator.startsWith('Arn')
        ? fc.oneof(fc.constant('*'), patternText(variables).map(arn))
        : family
          ? (typedValues[family] ?? fc.constant(''))
          : patternText(variables)
      const single = operator === 'Bool' || operator === 'Null'
      const mayBeEmpty = set !== '' || (ifExists && operator !== 'Null')
      const values =
        mayBeEmpty && empty === 0
          ? fc.constant<unknown>([])
          : single || pick === 0
            ? value
            : fc.array(value, { minLength: 1, maxLength: 3 })
      return values.map((some): Json => ({ [name]: { [key]: some } }))
    })

const conditions = (variables: boolean): fc.Arbitrary<Json> =>
  fc.array(condition(variables), { maxLength: 2 }).map((some): Json => Object.assign({}, ...some) as Json)

const awsPrincipal = fc.constantFrom(
  '*',

  '111122223333',
  '444455556666',
  'arn:aws:iam::111122223333:root',
  'arn:aws:iam::111122223333:user/alice',
  'arn:aws:iam::111122223333:role/deploy',
  'arn:aws:sts::111122223333:assumed-role/deploy/build-7',

  'arn:aws:sts::111122223333:federated-user/visitor',
  'arn:aws:iam::444455556666:user/bob',
  'AIDAALICE0000000EXAMP',
)

const principal: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.constant('*') },
  { weight: 4, arbitrary: fc.array(awsPrincipal, { maxLength: 4 }).map((AWS) => ({ AWS })) },
  { weight: 1, arbitrary: fc.constant({ Service: 'orders.example.com', AWS: '111122223333' }) },
)

const namedIn = (who: unknown): string[] | undefined => {
  const named = typeof who === 'object' && who !== null && 'AWS' in who ? who.AWS : undefined
  return Array.isArray(named) ? named : undefined
}

/** A statement as it may stand in a document of this type, often with a bias towards matching. */
export function statement(type: DocumentType, variables: boolean): fc.Arbitrary<Json> {
  return fc
    .record({
      Effect: type === 'rcp' ? fc.constant('Deny') : fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
      not: fc.integer({ min: 0, max: 5 }),
      actions: listOf(action),
      resources: listOf(resource(variables)),
      Condition: conditions(variables),
      principal,
    })
    .map(({ Effect, not, actions, resources, Condition, principal: who }) => {
      const trusting = type === 'trust'
      const notPrincipal = type === 'resource' && Effect === 'Deny' && not === 2
      return {
        Effect,
        ...(type === 'resource' && { [notPrincipal ? 'NotPrincipal' : 'Principal']: who }),
        ...(type === 'rcp' && { Principal: '*' }),
        ...(trusting && {
          Principal: { AWS: (namedIn(who) ?? []).filter((each) => each !== '*' || Effect === 'Deny') },
        }),
        [not === 0 && !trusting && type !== 'rcp' ? 'NotAction' : 'Action']: trusting
          ? 'sts:AssumeRole*'
          : actions,
        ...(!trusting && { [not === 1 ? 'NotResource' : 'Resource']: resources }),
        Condition,
      }
    })
}

/** A document of this type, as JSON. */
export function document(type: DocumentType, most = 4): fc.Arbitrary<Json> {
  const mayBeOld = type === 'resource' || type === 'trust'
  return fc
    .constantFrom(...(mayBeOld ? ['2012-10-17', '2008-10-17'] : ['2012-10-17']))
    .chain((Version) =>
      fc
        .array(statement(type, Version === '2012-10-17'), { minLength: 1, maxLength: most })
        .map((Statement) => ({ Version, Statement })),
    )
}

/** Reads a generated document; a document that does not parse is a fault of the generator. */
export function read(json: Json, type: DocumentType, id = 'inline:generated'): PolicyRef {
  const { policy, findings } = parsePolicy(JSON.stringify(json), type)
  if (!policy)
    throw new Error(`${JSON.stringify(json)}: ${findings.map(({ code, path }) => `${code} ${path}`).join()}`)
  return { id, policy }
}

export type Documents = {
  readonly identity: readonly Json[]
  readonly boundary: Json | undefined
  readonly session: readonly Json[]
  readonly resource: Json | undefined
  readonly trust: Json | undefined
  readonly scp: readonly (readonly Json[])[]
  readonly rcp: readonly (readonly Json[])[]
}

const maybe = <T>(each: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(each, { nil: undefined })

const rarely = <T, N>(each: fc.Arbitrary<T>, otherwise: N): fc.Arbitrary<T | N> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(otherwise) }, { weight: 1, arbitrary: each })

/** Half of the documents also allow everything, so that requests get past this layer. */
const withBroad = (type: DocumentType, most: number): fc.Arbitrary<Json> =>
  fc.tuple(document(type, most), fc.boolean()).map(([json, broad]) => ({
    ...json,
    Statement: [
      ...(json['Statement'] as Json[]),
      ...(broad ? [{ Effect: 'Allow', Action: '*', Resource: '*' }] : []),
    ],
  }))

/** Documents of all layers; most requests have few of them. */
export const documents: fc.Arbitrary<Documents> = fc.record({
  identity: fc.oneof(
    { weight: 4, arbitrary: fc.array(withBroad('identity', 4), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.array(document('identity', 14), { minLength: 1, maxLength: 2 }) },
  ),
  boundary: rarely(withBroad('boundary', 2), undefined),
  session: rarely(fc.array(withBroad('session', 2), { maxLength: 2 }), []),
  resource: maybe(document('resource')),
  trust: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: document('trust', 3) },
  ),
  scp: rarely(fc.array(fc.array(withBroad('scp', 2), { minLength: 1, maxLength: 2 }), { maxLength: 2 }), []),
  rcp: rarely(fc.array(fc.array(document('rcp', 1), { maxLength: 1 }), { maxLength: 1 }), []),
})

const contextValue = fc.oneof(
  fc.constantFrom<ContextValue>(...literals),
  fc.constantFrom<ContextValue>(
    '1',
    '1.0',
    '10',
    'true',
    'false',
    '10.1.2.3',
    '::ffff:10.0.0.1',
    '2001:db8::1',
    'QQ==',
  ),
  fc.constantFrom<ContextValue>('2026-01-01T00:00:00Z', '1767225600', arn('a'), arn('a:b'), 'arn:aws:x'),
  fc.array(fc.constantFrom<string>(...literals), { maxLength: 3 }),
)

export const context: fc.Arbitrary<ReadonlyMap<string, ContextValue>> = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'aws:username',
        'orders:X',
        'orders:y',
        'AWS:tagkeys',
        'aws:PrincipalTag/TEAM',
        'aws:MultiFactorAuthPresent',
      ),
      contextValue,
    ),
    { maxLength: 5 },
  )
  .map((entries) => new Map(entries))

export type Asked = {
  readonly principal: RequestPrincipal
  readonly action: string
  readonly resource: { readonly arn: string; readonly accountId?: string }
  readonly context: ReadonlyMap<string, ContextValue>
}

export const asked: fc.Arbitrary<Asked> = fc.record({
  principal: fc.constantFrom(...Object.values(principals)),
  action: fc.constantFrom(
    'orders:Get',
    'orders:Get',
    'ORDERS:GetItem',
    'orders:Put',
    'bills:Get',
    'sts:AssumeRole',
  ),
  resource: fc
    .array(fc.constantFrom('a', 'b', 'aa', 'A', '*', '?', '${aws:username}', '/', 'abab', 'aaaa'), {
      minLength: 1,
      maxLength: 5,
    })
    .map((parts) => ({ arn: arn(parts.join('')) })),
  context,
})

/** The request, with every document read. */
export function requestFrom(who: Asked, from: Documents): DecisionRequest {
  return {
    ...who,
    policies: {
      identity: from.identity.map((json, index) => read(json, 'identity', `inline:${index}`)),
      boundary: from.boundary && read(from.boundary, 'boundary'),
      session: from.session.map((json) => read(json, 'session')),
      resource: from.resource && read(from.resource, 'resource'),
      trust: from.trust && read(from.trust, 'trust'),
      scpLevels: from.scp.map((level) => level.map((json) => read(json, 'scp'))),
      rcpLevels: from.rcp.map((level) => [rcpFullAccess, ...level.map((json) => read(json, 'rcp'))]),
    },
  }
}
