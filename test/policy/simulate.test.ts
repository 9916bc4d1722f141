import { describe, expect, it } from 'vitest'
import {
  contextFromEntries,
  contextKeysOf,
  parsePolicy,
  rcpFullAccess,
  scpFullAccess,
  simulate,
} from '#policy'
import type { DocumentType, RequestPrincipal, SimulatedPolicy, Simulation } from '#policy'

const account = '111122223333'
const alice: RequestPrincipal = {
  kind: 'user',
  accountId: account,
  arn: `arn:aws:iam::${account}:user/alice`,
  uniqueId: 'AIDAALICE00000000000',
}

const document = (type: DocumentType, id: string, json: object | string): SimulatedPolicy => {
  const text = typeof json === 'string' ? json : JSON.stringify({ Version: '2012-10-17', Statement: json })
  const { policy, findings } = parsePolicy(text, type)
  if (!policy) throw new Error(JSON.stringify(findings))
  return { id, policy, text, source: type === 'resource' ? 'resource' : 'none' }
}
const identity = (json: object | string) => document('identity', 'PolicyInputList.1', json)
const everything = { Effect: 'Allow', Action: '*', Resource: '*' }

const run = (simulation: Partial<Simulation> & Pick<Simulation, 'policies'>) =>
  simulate({
    principal: alice,
    actions: ['orders:Get'],
    context: new Map(),
    ownerSide: 'ignored',
    ...simulation,
  })
const first = (simulation: Parameters<typeof run>[0]) => {
  const [result] = run(simulation)
  if (!result) throw new Error('no result')
  return result
}

describe('a simulation', () => {
  it('answers every action on every resource, and * where no resource is named', () => {
    const policies = { identity: [identity({ Effect: 'Allow', Action: 'orders:Get', Resource: '*' })] }
    const results = run({
      policies,
      actions: ['orders:Get', 'orders:Put'],
      resources: ['arn:a:b:c::1', 'arn:a:b:c::2'],
    })
    expect(results.map(({ action, resource, decision }) => [action, resource, decision])).toEqual([
      ['orders:Get', 'arn:a:b:c::1', 'allowed'],
      ['orders:Get', 'arn:a:b:c::2', 'allowed'],
      ['orders:Put', 'arn:a:b:c::1', 'implicitDeny'],
      ['orders:Put', 'arn:a:b:c::2', 'implicitDeny'],
    ])
    expect(first({ policies, resources: [] }).resource).toBe('*')
  })

  it('names the statements that allow, with their places', () => {
    const text = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"orders:*","Resource":"*"}}'
    expect(first({ policies: { identity: [identity(text)] } }).matchedStatements).toEqual([
      {
        policy: 'PolicyInputList.1',
        source: 'none',
        layer: 'identity',
        sid: undefined,
        index: 0,
        start: { line: 1, column: 38 },
        end: { line: 1, column: 90 },
      },
    ])
    const lines =
      '{\n "Version": "2012-10-17",\n "Statement": [\n  {"Effect": "Allow", "Action": "*",\n   "Resource": "*"}]}'
    expect(first({ policies: { identity: [identity(lines)] } }).matchedStatements[0]).toMatchObject({
      start: { line: 4, column: 4 },
      end: { line: 5, column: 20 },
    })
  })

  it('names only the Deny where one applies', () => {
    const result = first({
      policies: {
        identity: [identity([everything, { Sid: 'No', Effect: 'Deny', Action: 'orders:*', Resource: '*' }])],
      },
    })
    expect(result.decision).toBe('explicitDeny')
    expect(result.matchedStatements.map(({ sid }) => sid)).toEqual(['No'])
  })

  it('lists the keys that are asked for and missing, and no longer when they are given', () => {
    const policies = {
      identity: [
        identity([
          {
            Effect: 'Allow',
            Action: 'orders:Get',
            Resource: 'arn:aws:orders:::${aws:username}/*',
            Condition: { Bool: { 'aws:SecureTransport': 'true' } },
          },
          {
            Effect: 'Allow',
            Action: 'bills:*',
            Resource: '*',
            Condition: { Null: { 'bills:kind': 'true' } },
          },
        ]),
      ],
    }
    const resources = ['arn:aws:orders:::alice/1']
    expect(first({ policies, resources }).missingContextValues).toEqual([
      'aws:username',
      'aws:SecureTransport',
    ])
    const context = new Map([['AWS:SecureTransport', 'true']])
    const known = new Map([
      ['aws:username', 'alice'],
      ['aws:SecureTransport', 'false'],
    ])
    const result = first({ policies, resources, context, known })
    expect([result.decision, result.missingContextValues]).toEqual(['allowed', []])
    expect(contextKeysOf(policies.identity.map(({ policy }) => policy))).toEqual([
      'aws:username',
      'aws:SecureTransport',
      'bills:kind',
    ])
  })

  it('says what the boundary and the guard-rails have to say', () => {
    const policies = { identity: [identity(everything)] }
    expect(first({ policies })).not.toHaveProperty('allowedByPermissionsBoundary')
    expect(first({ policies })).not.toHaveProperty('allowedByOrganizations')
    const boundary = document('boundary', 'PermissionsBoundaryPolicyInputList.1', {
      Effect: 'Allow',
      Action: 'bills:*',
      Resource: '*',
    })
    expect(first({ policies: { ...policies, boundary } })).toMatchObject({
      decision: 'implicitDeny',
      allowedByPermissionsBoundary: false,
      matchedStatements: [],
    })
    const full = { ...scpFullAccess, source: 'none', text: '' } as const
    const open = { ...rcpFullAccess, source: 'none', text: '' } as const
    const narrow = document('scp', 'p-1', { Effect: 'Allow', Action: 'bills:*', Resource: '*' })
    const rails = (level: SimulatedPolicy) => ({
      ...policies,
      scpLevels: [[full], [level]],
      rcpLevels: [[open]],
    })
    expect(first({ policies: rails(narrow) })).toMatchObject({
      decision: 'implicitDeny',
      allowedByOrganizations: false,
    })
    expect(first({ policies: rails(full) })).toMatchObject({
      decision: 'allowed',
      allowedByOrganizations: true,
    })
  })

  it('a session policy limits', () => {
    const session = [document('session', 'session:1', { Effect: 'Allow', Action: 'bills:*', Resource: '*' })]
    expect(first({ policies: { identity: [identity(everything)], session } })).toMatchObject({
      decision: 'implicitDeny',
      layer: 'session',
    })
  })

  it('across accounts both sides speak, and each is told', () => {
    const foreign = ['arn:aws:orders:eu:999900001111:order/1']
    const policies = { identity: [identity(everything)] }
    expect(first({ policies, resources: foreign }).decision).toBe('allowed')
    expect(first({ policies, resources: foreign, ownerSide: 'simulated' })).toMatchObject({
      decision: 'implicitDeny',
      decisionDetails: { 'IAM Policy': 'allowed' },
    })
    const resource = document('resource', 'resource', {
      Effect: 'Allow',
      Principal: { AWS: account },
      Action: 'orders:*',
      Resource: '*',
    })
    expect(first({ policies: { ...policies, resource }, resources: foreign })).toMatchObject({
      decision: 'allowed',
      decisionDetails: { 'IAM Policy': 'allowed', 'Resource Policy': 'allowed' },
    })
    // An ARN without an account belongs to the owner that is named, and otherwise to the caller.
    const bucket = ['arn:aws:orders:::order/1']
    expect(first({ policies: { ...policies, resource }, resources: bucket }).decisionDetails).toEqual({})
    expect(
      first({ policies: { ...policies, resource }, resources: bucket, resourceOwner: '999900001111' })
        .decisionDetails,
    ).toEqual({ 'IAM Policy': 'allowed', 'Resource Policy': 'allowed' })
    expect(first({ policies })).not.toHaveProperty('decisionDetails')
  })

  it('a role of another account is assumed by its trust policy and the caller’s own', () => {
    const trust = document('trust', 'trust', {
      Effect: 'Allow',
      Principal: { AWS: account },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'sts:ExternalId': 'x1' } },
    })
    const asked = {
      policies: { identity: [identity(everything)], trust },
      actions: ['sts:AssumeRole'],
      resources: ['arn:aws:iam::999900001111:role/deploy'],
    }
    expect(first(asked)).toMatchObject({ decision: 'implicitDeny', missingContextValues: ['sts:ExternalId'] })
    expect(first({ ...asked, context: new Map([['sts:ExternalId', 'x1']]) })).toMatchObject({
      decision: 'allowed',
    })
  })
})

