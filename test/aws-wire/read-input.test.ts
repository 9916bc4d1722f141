import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isFailure } from '#kernel'
import {
  callNameOf,
  iam,
  operationNamed,
  readInput,
  readParameterBytes,
  readParameters,
  sts,
} from '#aws-wire'

const role = 'RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FDeploy&RoleSessionName=ci'
const assumeRole = (text: string) => readInput(sts, 'AssumeRole', readParameters(text))

describe('reads', () => {
  it('scalars, numbers, nested lists and the lower-case arn', () => {
    const input = assumeRole(
      `${role}&DurationSeconds=900&Tags.member.1.Key=team&Tags.member.1.Value=a+b%2Bc&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/X`,
    )
    expect(input).toEqual({
      RoleArn: 'arn:aws:iam::111122223333:role/Deploy',
      RoleSessionName: 'ci',
      DurationSeconds: 900,
      Tags: [{ Key: 'team', Value: 'a b+c' }],
      PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/X' }],
    })
  })

  it('lists with gaps by the number of the element, not by its text', () => {
    const input = assumeRole(
      `${role}&TransitiveTagKeys.member.10=c&TransitiveTagKeys.member.2=b&TransitiveTagKeys.member.1=a`,
    )
    expect(input.TransitiveTagKeys).toEqual(['a', 'b', 'c'])
  })

  it('a bare list name with an empty value as an empty list, not as a missing one', () => {
    const parameters = readParameters('OpenIDConnectProviderArn=arn:aws:iam::1:oidc/exa&ThumbprintList=')
    expect(readInput(iam, 'UpdateOpenIDConnectProviderThumbprint', parameters).ThumbprintList).toEqual([])
  })

  it('parameters it does not know as if they were absent', () => {
    expect(assumeRole(`${role}&NewMember=1&NewMember=2&Other.member.1.X=y`)).toEqual(assumeRole(role))
  })

  it('astral characters where the pattern of the model allows them', () => {
    expect(
      assumeRole(`RoleArn=arn:aws:iam::111122223333:role/%F0%9F%98%80&RoleSessionName=ci`).RoleArn,
    ).toContain('😀')
  })

  it('names that are also names of Object.prototype as nothing special', () => {
    expect(assumeRole(`${role}&__proto__.polluted=1&constructor=x`)).toEqual(assumeRole(role))
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('refuses', () => {
  it('with all violations in one message', () => {
    expect(() => assumeRole(`RoleArn=short&RoleSessionName=${'x'.repeat(65)}&DurationSeconds=1`)).toThrow(
      "3 validation errors detected: Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; " +
        `Value '${'x'.repeat(65)}' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64; ` +
        "Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    )
  })

  const broken: readonly (readonly [string, string, string])[] = [
    [
      'a missing member',
      'RoleSessionName=ci',
      "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
    ],
    ['a missing nested member', `${role}&Tags.member.1.Key=a`, "Value null at 'tags.1.member.value' failed"],
    [
      'a pattern',
      `${role}&ExternalId=%3Cb%3E`,
      "Value '<b>' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
    ],
    [
      'a number that is none',
      `${role}&DurationSeconds=1e3`,
      "'durationSeconds' failed to satisfy constraint: Member must be an integer",
    ],
    ['a number beyond 32 bits', `${role}&DurationSeconds=99999999999`, 'Member must be an integer'],
    [
      'a list that is too long',
      `${role}&${Array.from({ length: 51 }, (_, n) => `TransitiveTagKeys.member.${n + 1}=k`).join('&')}`,
      "at 'transitiveTagKeys' failed to satisfy constraint: Member must have length less than or equal to 50",
    ],
    ['a scalar given twice', `${role}&RoleSessionName=other`, 'given more than once'],
    ['an element without a number', `${role}&Tags.member.01.Key=a`, 'element without a number'],
  ]
  for (const [title, text, message] of broken) {
    it(title, () => expect(() => assumeRole(text)).toThrow(message))
  }

  it('a value outside its enum, and a Boolean that is none', () => {
    const update = (text: string) => readInput(iam, 'UpdateAccessKey', readParameters(text))
    expect(() => update('AccessKeyId=AKIAAAAAAAAAAAAAAAAA&Status=On')).toThrow(
      'Member must satisfy enum value set: [Active, Inactive',
    )
    const policy = readParameters(
      'PolicyArn=arn:aws:iam::1:policy/Abcdef&PolicyDocument=%7B%7D&SetAsDefault=yes',
    )
    expect(() => readInput(iam, 'CreatePolicyVersion', policy)).toThrow("Value 'yes' at 'setAsDefault'")
  })

  it('without repeating what a sensitive member holds', () => {
    const input = () =>
      readInput(sts, 'AssumeRoleWithWebIdentity', readParameters(`${role}&WebIdentityToken=abc`))
    expect(input).toThrow(
      "Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater",
    )
    expect(input).not.toThrow('abc')
  })

  it('broken encoding, NUL characters, bytes that are not UTF-8, too many and too deep names', () => {
    for (const text of ['a=%zz', '%00=a', 'a=%00', `${'a.'.repeat(20)}b=1`, 'a=1&'.repeat(10_001)]) {
      expect(() => readParameters(text)).toThrow(
        expect.objectContaining({ reason: 'aws-wire/malformed-query' }),
      )
    }
    expect(() => readParameterBytes(Uint8Array.of(0xff))).toThrow(
      expect.objectContaining({ reason: 'aws-wire/malformed-query' }),
    )
  })

  it('an action of another version and names that Object.prototype has', () => {
    for (const text of [
      'Action=GetUser&Version=2011-06-15',
      'Action=toString&Version=2011-06-15',
      'Action=X',
    ]) {
      const name = callNameOf(readParameters(text))
      if (name === undefined) throw new Error('no name')
      expect(() => operationNamed(sts, name)).toThrow(
        expect.objectContaining({ reason: 'aws-wire/unknown-action' }),
      )
    }
    expect(callNameOf(readParameters('a=b'))).toBeUndefined()
  })
})

describe('whatever comes', () => {
  const operations = [
    ...Object.keys(iam.operations).map((name) => [iam, name] as const),
    ...Object.keys(sts.operations).map((name) => [sts, name] as const),
  ]
  const names = [
    ...new Set(
      [iam, sts]
        .flatMap((model) => Object.values(model.shapes))
        .flatMap((shape) => ('members' in shape ? Object.keys(shape.members) : [])),
    ),
  ]
  const key = fc
    .array(
      fc.oneof(
        fc.constantFrom(...names),
        fc.constantFrom('member', 'entry', 'key', 'value', '1', '2', '01', ''),
      ),
      {
        minLength: 1,
        maxLength: 6,
      },
    )
    .map((steps) => steps.join('.'))

  it('every operation reads an empty and a garbage request with an input or a refusal, never with a bug', () => {
    const run = (model: typeof iam | typeof sts, name: string, text: string) => {
      try {
        readInput(model, name as never, readParameters(text))
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown
      }
    }
    for (const [model, name] of operations) run(model, name, '')
    fc.assert(
      fc.property(
        fc.constantFrom(...operations),
        fc.array(fc.tuple(key, fc.string())),
        ([model, name], pairs) =>
          run(model, name, pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')),
      ),
      { numRuns: 500 },
    )
  })
})
