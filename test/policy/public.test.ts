import { describe, expect, it } from 'vitest'
import { checkNoPublicAccess, evaluate, parsePolicy } from '#policy'
import type { DocumentType } from '#policy'

const home = '111122223333'
const read = (type: DocumentType, ...statements: readonly object[]) => {
  const { policy, findings } = parsePolicy(
    JSON.stringify({ Version: '2012-10-17', Statement: statements }),
    type,
  )
  if (!policy) throw new Error(JSON.stringify(findings))
  return policy
}
const everybody = { Effect: 'Allow', Principal: '*', Action: 'orders:Get', Resource: '*' }
const when = (Condition: object) => checkNoPublicAccess(read('resource', { ...everybody, Condition })).result
const trusting = (...statements: readonly object[]) =>
  checkNoPublicAccess(
    read('trust', ...statements.map((each) => ({ Effect: 'Allow', Action: 'sts:AssumeRole', ...each }))),
  ).result

describe('CheckNoPublicAccess', () => {
  it('fails a policy for everybody with a request of a stranger that the engine allows', () => {
    const found = checkNoPublicAccess(read('resource', everybody))
    if (found.result !== 'FAIL') throw new Error(found.result)
    expect(JSON.stringify(found.counterexample.principal)).not.toContain(home)
    expect(evaluate(found.counterexample.replay.after).effect).toBe('Allow')
  })

  it('passes named principals, accounts, services, and a Deny for everybody', () => {
    const named = { AWS: [home, `arn:aws:iam::${home}:user/alice`], Service: 'queue.example.com' }
    expect(checkNoPublicAccess(read('resource', { ...everybody, Principal: named })).result).toBe('PASS')
    expect(checkNoPublicAccess(read('resource', { ...everybody, Effect: 'Deny' })).result).toBe('PASS')
    const shut = { ...everybody, Effect: 'Deny', Action: '*' }
    expect(checkNoPublicAccess(read('resource', everybody, shut)).result).toBe('PASS')
  })

  it.each<[string, object]>([
    ['an organization', { StringEquals: { 'aws:PrincipalOrgID': 'o-acme' } }],
    ['paths of an organization', { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': 'o-acme/*' } }],
    ['an account', { StringEquals: { 'aws:PrincipalAccount': home } }],
    ['roles of an account', { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${home}:role/*` } }],
    ['roles of an account, as text', { StringLike: { 'aws:PrincipalArn': `arn:aws:iam::${home}:role/*` } }],
    ['a source', { ArnEquals: { 'aws:SourceArn': `arn:aws:sns:eu:${home}:topic` } }],
    ['sessions of a role', { StringLike: { 'aws:userid': 'AROAEXAMPLEID1234567:*' } }],
    ['a network', { IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '2001:db8::/48'] } }],
    ['two networks side by side', { IpAddress: { 'aws:SourceIp': ['20.0.0.0/8', '21.0.0.0/8'] } }],
    ['an endpoint', { StringEquals: { 'aws:SourceVpce': 'vpce-1' } }],
    ['services of AWS', { Bool: { 'aws:PrincipalIsAWSService': 'true' } }],
  ])('passes everybody from %s', (_, condition) => {
    expect(when(condition)).toBe('PASS')
  })

  it.each<[string, object]>([
    ['an address range that is as good as all', { IpAddress: { 'aws:SourceIp': '0.0.0.0/1' } }],
    ['everywhere but one network', { NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }],
    ['a role name in any account', { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/admin' } }],
    ['accounts that begin alike', { StringLike: { 'aws:PrincipalAccount': '1111*' } }],
    ['accounts other than one', { StringNotEquals: { 'aws:PrincipalAccount': home } }],
    ['an organization if there is one', { StringEqualsIfExists: { 'aws:PrincipalOrgID': 'o-acme' } }],
    ['an agent', { StringEquals: { 'aws:UserAgent': 'acme-cli' } }],
    ['a referer', { StringLike: { 'aws:Referer': 'https://acme.example/*' } }],
    ['a tag, which everybody sets in the own account', { StringEquals: { 'aws:PrincipalTag/team': 'red' } }],
    [
      'all values of a set, which may be empty',
      { 'ForAllValues:StringEquals': { 'aws:PrincipalOrgPaths': 'o-acme/' } },
    ],
    ['TLS', { Bool: { 'aws:SecureTransport': 'true' } }],
  ])('fails everybody with %s', (_, condition) => {
    expect(when(condition)).toBe('FAIL')
  })

  it('looks at the Deny that keeps strangers out', () => {
    const fence = (Condition: object) => ({
      Effect: 'Deny',
      Principal: '*',
      Action: '*',
      Resource: '*',
      Condition,
    })
    const outside = { StringNotEquals: { 'aws:PrincipalOrgID': 'o-acme' } }
    expect(checkNoPublicAccess(read('resource', everybody, fence(outside))).result).toBe('PASS')
    const weak = { StringNotEqualsIfExists: { 'aws:UserAgent': 'acme-cli' } }
    expect(checkNoPublicAccess(read('resource', everybody, fence(weak))).result).toBe('FAIL')
  })

  it('judges whom a role trusts', () => {
    expect(trusting({ Principal: { AWS: home } })).toBe('PASS')
    const open = { Principal: { AWS: '*' } }
    expect(trusting({ ...open, Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-acme' } } })).toBe(
      'PASS',
    )
    const guessed = {
      ...open,
      Condition: { StringLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/deploy' } },
    }
    expect(trusting(guessed)).toBe('FAIL')
  })

  it('tokens that anybody gets are public until the owner is named', () => {
    const github = 'token.actions.githubusercontent.com'
    const web = (Condition: object) =>
      trusting({
        Principal: { Federated: `arn:aws:iam::${home}:oidc-provider/${github}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition,
      })
    const aud = { StringEquals: { [`${github}:aud`]: 'sts.amazonaws.com' } }
    expect(web(aud)).toBe('FAIL')
    expect(web({ ...aud, StringLike: { [`${github}:sub`]: 'repo:*' } })).toBe('FAIL')
    expect(web({ ...aud, StringLike: { [`${github}:sub`]: 'repo:acme/*:ref:refs/heads/main' } })).toBe('PASS')
    expect(web({ StringEquals: { [`${github}:sub`]: 'repo:acme/shop:ref:refs/heads/main' } })).toBe('PASS')
    const own = { Federated: `arn:aws:iam::${home}:oidc-provider/login.acme.example` }
    expect(trusting({ Principal: own, Action: 'sts:AssumeRoleWithWebIdentity' })).toBe('PASS')
  })

  it('does not know of documents without principals', () => {
    expect(
      checkNoPublicAccess(read('identity', { Effect: 'Allow', Action: '*', Resource: '*' })).result,
    ).toBe('UNKNOWN')
  })
})