describe('context entries', () => {
  it('become single or multivalued keys by their type', () => {
    expect(
      contextFromEntries([
        { name: 'aws:SourceIp', type: 'ip', values: ['10.0.0.1'] },
        { name: 'aws:TagKeys', type: 'stringList', values: ['a'] },
      ]),
    ).toEqual({
      context: new Map<string, unknown>([
        ['aws:SourceIp', '10.0.0.1'],
        ['aws:TagKeys', ['a']],
      ]),
    })
  })

  it.each([
    ['an unknown type', { name: 'aws:x', type: 'text', values: ['a'] }, 'text is no type'],
    [
      'a type of the prototype',
      { name: 'aws:x', type: 'constructor', values: ['a'] },
      'constructor is no type',
    ],
    ['a name without prefix', { name: 'x', type: 'string', values: ['a'] }, 'is not the name'],
    ['a number that is none', { name: 'aws:x', type: 'numeric', values: ['ten'] }, 'not of the type numeric'],
    [
      'a date in a list that is none',
      { name: 'aws:x', type: 'dateList', values: ['soon'] },
      'not of the type dateList',
    ],
    ['several values of one', { name: 'aws:x', type: 'string', values: ['a', 'b'] }, 'takes one value'],
  ])('refuse %s', (_, entry, message) => {
    expect(contextFromEntries([entry])).toEqual({ problem: expect.stringContaining(message) as string })
  })

  it('refuse one key in two spellings', () => {
    const entry = { type: 'string', values: ['a'] }
    expect(
      contextFromEntries([
        { name: 'aws:x', ...entry },
        { name: 'signet:X', ...entry },
      ]),
    ).toHaveProperty('problem')
  })
})
