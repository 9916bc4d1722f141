import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetSessionTokenCommand,
  GetWebIdentityTokenCommand,
  STSClient,
  type GetWebIdentityTokenCommandInput,
} from '@aws-sdk/client-sts'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { listEvents } from '#audit'
import {
  createRole,
  disableOutboundFederation,
  enableOutboundFederation,
  putInlinePolicy,
  putOidcProvider,
} from '#iam'
import { systemClock } from '#kernel'

import { acme, seedAcme } from '../support/acme.ts'
import { home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { document, refusal, type Credentials } from './harness.ts'

const clock = systemClock
let server: TestServer
let aliceId: string
let session: Credentials

beforeAll(async () => {
  server = await startServer()
  aliceId = (await seedAcme(server.database)).userId
  const role = await createRole(server.database, clock, {
    accountId: home,
    name: 'Exporter',
    path: '/jobs/',
    tags: { team: 'payments' },
    trustDocument: document({ Effect: 'Allow', Principal: { AWS: home }, Action: 'sts:AssumeRole' }),
  })
  await putInlinePolicy(
    server.database,
    role.roleId,
    'tokens',
    document({
      Effect: 'Allow',
      Action: ['sts:GetWebIdentityToken', 'sts:TagGetWebIdentityToken'],
      Resource: '*',
      Condition: {
        'ForAllValues:StringLike': { 'sts:IdentityTokenAudience': 'https://*.example.com' },
        NumericLessThanEquals: { 'sts:DurationSeconds': '1800' },
      },
    }),
  )
  const { Credentials: given } = await client(acme).send(
    new AssumeRoleCommand({ RoleArn: role.arn, RoleSessionName: 'nightly', DurationSeconds: 900 }),
  )
  session = {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}, 60_000)
afterAll(() => server.close())
beforeEach(() => enableOutboundFederation(server.database, clock, home))

const client = (credentials: Credentials) =>
  new STSClient({ region: 'eu-central-1', endpoint: server.url, credentials, maxAttempts: 1 })
const ask = (change: Partial<GetWebIdentityTokenCommandInput> = {}, by = session) =>
  client(by).send(
    new GetWebIdentityTokenCommand({
      Audience: ['https://reports.example.com'],
      SigningAlgorithm: 'ES384',
      ...change,
    }),
  )
const issuer = () => `${server.url}/outbound/${home}`

describe('an identity token for a service outside', () => {
  it.each(['RS256', 'ES384'] as const)(
    'is verified by discovery alone, signed with %s',
    async (algorithm) => {
      const { WebIdentityToken = '', Expiration } = await ask({
        SigningAlgorithm: algorithm,
        Tags: [{ Key: 'run', Value: '7' }],
      })
      const found = (await (await fetch(`${issuer()}/.well-known/openid-configuration`)).json()) as {
        issuer: string
        jwks_uri: string
      }
      expect(found.issuer).toBe(issuer())
      const { payload } = await jwtVerify(WebIdentityToken, createRemoteJWKSet(new URL(found.jwks_uri)), {
        issuer: issuer(),
        audience: 'https://reports.example.com',
        algorithms: [algorithm],
      })
      expect(decodeProtectedHeader(WebIdentityToken).alg).toBe(algorithm)
      expect(payload).toMatchObject({
        sub: `arn:aws:iam::${home}:role/jobs/Exporter`,
        jti: expect.stringMatching(/^[\da-f-]{36}$/),
        'https://sts.amazonaws.com/': {
          aws_account: home,
          source_region: 'eu-central-1',
          principal_id: `arn:aws:sts::${home}:assumed-role/Exporter/nightly`,
          principal_tags: { team: 'payments' },
          request_tags: { run: '7' },
        },
      })
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300)
      expect(Expiration?.getTime()).toBe((payload.exp ?? 0) * 1000)
    },
  )

  it('names all audiences that were asked for', async () => {
    const Audience = ['https://a.example.com', 'https://b.example.com']
    const { WebIdentityToken = '' } = await ask({ Audience })
    const { payload } = await jwtVerify(
      WebIdentityToken,
      createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`)),
    )
    expect(payload.aud).toEqual(Audience)
  })

  it('is in the log with its audience and id, and without itself', async () => {
    const { WebIdentityToken = '' } = await ask()
    const event = (await listEvents(server.database, { name: 'GetWebIdentityToken' })).at(-1)
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      requestParameters: { audience: ['https://reports.example.com'], signingAlgorithm: 'ES384' },
      responseElements: { tokenId: expect.any(String) },
    })
    expect(event?.body).not.toContain(WebIdentityToken.split('.')[1])
  })
})

describe('refuses', () => {
  it('an account that has not switched it on, and its discovery document', async () => {
    await disableOutboundFederation(server.database, home)
    expect(await refusal(ask())).toMatch(/^403 OutboundWebIdentityFederationDisabledException /)
    expect((await fetch(`${issuer()}/.well-known/openid-configuration`)).status).toBe(404)
  })

  it('a token that would outlive the session', async () => {
    expect(await refusal(ask({ DurationSeconds: 1_200 }))).toMatch(/^403 SessionDurationEscalationException /)
    expect(await refusal(ask({ DurationSeconds: 600 }))).toBe('accepted')
  })

  it('an audience, a duration or tags that no policy allows', async () => {
    expect(await refusal(ask({ Audience: ['https://evil.example.org'] }))).toMatch(/^403 AccessDenied /)
    expect(await refusal(ask({ Audience: ['https://a.example.com', 'https://evil.example.org'] }))).toMatch(
      /^403 AccessDenied /,
    )
    expect(await refusal(ask({ DurationSeconds: 3_600 }))).toMatch(/^403 AccessDenied /)
  })

  it('whoever has no permission, and keys of a plain session', async () => {
    expect(await refusal(ask({}, acme))).toMatch(/^403 AccessDenied .*sts:GetWebIdentityToken/)
    const { Credentials: own } = await client(acme).send(new GetSessionTokenCommand({}))
    const credentials = {
      accessKeyId: own?.AccessKeyId ?? '',
      secretAccessKey: own?.SecretAccessKey ?? '',
      sessionToken: own?.SessionToken ?? '',
    }
    expect(await refusal(ask({}, credentials))).toMatch(/^403 AccessDenied /)
  })

  it('the tags permission where only the token is allowed', async () => {
    await putInlinePolicy(
      server.database,
      aliceId,
      'tokens',
      document({ Effect: 'Allow', Action: 'sts:GetWebIdentityToken', Resource: '*' }),
    )
    expect(await refusal(ask({}, acme))).toBe('accepted')
    expect(await refusal(ask({ Tags: [{ Key: 'a', Value: 'b' }] }, acme))).toMatch(
      /^403 AccessDenied .*sts:TagGetWebIdentityToken/,
    )
  })

  it('an algorithm that is not offered, and a payload that is too large', async () => {
    expect(await refusal(ask({ SigningAlgorithm: 'HS256' }))).toMatch(/^400 ValidationError .*enum value set/)
    const Tags = Array.from({ length: 50 }, (_, index) => ({
      Key: `${index}${'k'.repeat(120)}`,
      Value: 'v'.repeat(256),
    }))
    expect(await refusal(ask({ Tags }))).toMatch(/^400 JWTPayloadSizeExceededException /)
  })

  it('its own tokens as a web identity, even where an account made a provider for them', async () => {
    const arn = await putOidcProvider(server.database, clock, {
      accountId: home,
      url: issuer(),
      clientIds: ['https://reports.example.com'],
    })
    const role = await createRole(server.database, clock, {
      accountId: home,
      name: 'Loop',
      trustDocument: document({
        Effect: 'Allow',
        Principal: { Federated: arn },
        Action: 'sts:AssumeRoleWithWebIdentity',
      }),
    })
    const { WebIdentityToken } = await ask()
    const call = client(acme).send(
      new AssumeRoleWithWebIdentityCommand({ RoleArn: role.arn, RoleSessionName: 'loop', WebIdentityToken }),
    )
    expect(await refusal(call)).toMatch(/^400 InvalidIdentityTokenException No OpenIDConnect provider/)
  })
})

describe('the size of a session token', () => {
  it('is at least what was asked for, and is told with its share of 4,096', async () => {
    const assume = (MinimumSessionTokenSize?: number) =>
      client(acme).send(
        new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'size', MinimumSessionTokenSize }),
      )
    const plain = await assume()
    expect(plain.SessionTokenSize).toBe(plain.Credentials?.SessionToken?.length)
    const padded = await assume(4_096)
    expect(padded.SessionTokenSize).toBe(4_096)
    expect(padded.SessionTokenUtilization).toBe(100)
    expect(await refusal(assume(4_097))).toMatch(/^400 ValidationError .*minimumSessionTokenSize/)
  })
})
