import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { iam, sts } from '#aws-wire'
import { sql } from '#database'
import { presign, signHeaders, type HeaderPairs, type SignableRequest } from '#sigv4'
import { assumeRole } from '#sts'
import { userCaller } from '#iam'
import type { User } from '#directory'

import { fixedClock, home, testVault } from '../support/fixtures.ts'
import { rawRequest, type RawAnswer } from '../support/raw-http.ts'
import { bugs, refusal, startSts, type Credentials, type StsServer } from './harness.ts'

const clock = fixedClock()
const from = { id: 'r', at: clock(), ip: '203.0.113.9', userAgent: 'test', secure: true }
const identity = 'Action=GetCallerIdentity&Version=2011-06-15'
const formType = 'application/x-www-form-urlencoded'
let server: StsServer
let alice: { user: User; credentials: Credentials }
let session: Credentials

beforeAll(async () => {
  server = await startSts(clock)
  alice = await server.user('alice', { Effect: 'Allow', Action: 'sts:*', Resource: '*' })
  const role = await server.role('Any', {
    Effect: 'Allow',
    Principal: { AWS: home },
    Action: 'sts:AssumeRole',
  })
  const issued = await assumeRole(server.sts, {
    by: userCaller(alice.user),
    from,
    roleArn: role.arn,
    sessionName: 'wire',
  })
  session = {
    accessKeyId: issued.credentials.accessKeyId,
    secretAccessKey: issued.credentials.secretAccessKey.reveal(),
    sessionToken: issued.credentials.sessionToken,
  }
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

type Sent = { method?: string; path?: string; headers?: HeaderPairs; body?: string | Uint8Array }
type Signing = {
  by?: Credentials
  at?: Temporal.Instant
  service?: string
  change?: (headers: HeaderPairs) => HeaderPairs
}

const requestOf = ({ method = 'POST', path = '/', headers, body = identity }: Sent): SignableRequest => ({
  method,
  rawUrl: path,
  headers: headers ?? [
    ['Host', new URL(server.url).host],
    ...(method === 'GET' ? [] : [['Content-Type', formType] as const]),
  ],
  body: Buffer.from(body),
})
const send = (request: SignableRequest): Promise<RawAnswer> =>
  rawRequest(server.url, {
    method: request.method,
    path: request.rawUrl,
    headers: Object.fromEntries(request.headers),
    ...(request.method === 'GET' ? {} : { body: request.body as Uint8Array }),
  })
const signed = (
  sent: Sent = {},
  { by = alice.credentials, at = clock(), service = 'sts', change }: Signing = {},
) => {
  const request = requestOf(sent)
  const headers = signHeaders(request, by, { at, region: 'us-east-1', service })
  return { ...request, headers: change === undefined ? headers : change(headers) }
}
const presigned = (by: Credentials = alice.credentials, query = identity): SignableRequest => {
  const request = requestOf({ method: 'GET', path: `/?${query}`, body: '' })
  const scope = { at: clock(), region: 'us-east-1', service: 'sts', expiresInSeconds: 60 }
  return { ...request, rawUrl: presign(request, by, scope) }
}
/** Status and code, whatever the wire. */
const outcome = async (answer: Promise<RawAnswer>): Promise<string> => {
  const { status, body } = await answer
  const code = /<Code>(.*?)<\/Code>/.exec(body)?.[1] ?? /"(?:__type|error)":"(.*?)"/.exec(body)?.[1]
  return code === undefined ? String(status) : `${status} ${code}`
}
const header = (name: string, value: string) => (headers: HeaderPairs) =>
  headers.map(([key, old]) => [key, key.toLowerCase() === name ? value : old] as const)

describe('answers', () => {
  it('a signed form, with request id and the type to the letter', async () => {
    const { status, headers, body } = await send(signed())
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/xml')
    const id = headers.get('x-amzn-requestid') ?? ''
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(body).toContain(`<RequestId>${id}</RequestId>`)
    expect(body).toContain(`<Arn>arn:aws:iam::${home}:user/alice</Arn>`)
  })

  it('a GET signed by header, and a presigned one, with and without a session', async () => {
    expect(await outcome(send(signed({ method: 'GET', path: `/?${identity}`, body: '' })))).toBe('200')
    expect(await outcome(send(presigned()))).toBe('200')
    const { status, body } = await send(presigned(session))
    expect([status, body.includes('assumed-role/Any/wire')]).toEqual([200, true])
  })

  it('JSON to who asks for it, errors too', async () => {
    const json = {
      headers: [
        ['Host', new URL(server.url).host],
        ['Content-Type', formType],
        ['Accept', 'application/json'],
      ],
    } as const
    const good = await send(signed(json))
    expect(good.headers.get('content-type')).toBe('application/json')
    expect(JSON.parse(good.body)).toMatchObject({
      GetCallerIdentityResponse: { GetCallerIdentityResult: { Account: home } },
    })
    const bad = await send(signed({ ...json, body: 'Action=Nothing&Version=2011-06-15' }))
    expect([bad.status, JSON.parse(bad.body)]).toMatchObject([
      400,
      { Error: { Type: 'Sender', Code: 'InvalidAction' } },
    ])
  })

  it('any region, and Action and Version in any order', async () => {
    expect(
      await refusal(
        server.client(alice.credentials, { region: 'us-isob-east-1' }).send(new GetCallerIdentityCommand({})),
      ),
    ).toBe('accepted')
    expect(await outcome(send(signed({ body: 'Version=2011-06-15&Action=GetCallerIdentity' })))).toBe('200')
  })

  it('notes the use of a long-term key, at most once a quarter of an hour', async () => {
    const used = async () =>
      (
        await server.database.query<{ at: Temporal.Instant | null; service: string | null }>(
          sql`select last_used_at as at, last_used_service as service from access_key where access_key_id = ${alice.credentials.accessKeyId}`,
        )
      ).rows[0]
    expect(await used()).toEqual({ at: clock(), service: 'sts' })
  })
})

describe('refuses', () => {
  const table: readonly (readonly [string, string, () => SignableRequest])[] = [
    ['no signature', '403 MissingAuthenticationToken', () => requestOf({})],
    [
      'half an Authorization header',
      '400 IncompleteSignature',
      () => signed({}, { change: header('authorization', 'AWS4-HMAC-SHA256 Credential=x') }),
    ],
    [
      'an unknown key',
      '403 InvalidClientTokenId',
      () => signed({}, { by: { ...alice.credentials, accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' } }),
    ],
    [
      'a wrong secret',
      '403 SignatureDoesNotMatch',
      () => signed({}, { by: { ...alice.credentials, secretAccessKey: 'x' } }),
    ],
    [
      'another body',
      '403 SignatureDoesNotMatch',
      () => ({ ...signed(), body: Buffer.from(`${identity}&x=1`) }),
    ],
    [
      'another host',
      '403 SignatureDoesNotMatch',
      () => signed({}, { change: header('host', 'sts.amazonaws.com') }),
    ],
    ['another path', '403 SignatureDoesNotMatch', () => ({ ...signed(), rawUrl: '/?x=1' })],
    [
      'sixteen minutes ago',
      '403 SignatureDoesNotMatch',
      () => signed({}, { at: clock().subtract({ minutes: 16 }) }),
    ],
    [
      'in sixteen minutes',
      '403 SignatureDoesNotMatch',
      () => signed({}, { at: clock().add({ minutes: 16 }) }),
    ],
    [
      "another service's scope",
      '403 SignatureDoesNotMatch',
      () =>
        signed(
          { body: identity },
          {
            service: 'iam',
            change: (headers) => headers.map(([key, value]) => [key, value.replace('/iam/', '/sts/')]),
          },
        ),
    ],
    [
      'temporary keys without their token',
      '403 InvalidClientTokenId',
      () =>
        signed({}, { by: { accessKeyId: session.accessKeyId, secretAccessKey: session.secretAccessKey } }),
    ],
    [
      "long-term keys with somebody's token",
      '403 InvalidClientTokenId',
      () => signed({}, { by: { ...alice.credentials, sessionToken: session.sessionToken ?? '' } }),
    ],
    [
      'a token with one letter changed',
      '403 InvalidClientTokenId',
      () => signed({}, { by: { ...session, sessionToken: `B${(session.sessionToken ?? '').slice(1)}` } }),
    ],
    [
      'the secret of another session',
      '403 SignatureDoesNotMatch',
      () => signed({}, { by: { ...session, secretAccessKey: alice.credentials.secretAccessKey } }),
    ],
    [
      'a header that was not signed',
      '403 SignatureDoesNotMatch',
      () => signed({}, { change: (headers) => [...headers, ['X-Amz-Meta', 'x']] }),
    ],
    ['an unknown action', '400 InvalidAction', () => signed({ body: 'Action=Nothing&Version=2011-06-15' })],
    [
      'an action of another version',
      '400 InvalidAction',
      () => signed({ body: 'Action=GetCallerIdentity&Version=2010-05-08' }),
    ],
    [
      'an operation that is not offered',
      '400 InvalidAction',
      () => signed({ body: 'Action=AssumeRoot&Version=2011-06-15' }),
    ],
    [
      'a scalar given twice',
      '400 MalformedQueryString',
      () =>
        signed({
          body: 'Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAAAAAAAAAAAAAAAAA&AccessKeyId=AKIABBBBBBBBBBBBBBBB',
        }),
    ],
    [
      'an Action given twice',
      '400 MalformedQueryString',
      () => signed({ body: `${identity}&Action=AssumeRole` }),
    ],
    ['a NUL in a value', '400 MalformedQueryString', () => signed({ body: `${identity}&x=%00` })],
    [
      'bytes that are not UTF-8',
      '400 MalformedQueryString',
      () => signed({ body: Buffer.from([0x41, 0xff]) }),
    ],
    [
      'a body of more than 256 KiB',
      '413 RequestEntityTooLarge',
      () => signed({ body: `${identity}&x=${'x'.repeat(300_000)}` }),
    ],
    [
      'a large body of IAM by an unknown key',
      '403 InvalidClientTokenId',
      () =>
        signed(
          { body: `Action=CreateUser&Version=2010-05-08&x=${'x'.repeat(300_000)}` },
          { service: 'iam', by: { ...alice.credentials, accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' } },
        ),
    ],
    [
      'an action of IAM, which is still to come',
      '400 InvalidAction',
      () => signed({ body: 'Action=ListUsers&Version=2010-05-08' }, { service: 'iam' }),
    ],
    [
      'a target of another service',
      '400 UnknownOperationException',
      () =>
        signed(
          {
            headers: [
              ['Host', 'h'],
              ['X-Amz-Target', 'DynamoDB_20120810.ListTables'],
              ['Content-Type', 'application/x-amz-json-1.0'],
            ],
            body: '{}',
          },
          { service: 'dynamodb' },
        ),
    ],
    [
      'a Query call of another service',
      '400 InvalidAction',
      () => signed({ body: 'Action=DescribeInstances&Version=2016-11-15' }, { service: 'ec2' }),
    ],
    [
      'a list of buckets',
      '400 InvalidRequest',
      () => signed({ method: 'GET', path: '/?x-id=ListBuckets', body: '' }, { service: 's3' }),
    ],
    [
      'a bucket',
      '400 InvalidRequest',
      () => signed({ method: 'GET', path: '/bucket/key', body: '' }, { service: 's3' }),
    ],
    [
      'a form at the token endpoint of AWS',
      '400 invalid_request',
      () => requestOf({ path: '/token', body: 'grant_type=x' }),
    ],
  ]
  for (const [title, expected, request] of table) {
    it(title, async () => {
      expect(await outcome(send(request()))).toBe(expected)
    })
  }

  it('a session that is over, and a presigned request sixteen minutes later', async () => {
    const [late, held] = [signed({}, { by: session, at: clock().add({ minutes: 61 }) }), presigned()]
    clock.advance({ minutes: 61 })
    expect(await outcome(send(late))).toBe('403 ExpiredToken')
    expect(await outcome(send(held))).toBe('403 SignatureDoesNotMatch')
    clock.advance({ minutes: -61 })
  })

  it('every kind of sealed value where a session token is wanted', async () => {
    const others = [
      testVault.seal('x', `sts/authz-msg/${home}`).toString('base64'),
      testVault
        .seal(Buffer.from(session.sessionToken ?? '', 'base64'), 'access_key/secret/x')
        .toString('base64'),
      Buffer.from(testVault.mac('flow', 'x')).toString('base64'),
    ]
    for (const sessionToken of others) {
      expect(await outcome(send(signed({}, { by: { ...session, sessionToken } })))).toBe(
        '403 InvalidClientTokenId',
      )
    }
  })

  it('writes an event for each refusal of a named operation, without the token', async () => {
    await send(
      signed(
        { body: 'Action=GetCallerIdentity&Version=2011-06-15' },
        { by: { ...session, secretAccessKey: 'x' } },
      ),
    )
    const events = await server.events('GetCallerIdentity')
    expect(events.some((event) => event['errorCode'] === 'SignatureDoesNotMatch')).toBe(true)
    expect(JSON.stringify(events)).not.toContain(session.sessionToken)
  })
})

describe('every operation of the model', () => {
  const bodies = (name: string, version: string): readonly string[] => [
    `Action=${name}&Version=${version}`,
    `Action=${name}&Version=${version}&RoleArn=x&Tags.member.1=y&DurationSeconds=z&Policy=%7B`,
    `Action=${name}&Version=${version}&Tags.member.x.Key=1`,
  ]

  it('answers an empty, a wrong and a garbage request with a well-formed 2xx or 4xx', async () => {
    for (const [model, service] of [
      [sts, 'sts'],
      [iam, 'iam'],
    ] as const) {
      for (const name of Object.keys(model.operations)) {
        for (const body of bodies(name, model.version).slice(0, service === 'iam' ? 1 : 3)) {
          const answer = await send(signed({ body }, { service }))
          expect([name, answer.status >= 200 && answer.status < 500]).toEqual([name, true])
          expect(answer.body).toMatch(
            answer.status === 200
              ? new RegExp(`^<${name}Response .*<${name}Result`)
              : /^<ErrorResponse .*<Code>/,
          )
        }
      }
    }
  })

  it('refuses each broken constraint of STS by its own sentence', async () => {
    let cases = 0
    for (const [name, { input }] of Object.entries(sts.operations)) {
      if (name === 'AssumeRoot' || name === 'GetDelegatedAccessToken') continue
      const shape = sts.shapes[input]
      for (const [member, shapeName] of Object.entries(shape.members)) {
        const constraints = sts.shapes[shapeName as keyof typeof sts.shapes]
        const wrong: string[] = []
        if ('max' in constraints && constraints.type === 'string') wrong.push('x'.repeat(constraints.max + 1))
        if ('min' in constraints && constraints.type === 'string' && constraints.min > 1) wrong.push('x')
        if (constraints.type === 'integer') wrong.push('x', '-1', '99999999999')
        if ('pattern' in constraints)
          wrong.push('\u0001'.repeat(Math.max('min' in constraints ? constraints.min : 1, 1)))
        const path = `${member.charAt(0).toLowerCase()}${member.slice(1)}`
        for (const value of wrong) {
          const body = new URLSearchParams({ Action: name, Version: sts.version, [member]: value }).toString()
          const answer = await send(signed({ body }))
          expect([
            name,
            member,
            value.slice(0, 9),
            answer.status,
            answer.body.includes(`at '${path}'`),
          ]).toEqual([name, member, value.slice(0, 9), 400, true])
          cases++
        }
      }
    }
    expect(cases).toBeGreaterThan(80)
  })
})
