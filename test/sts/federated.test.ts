import { AssumeRoleWithSAMLCommand, AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { createUser, updateUser, type User } from '#directory'
import {
  authorize,
  putInlinePolicy,
  putOidcProvider,
  putSamlProvider,
  removeSamlProvider,
  type Role,
} from '#iam'

import { sessionCaller } from '#src/sts/callers.ts'

import { credentialsOf } from '../support/federated.ts'
import { fixedClock, home } from '../support/fixtures.ts'
import { foreignIdp, type Mint } from '../support/saml-idp.ts'
import {
  bugs,
  document,
  refusal,
  samlEntityId,
  startSts,
  type Credentials,
  type StsServer,
} from './harness.ts'

const clock = fixedClock()
const seconds = () => Math.floor(clock().epochMilliseconds / 1000)
const nobody: Credentials = { accessKeyId: '', secretAccessKey: '' }
let server: StsServer

beforeAll(async () => {
  server = await startSts(clock, ['127.0.0.1'])
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('AssumeRoleWithWebIdentity', () => {
  let issuer = ''
  let issuerServer: Server
  let role: Role
  let sign: (change?: JWTPayload) => Promise<string>

  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }
    issuerServer = createServer((request, response) => {
      const found = request.url?.includes('openid-configuration')
        ? { issuer, jwks_uri: `${issuer}/jwks` }
        : { keys: [jwk] }
      response.end(JSON.stringify(found))
    })
    await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve))
    issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`
    const arn = await putOidcProvider(server.database, clock, {
      accountId: home,
      url: issuer,
      clientIds: ['sts.acme'],
    })
    role = await server.role('Pipeline', {
      Effect: 'Allow',
      Principal: { Federated: arn },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: { StringLike: { [`${issuer.slice(7)}:sub`]: 'repo:acme/*' } },
    })
    sign = (change = {}) =>
      new SignJWT({
        iss: issuer,
        sub: 'repo:acme/app',
        aud: 'sts.acme',
        iat: seconds(),
        exp: seconds() + 300,
        ...change,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .sign(privateKey)
  })
  afterAll(() => new Promise((resolve) => issuerServer.close(resolve)))

  const trade = (token: string, RoleArn = role.arn) =>
    server
      .client(nobody)
      .send(
        new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'run-7', WebIdentityToken: token }),
      )

  it('trades a token of another issuer for a session that outlives it', async () => {
    const answer = await trade(`${await sign()}\n`)
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: 'repo:acme/app',
      Provider: issuer,
      Audience: 'sts.acme',
      AssumedRoleUser: { Arn: `arn:aws:sts::${home}:assumed-role/Pipeline/run-7` },
    })
    expect(answer.Credentials?.Expiration?.getTime()).toBe(clock().epochMilliseconds + 3_600_000)
    expect(await server.identityOf(credentialsOf(answer))).toContain('assumed-role/Pipeline/run-7')
    expect((await server.events('AssumeRoleWithWebIdentity')).at(-1)).toMatchObject({
      userIdentity: { type: 'WebIdentityUser', userName: 'repo:acme/app' },
    })
    expect(JSON.stringify(await server.events('AssumeRoleWithWebIdentity'))).not.toContain(await sign())
  })

  it('refuses what the trust policy does not allow, and a role that is not there, in the same words', async () => {
    const words = '403 AccessDenied Not authorized to perform sts:AssumeRoleWithWebIdentity'
    expect(await refusal(trade(await sign({ sub: 'repo:evil/app' })))).toBe(words)
    expect(await refusal(trade(await sign(), `arn:aws:iam::${home}:role/Missing`))).toBe(words)
    const sourced = await sign({ 'https://aws.amazon.com/source_identity': 'bob' })
    expect(await refusal(trade(sourced))).toBe(
      '403 AccessDenied Not authorized to perform sts:SetSourceIdentity',
    )
  })

  it('tells a token that is over, one for somebody else, and one of nobody known apart', async () => {
    expect(await refusal(trade(await sign({ exp: seconds() - 100 })))).toMatch(/^400 ExpiredTokenException/)
    expect(await refusal(trade(await sign({ aud: 'other' })))).toMatch(/^400 InvalidIdentityToken/)
    expect(await refusal(trade(await sign({ iss: 'https://nobody.example.com' })))).toMatch(
      /^400 InvalidIdentityToken/,
    )
    expect(await refusal(trade('not.a.token'))).toMatch(/^400 InvalidIdentityToken/)
    expect(await refusal(trade(await sign(), 'arn:aws:iam::999999999999:role/Pipeline'))).toMatch(
      /^400 InvalidIdentityToken/,
    )
    expect(await refusal(trade(await sign(), 'arn:aws:s3:::bucket-of-somebody'))).toMatch(
      /^400 ValidationError/,
    )
  })

  it('says that an issuer cannot be reached, so that clients try again', async () => {
    const gone = 'http://127.0.0.1:9'
    await putOidcProvider(server.database, clock, { accountId: home, url: gone, clientIds: ['sts.acme'] })
    expect(await refusal(trade(await sign({ iss: gone })))).toMatch(/^400 IDPCommunicationError/)
  })

  it('takes session tags from the token where the trust policy lets it, and refuses impossible ones', async () => {
    const tagged = (principal_tags: object) => sign({ 'https://aws.amazon.com/tags': { principal_tags } })
    const { accessKeyId, sessionToken } = credentialsOf(await trade(await tagged({ Project: ['x'] })))
    expect(server.sts.tokens.open(accessKeyId, sessionToken ?? '').claims.tags).toEqual([
      { key: 'Project', value: 'x' },
    ])
    for (const bad of [{ a: ['1', '2'] }, { a: ['1'], A: ['2'] }, { 'a<b': ['1'] }]) {
      expect(await refusal(trade(await tagged(bad)))).toMatch(/^400 InvalidIdentityToken/)
    }
  })

  describe('with an ID token of our own', () => {
    const own = 'http://localhost:4000'
    let person: User
    let ownRole: Role
    const idToken = (sub: string, typ?: string) => {
      const key = server.keys.active('oidc', 'ES256')
      return new SignJWT({ iss: own, sub, aud: 'portal', iat: seconds(), exp: seconds() + 300 })
        .setProtectedHeader({ alg: 'ES256', kid: key.kid, ...(typ === undefined ? {} : { typ }) })
        .sign(key.privateKey)
    }

    beforeAll(async () => {
      person = await createUser(server.database, clock, { accountId: home, name: 'carol' })
      const arn = await putOidcProvider(server.database, clock, {
        accountId: home,
        url: own,
        clientIds: ['portal'],
      })
      ownRole = await server.role('Own', {
        Effect: 'Allow',
        Principal: { Federated: arn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { 'localhost:4000:aud': 'portal' } },
      })
    })

    it('asks nobody for the keys, and the session dies with the user', async () => {
      const session = credentialsOf(await trade(await idToken(person.userId), ownRole.arn))
      expect(await server.identityOf(session)).toContain('assumed-role/Own/run-7')
      const held = await idToken(person.userId)
      await updateUser(server.database, person.userId, { status: 'disabled' })
      await server.epochs.catchUp()
      expect(await refusal(server.identityOf(session))).toMatch(/^403 ExpiredToken/)
      expect(await refusal(trade(held, ownRole.arn))).toMatch(/^403 AccessDenied/)
    })

    it('does not take an access token or a token about nobody', async () => {
      expect(await refusal(trade(await idToken(person.userId, 'at+jwt'), ownRole.arn))).toMatch(
        /^400 InvalidIdentityToken/,
      )
      expect(await refusal(trade(await idToken('somebody-else'), ownRole.arn))).toMatch(/^403 AccessDenied/)
    })
  })
})

describe('AssumeRoleWithSAML', () => {
  const idp = foreignIdp()
  const recipient = 'http://localhost:4000/saml/aws'
  const attribute = (name: string) => `https://aws.amazon.com/SAML/Attributes/${name}`
  let provider = ''
  let role: Role

  beforeAll(async () => {
    provider = await putSamlProvider(server.database, clock, {
      accountId: home,
      name: 'corp',
      metadata: idp.metadata,
    })
    role = await server.role(
      'Federated',
      {
        Effect: 'Allow',
        Principal: { Federated: provider },
        Action: ['sts:AssumeRoleWithSAML', 'sts:TagSession'],
        Condition: {
          StringEquals: { 'saml:aud': recipient },
          'ForAnyValue:StringEquals': { 'saml:edupersonaffiliation': 'staff' },
        },
      },
      { maxSessionSeconds: 7_200 },
    )
  })

  const mint = (attributes: Readonly<Record<string, readonly string[]>> = {}, more: Partial<Mint> = {}) =>
    idp.mint({
      recipient,
      now: clock(),
      attributes: {
        [attribute('Role')]: [`${provider},${role.arn}`],
        [attribute('RoleSessionName')]: ['alice@acme'],
        'urn:oid:1.3.6.1.4.1.5923.1.1.1.1': ['member', 'staff'],
        ...attributes,
      },
      ...more,
    })
  const trade = (
    SAMLAssertion: string,
    more: { RoleArn?: string; PrincipalArn?: string; DurationSeconds?: number } = {},
  ) =>
    server
      .client(nobody)
      .send(
        new AssumeRoleWithSAMLCommand({ RoleArn: role.arn, PrincipalArn: provider, SAMLAssertion, ...more }),
      )

  it('trades an assertion of another identity provider for a session', async () => {
    const answer = await trade(
      mint({ [attribute('PrincipalTag:team')]: ['blue'], [attribute('TransitiveTagKeys')]: ['team'] }),
    )
    expect(answer).toMatchObject({
      Subject: 'alice',
      SubjectType: 'persistent',
      Issuer: idp.entityId,
      Audience: recipient,
      AssumedRoleUser: { Arn: `arn:aws:sts::${home}:assumed-role/Federated/alice@acme` },
    })
    expect(answer.NameQualifier).toMatch(/^[A-Za-z0-9+/]{27}=$/)
    const session = credentialsOf(answer)
    expect(await server.identityOf(session)).toContain('assumed-role/Federated/alice@acme')
    expect(server.sts.tokens.open(session.accessKeyId, session.sessionToken ?? '').claims).toMatchObject({
      tags: [{ key: 'team', value: 'blue' }],
      transitiveTagKeys: ['team'],
      federatedProvider: provider,
    })
  })

  it('is known by its subject to the policies of the role on every later request', async () => {
    const policy = (sub: string) =>
      putInlinePolicy(
        server.database,
        role.roleId,
        'subject',
        document({
          Effect: 'Allow',
          Action: 'orders:Get',
          Resource: '*',
          Condition: { StringEquals: { 'saml:sub': sub } },
        }),
      )
    const session = credentialsOf(await trade(mint({}, { assertionId: '_sub' })))
    const may = async () => {
      const { claims } = server.sts.tokens.open(session.accessKeyId, session.sessionToken ?? '')
      const caller = await sessionCaller(server.sts, session.accessKeyId, claims)
      if (caller === undefined) throw new Error('no caller')
      const from = { id: 'r', at: clock(), ip: '203.0.113.9', userAgent: 'test', secure: true }
      return (await authorize(server.sts, { caller, action: 'orders:Get', resource: { arn: '*' }, from }))
        .effect
    }
    await policy('alice')
    expect(await may()).toBe('Allow')
    await policy('bob')
    expect(await may()).toBe('Deny')
  })

  it('lets the assertion shorten the session, never lengthen it', async () => {
    const lasts = async (made: string, DurationSeconds?: number) =>
      ((
        await trade(made, DurationSeconds === undefined ? {} : { DurationSeconds })
      ).Credentials?.Expiration?.getTime() ?? 0) /
        1000 -
      seconds()
    expect(await lasts(mint({}, { assertionId: '_l1' }), 7_200)).toBe(7_200)
    expect(
      await lasts(mint({ [attribute('SessionDuration')]: ['900'] }, { assertionId: '_l2' }), 7_200),
    ).toBe(900)
    const ends = { assertionId: '_l3', sessionNotOnOrAfter: clock().add({ seconds: 1_200 }) }
    expect(await lasts(mint({}, ends))).toBe(1_200)
    expect(await refusal(trade(mint({}, { assertionId: '_l4' }), { DurationSeconds: 7_201 }))).toMatch(
      /^400 ValidationError The requested DurationSeconds exceeds/,
    )
  })

  it('refuses with the codes clients know', async () => {
    const table: readonly (readonly [string, RegExp])[] = [
      [idp.mint({ recipient, now: clock(), sign: 'none' }), /^400 InvalidIdentityToken/],
      [foreignIdp().mint({ recipient, now: clock() }), /^400 InvalidIdentityToken/],
      ['PHg+', /^400 InvalidIdentityToken/],
      [mint({}, { recipient: 'https://signin.aws.amazon.com/saml' }), /^400 InvalidIdentityToken/],
      [mint({}, { now: clock().subtract({ minutes: 20 }) }), /^400 ExpiredTokenException/],
      [
        mint({}, { now: clock().subtract({ minutes: 7 }), assertionId: '_old' }),
        /^400 ExpiredTokenException Token must be redeemed within 5 minutes of issuance/,
      ],
      [
        mint({ [attribute('RoleSessionName')]: [] }),
        /^400 InvalidIdentityTokenException RoleSessionName is required in AuthnResponse/,
      ],
      [
        mint({ [attribute('RoleSessionName')]: ['a b'] }),
        /^400 InvalidIdentityTokenException RoleSessionName in AuthnResponse must match/,
      ],
      [mint({ [attribute('SessionDuration')]: ['1'] }), /^400 InvalidIdentityToken/],
      [
        mint({ [attribute('SourceIdentity')]: ['aws:x'] }),
        /^400 InvalidIdentityTokenException Source Identity must match/,
      ],
      [
        mint({ [attribute('SourceIdentity')]: ['alice'] }),
        /^403 AccessDenied Not authorized to perform sts:SetSourceIdentity/,
      ],
      [mint({ [attribute('PrincipalTag:a')]: ['1', '2'] }), /^400 InvalidIdentityToken/],
      [
        mint({ [attribute('Role')]: [`${role.arn}x,${provider}`] }),
        /^403 AccessDenied Not authorized to perform sts:AssumeRoleWithSAML/,
      ],
      [
        mint({ 'urn:oid:1.3.6.1.4.1.5923.1.1.1.1': ['member'] }),
        /^403 AccessDenied Not authorized to perform sts:AssumeRoleWithSAML/,
      ],
    ]
    for (const [made, expected] of table) expect(await refusal(trade(made))).toMatch(expected)
    expect(await refusal(trade(mint(), { PrincipalArn: `${provider}-none` }))).toMatch(
      /^400 InvalidIdentityTokenException Specified provider doesn't exist/,
    )
  })

  it('is not a fountain: one assertion opens a role ten times at most', async () => {
    const made = mint({}, { assertionId: '_often' })
    for (let use = 0; use < 10; use++) expect(await refusal(trade(made))).toBe('accepted')
    expect(await refusal(trade(made))).toMatch(/^400 ExpiredTokenException/)
  })

  it('takes an assertion for our entity ID as audience, and none of a removed provider', async () => {
    expect(await refusal(trade(mint({}, { audience: samlEntityId, assertionId: '_e' })))).toBe('accepted')
    await removeSamlProvider(server.database, provider)
    expect(await refusal(trade(mint({}, { assertionId: '_f' })))).toMatch(/^400 InvalidIdentityToken/)
    await putSamlProvider(server.database, clock, { accountId: home, name: 'corp', metadata: idp.metadata })
  })
})
