import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme, seedAcme } from '../support/acme.ts'
import { type RawAnswer, rawRequest } from '../support/raw-http.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { sql } from '#database'

/** What a wire's refusal looks like. */
const wires = {
  aws: (answer: RawAnswer) =>
    /xml/.test(answer.headers.get('content-type') ?? '') &&
    /<Error>[\s\S]*<Code>\w+<\/Code>/.test(answer.body),
  awsJson: (answer: RawAnswer) =>
    /json/.test(answer.headers.get('content-type') ?? '') && /"(__type|error|message)"/.test(answer.body),
  oauth: (answer: RawAnswer) =>
    /json/.test(answer.headers.get('content-type') ?? '') && /"error":"[a-z_]+"/.test(answer.body),
  page: (answer: RawAnswer) =>
    /text\/html/.test(answer.headers.get('content-type') ?? '') && /<h1>/.test(answer.body),
  problem: (answer: RawAnswer) =>
    /problem\+json/.test(answer.headers.get('content-type') ?? '') && /"code":"/.test(answer.body),
  authzen: (answer: RawAnswer) => answer.body.length > 0 && !/<html/.test(answer.body),
  /** Refused before any wire is known. */
  edge: (answer: RawAnswer) => answer.body.length >= 0,
} as const

type Wire = keyof typeof wires
type Case = readonly [title: string, wire: Wire, request: Parameters<typeof rawRequest>[1]]

const form = 'application/x-www-form-urlencoded'
const json = 'application/json'
const deep = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`
const basic = `Basic ${Buffer.from(`${acme.clientId}:${acme.clientSecret}`).toString('base64')}`
const post = (
  path: string,
  type: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
) => ({
  method: 'POST',
  path,
  headers: {
    'Content-Type': type,
    Accept: type === form && !path.startsWith('/oauth2') ? 'text/html' : '*/*',
    ...headers,
  },
  body,
})
const page = (path: string) => ({ path, headers: { Accept: 'text/html' } })

/** What is wrong with any form, wherever it is posted. */
const badForms = (path: string, wire: Wire, headers: Record<string, string> = {}): Case[] => [
  [`${path}: a body far over the limit`, wire, post(path, form, `a=${'x'.repeat(400_000)}`, headers)],
  [
    `${path}: a parameter given twice`,
    wire,
    post(path, form, 'grant_type=x&grant_type=y&Action=A&Action=B&SAMLResponse=a&SAMLResponse=b', headers),
  ],
  [
    `${path}: a NUL byte in a value`,
    wire,
    post(path, form, 'grant_type=a%00b&Action=Get%00&SAMLResponse=%00', headers),
  ],
  [
    `${path}: a broken percent escape`,
    wire,
    post(path, form, 'grant_type=%zz&Action=%zz&SAMLResponse=%e0%a4', headers),
  ],
  [
    `${path}: bytes that are not UTF-8`,
    wire,
    post(path, form, Buffer.from('grant_type=\xff\xfe&Action=\xff', 'latin1'), headers),
  ],
  [`${path}: JSON where a form belongs`, wire, post(path, json, '{"grant_type":"x","Action":"y"}', headers)],
  [
    `${path}: multipart where a form belongs`,
    wire,
    post(path, 'multipart/form-data; boundary=x', '--x\r\n\r\n--x--', headers),
  ],
  [`${path}: no content type`, wire, { method: 'POST', path, headers, body: 'grant_type=x' }],
  [
    `${path}: ten thousand parameters`,
    wire,
    post(path, form, Array.from({ length: 10_000 }, (_, index) => `p${index}=1`).join('&'), headers),
  ],
]

/** What is wrong with any JSON body, wherever it is posted. */
const badJson = (path: string, wire: Wire, headers: Record<string, string> = {}): Case[] => [
  [`${path}: a body far over the limit`, wire, post(path, json, `{"a":"${'x'.repeat(2_000_000)}"}`, headers)],
  [`${path}: nesting without end`, wire, post(path, json, deep(20_000), headers)],
  [`${path}: no JSON at all`, wire, post(path, json, '{"subject":', headers)],
  [`${path}: an empty body`, wire, post(path, json, '', headers)],
  [`${path}: a list for an object`, wire, post(path, json, '[]', headers)],
  [`${path}: null`, wire, post(path, json, 'null', headers)],
  [
    `${path}: a NUL character in a string`,
    wire,
    post(path, json, '{"subject":{"type":"user\\u0000","id":"a"},"role_arn":"\\u0000"}', headers),
  ],
  [
    `${path}: bytes that are not UTF-8`,
    wire,
    post(path, json, Buffer.from('{"a":"\xff"}', 'latin1'), headers),
  ],
  [`${path}: a form where JSON belongs`, wire, post(path, form, 'subject=x', headers)],
  [
    `${path}: members named __proto__ and constructor`,
    wire,
    post(path, json, '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}', headers),
  ],
]

const tokenIn = (action: string, parameters: Record<string, string>) =>
  post('/', form, new URLSearchParams({ Version: '2011-06-15', Action: action, ...parameters }).toString())
const xml = (text: string) => Buffer.from(text).toString('base64')
const redirect = (text: string) => encodeURIComponent(deflateRawSync(text).toString('base64'))
const doctype =
  '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">&e;</samlp:Response>'
const samlRole = { RoleArn: acme.roleArn, PrincipalArn: 'arn:aws:iam::111122223333:saml-provider/none' }
const webRole = { RoleArn: acme.roleArn, RoleSessionName: 'ci' }
const unsignedJwt = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"iss":"https://evil.example","sub":"x","aud":"y"}').toString('base64url')}.`
const signed = (authorization: string, more: Record<string, string> = {}) =>
  post('/', form, 'Action=GetCallerIdentity&Version=2011-06-15', { Authorization: authorization, ...more })
const credential = `Credential=${acme.accessKeyId}/20261122/us-east-1/sts/aws4_request`
const authorize = (parameters: Record<string, string>) =>
  page(
    `/oauth2/authorize?${new URLSearchParams({ client_id: acme.clientId, response_type: 'code', scope: 'openid', redirect_uri: acme.redirectUri, ...parameters }).toString()}`,
  )

const cases: readonly Case[] = [
  ...badForms('/', 'aws').filter(([title]) => !/JSON|multipart|content type/.test(title)),
  // Not the Query wire's: nobody of AWS's clients sends these to the root.
  ...badForms('/', 'page').filter(([title]) => /JSON|multipart|content type/.test(title)),
  ...badForms('/oauth2/token', 'oauth', { Authorization: basic }),
  ...badForms('/oauth2/introspect', 'oauth', { Authorization: basic }),
  ...badForms('/oauth2/revoke', 'oauth', { Authorization: basic }),
  ...badForms('/oauth2/device', 'oauth').slice(0, 6),
  ...badForms('/device', 'page').slice(0, 6),
  ...badForms('/saml/sso', 'page'),
  ...badForms('/saml/slo', 'page'),
  ...badForms('/setup', 'page'),
  ...badForms('/signout', 'page'),
  ...badForms('/login/nothing', 'page').slice(0, 7),
  ...badJson('/access/v1/evaluation', 'authzen', { Authorization: basic }),
  ...badJson('/access/v1/authorize-request', 'authzen', { Authorization: basic }),
  ...badJson('/api/v1/role-sessions', 'problem', { Authorization: 'Bearer nothing' }),

  ['/: an action nobody has', 'aws', tokenIn('DropTables', {})],
  ['/: no action', 'aws', post('/', form, 'Version=2011-06-15')],
  ['/: a version nobody has', 'aws', post('/', form, 'Action=GetCallerIdentity&Version=1999-01-01')],
  ['/: unsigned where a signature belongs', 'aws', tokenIn('GetCallerIdentity', {})],
  ['/: an authorization header of another scheme', 'aws', signed('Basic YTpi')],
  ['/: an authorization header cut off', 'aws', signed(`AWS4-HMAC-SHA256 ${credential}`)],
  [
    '/: an authorization header of garbage',
    'aws',
    signed(`AWS4-HMAC-SHA256 Credential=///// , SignedHeaders=, Signature=${'g'.repeat(64)}`),
  ],
  [
    '/: a key nobody has',
    'aws',
    signed(
      `AWS4-HMAC-SHA256 Credential=AKIAAAAAAAAAAAAAAAAA/20261122/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
      { 'X-Amz-Date': '20261122T000000Z' },
    ),
  ],
  [
    '/: a wrong signature of a stale date',
    'aws',
    signed(`AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`, {
      'X-Amz-Date': '20200101T000000Z',
    }),
  ],
  [
    '/: a date that is none',
    'aws',
    signed(`AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`, {
      'X-Amz-Date': 'yesterday',
    }),
  ],
  [
    '/: a session token of noise',
    'aws',
    signed(
      `AWS4-HMAC-SHA256 Credential=ASIAAAAAAAAAAAAAAAAA/20261122/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=${'0'.repeat(64)}`,
      { 'X-Amz-Date': '20261122T000000Z', 'X-Amz-Security-Token': Buffer.alloc(3_000, 7).toString('base64') },
    ),
  ],
  [
    '/: a web identity token without a signature',
    'aws',
    tokenIn('AssumeRoleWithWebIdentity', { ...webRole, WebIdentityToken: unsignedJwt }),
  ],
  [
    '/: a web identity token that is no token',
    'aws',
    tokenIn('AssumeRoleWithWebIdentity', { ...webRole, WebIdentityToken: 'a.b.c' }),
  ],
  [
    '/: a web identity token of 30,000 characters',
    'aws',
    tokenIn('AssumeRoleWithWebIdentity', { ...webRole, WebIdentityToken: 'x'.repeat(30_000) }),
  ],
  [
    '/: a web identity for a role of bad shape',
    'aws',
    tokenIn('AssumeRoleWithWebIdentity', { ...webRole, RoleArn: 'nobody', WebIdentityToken: unsignedJwt }),
  ],
  [
    '/: a session name with a line break',
    'aws',
    tokenIn('AssumeRoleWithWebIdentity', {
      ...webRole,
      RoleSessionName: 'a\nb',
      WebIdentityToken: unsignedJwt,
    }),
  ],
  [
    '/: a duration of no number',
    'aws',
    tokenIn('AssumeRoleWithWebIdentity', {
      ...webRole,
      DurationSeconds: '1e9',
      WebIdentityToken: unsignedJwt,
    }),
  ],
  [
    '/: an assertion that is not base64',
    'aws',
    tokenIn('AssumeRoleWithSAML', { ...samlRole, SAMLAssertion: '%%%%' }),
  ],
  [
    '/: an assertion with a document type',
    'aws',
    tokenIn('AssumeRoleWithSAML', { ...samlRole, SAMLAssertion: xml(doctype) }),
  ],
  [
    '/: an assertion of two hundred thousand characters',
    'aws',
    tokenIn('AssumeRoleWithSAML', { ...samlRole, SAMLAssertion: 'QUFB'.repeat(50_000) }),
  ],
  [
    '/: an assertion nested without end',
    'aws',
    tokenIn('AssumeRoleWithSAML', { ...samlRole, SAMLAssertion: xml('<a xmlns="urn:a">'.repeat(3_000)) }),
  ],
  [
    '/: tags in a list of holes',
    'aws',
    tokenIn('AssumeRole', { 'Tags.member.x.Key': 'a', 'Tags.member.-1.Value': 'b', ...webRole }),
  ],
  [
    '/: an operation of another service',
    'aws',
    post('/', form, 'Action=DescribeInstances&Version=2016-11-15'),
  ],
  [
    '/: a JSON service by its target header',
    'awsJson',
    post('/', 'application/x-amz-json-1.1', '{}', { 'X-Amz-Target': 'DynamoDB_20120810.ListTables' }),
  ],
  ['/?Action: by GET, unsigned', 'aws', { path: '/?Action=GetCallerIdentity&Version=2011-06-15' }],
  [
    '/?Action: presigned with half of it missing',
    'aws',
    {
      path: `/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=${'0'.repeat(64)}`,
    },
  ],

  [
    '/oauth2/token: a code nobody was given',
    'oauth',
    post(
      '/oauth2/token',
      form,
      `grant_type=authorization_code&code=${'x'.repeat(43)}&redirect_uri=${encodeURIComponent(acme.redirectUri)}&code_verifier=${'v'.repeat(43)}`,
      { Authorization: basic },
    ),
  ],
  [
    '/oauth2/token: a code of 60,000 characters',
    'oauth',
    post('/oauth2/token', form, `grant_type=authorization_code&code=${'x'.repeat(50_000)}`, {
      Authorization: basic,
    }),
  ],
  [
    '/oauth2/token: a refresh token nobody was given',
    'oauth',
    post('/oauth2/token', form, `grant_type=refresh_token&refresh_token=${'r'.repeat(43)}`, {
      Authorization: basic,
    }),
  ],
  [
    '/oauth2/token: a grant that does not exist',
    'oauth',
    post('/oauth2/token', form, 'grant_type=password&username=a&password=b', { Authorization: basic }),
  ],
  [
    '/oauth2/token: a client nobody knows',
    'oauth',
    post('/oauth2/token', form, 'grant_type=client_credentials', {
      Authorization: `Basic ${Buffer.from('ghost:boo').toString('base64')}`,
    }),
  ],
  [
    '/oauth2/token: a wrong secret',
    'oauth',
    post('/oauth2/token', form, 'grant_type=client_credentials', {
      Authorization: `Basic ${Buffer.from(`${acme.clientId}:wrong`).toString('base64')}`,
    }),
  ],
  [
    '/oauth2/token: credentials that are not base64',
    'oauth',
    post('/oauth2/token', form, 'grant_type=client_credentials', { Authorization: 'Basic %%%' }),
  ],
  [
    '/oauth2/token: credentials twice, in header and body',
    'oauth',
    post(
      '/oauth2/token',
      form,
      `grant_type=client_credentials&client_id=${acme.clientId}&client_secret=${acme.clientSecret}`,
      { Authorization: basic },
    ),
  ],
  [
    '/oauth2/token: a scope of control characters',
    'oauth',
    post('/oauth2/token', form, 'grant_type=client_credentials&scope=%01%02', { Authorization: basic }),
  ],
  [
    '/oauth2/token: a resource that is no URI',
    'oauth',
    post('/oauth2/token', form, 'grant_type=client_credentials&resource=not%20a%20uri', {
      Authorization: basic,
    }),
  ],
  ['/oauth2/userinfo: no token', 'oauth', { path: '/oauth2/userinfo' }],
  [
    '/oauth2/userinfo: a token of noise',
    'oauth',
    { path: '/oauth2/userinfo', headers: { Authorization: `Bearer ${'n'.repeat(43)}` } },
  ],
  [
    '/oauth2/userinfo: a token without a signature',
    'oauth',
    { path: '/oauth2/userinfo', headers: { Authorization: `Bearer ${unsignedJwt}` } },
  ],
  ['/oauth2/introspect: nobody asks', 'oauth', post('/oauth2/introspect', form, 'token=x')],
  ['/oauth2/authorize: a client nobody knows', 'page', authorize({ client_id: 'ghost' })],
  [
    '/oauth2/authorize: a redirect URI that was not registered',
    'page',
    authorize({ redirect_uri: 'https://evil.example/' }),
  ],
  [
    '/oauth2/authorize: a registered redirect URI with a tail',
    'page',
    authorize({ redirect_uri: `${acme.redirectUri}/../evil` }),
  ],
  [
    '/oauth2/authorize: the client id twice',
    'page',
    page(`/oauth2/authorize?client_id=${acme.clientId}&client_id=ghost&response_type=code`),
  ],
  ['/oauth2/authorize: nothing at all', 'page', page('/oauth2/authorize')],
  ['/oauth2/authorize: a NUL byte', 'edge', page('/oauth2/authorize?client_id=a%00b')],
  [
    '/oauth2/authorize: a request object by reference',
    'page',
    authorize({ request_uri: 'http://127.0.0.1:1/', redirect_uri: 'https://evil.example/' }),
  ],
  ['/oauth2/logout: a hint that is no token', 'page', page('/oauth2/logout?id_token_hint=a.b.c')],
  [
    '/oauth2/logout: a way back that was not registered',
    'page',
    page(`/oauth2/logout?client_id=${acme.clientId}&post_logout_redirect_uri=https%3A%2F%2Fevil.example`),
  ],
  ['/oauth2/interaction: an id nobody has', 'page', page('/oauth2/interaction/nothing')],

  ['/saml/sso: no message', 'page', page('/saml/sso')],
  [
    '/saml/sso: two messages',
    'page',
    page(`/saml/sso?SAMLRequest=${redirect('<a/>')}&SAMLRequest=${redirect('<b/>')}`),
  ],
  [
    '/saml/sso: a message smuggled by an escaped name',
    'page',
    page(`/saml/sso?SAMLRequest=${redirect('<a/>')}&SAML%52equest=${redirect('<b/>')}`),
  ],
  ['/saml/sso: not base64', 'page', page('/saml/sso?SAMLRequest=%25%25%25')],
  ['/saml/sso: not deflated', 'page', page(`/saml/sso?SAMLRequest=${encodeURIComponent(xml('<a/>'))}`)],
  [
    '/saml/sso: a bomb of zeros',
    'page',
    page(
      `/saml/sso?SAMLRequest=${encodeURIComponent(deflateRawSync(Buffer.alloc(8_000_000)).toString('base64'))}`,
    ),
  ],
  ['/saml/sso: a document type', 'page', page(`/saml/sso?SAMLRequest=${redirect(doctype)}`)],
  [
    '/saml/sso: a billion laughs',
    'page',
    post(
      '/saml/sso',
      form,
      `SAMLRequest=${encodeURIComponent(xml('<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'))}`,
    ),
  ],
  [
    '/saml/sso: a provider nobody knows',
    'page',
    page(
      `/saml/sso?SAMLRequest=${redirect('<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="2026-11-22T10:00:00Z"><saml:Issuer>https://evil.example</saml:Issuer></samlp:AuthnRequest>')}`,
    ),
  ],
  [
    '/saml/sso: a comment in the issuer',
    'page',
    page(
      `/saml/sso?SAMLRequest=${redirect(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="2026-11-22T10:00:00Z"><saml:Issuer>${acme.entityId}<!-- x --></saml:Issuer></samlp:AuthnRequest>`)}`,
    ),
  ],
  [
    '/saml/sso: deep nesting',
    'page',
    post('/saml/sso', form, `SAMLRequest=${encodeURIComponent(xml('<a xmlns="urn:a">'.repeat(2_000)))}`),
  ],
  [
    '/saml/slo: an unsigned logout request',
    'page',
    page(
      `/saml/slo?SAMLRequest=${redirect(`<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="2026-11-22T10:00:00Z"><saml:Issuer>${acme.entityId}</saml:Issuer><saml:NameID>alice</saml:NameID></samlp:LogoutRequest>`)}`,
    ),
  ],
  [
    '/saml/slo: a logout response that nobody asked for',
    'page',
    page(`/saml/slo?SAMLResponse=${redirect('<a/>')}`),
  ],

  ['/setup: on an instance that has an owner', 'page', page('/setup')],
  ['/setup: with a link of noise', 'page', page(`/setup?token=${'x'.repeat(43)}`)],
  ['/login: an id nobody has', 'page', page(`/login/${'x'.repeat(43)}`)],
  ['/login: a path that climbs', 'page', page('/login/..%2f..%2fetc%2fpasswd')],
  ['/go: an id nobody has', 'page', page(`/go/${'x'.repeat(43)}`)],
  ['/signout: without its form token', 'page', post('/signout', form, '_csrf=wrong')],
  [
    '/signout: from another site',
    'page',
    post('/signout', form, '_csrf=wrong', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }),
  ],
  ['/federation: a callback that nobody began', 'page', page('/federation/oidc/callback?code=x&state=y')],
  [
    '/federation: an error from nowhere',
    'page',
    page('/federation/oidc/callback?error=access_denied&state=%3Cscript%3E'),
  ],
  ['a path with a NUL byte', 'edge', page('/a%00b')],
  ['a path that is no text', 'page', page('/%ff%fe')],
  ['a path of sixty thousand characters', 'edge', page(`/${'a'.repeat(20_000)}`)],
  ['a page nobody has', 'page', page('/wp-admin/setup.php')],
  ['a page nobody has, asked for as JSON', 'problem', { path: '/nothing', headers: { Accept: json } }],
  ['a method nobody has', 'edge', { method: 'BREW', path: '/', headers: { Accept: 'text/html' } }],
  ['a header of forty thousand characters', 'edge', { path: '/', headers: { 'X-Long': 'x'.repeat(40_000) } }],
  [
    'two lengths of one body',
    'edge',
    {
      method: 'POST',
      path: '/',
      headers: { 'Content-Length': '3', 'Transfer-Encoding': 'chunked', 'Content-Type': form },
      body: '0\r\n\r\n',
    },
  ],

  [
    '/access/v1/evaluation: nobody asks',
    'authzen',
    post(
      '/access/v1/evaluation',
      json,
      '{"subject":{"type":"user","id":"alice"},"action":{"name":"orders:Get"},"resource":{"type":"order","id":"1"}}',
    ),
  ],
  [
    '/access/v1/evaluation: a wrong secret',
    'authzen',
    post('/access/v1/evaluation', json, '{}', {
      Authorization: `Basic ${Buffer.from(`${acme.clientId}:wrong`).toString('base64')}`,
    }),
  ],
  [
    '/access/v1/evaluation: a subject without an id',
    'authzen',
    post(
      '/access/v1/evaluation',
      json,
      '{"subject":{"type":"user"},"action":{"name":"Get"},"resource":{"type":"order","id":"1"}}',
      { Authorization: basic },
    ),
  ],
  [
    '/access/v1/evaluation: an action that is a number',
    'authzen',
    post(
      '/access/v1/evaluation',
      json,
      '{"subject":{"type":"user","id":"alice"},"action":{"name":7},"resource":{"type":"order","id":"1"}}',
      { Authorization: basic },
    ),
  ],
  [
    '/access/v1/authorize-request: a request that is not signed',
    'authzen',
    post('/access/v1/authorize-request', json, '{"request":{"method":"GET"},"action":"orders:Get"}', {
      Authorization: basic,
    }),
  ],
  ['/api/v1/role-sessions: no token', 'problem', post('/api/v1/role-sessions', json, '{"role_arn":"x"}')],
  [
    '/api/v1/role-sessions: a token without a signature',
    'problem',
    post('/api/v1/role-sessions', json, '{"role_arn":"x"}', { Authorization: `Bearer ${unsignedJwt}` }),
  ],
]

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await seedAcme(server.database)
})
afterAll(() => server.close())

/** How many rows each table has: what a refused request must not change. */
async function rowsByTable(): Promise<string> {
  const { rows: tables } = await server.database.query<{ name: string }>(
    sql`select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('audit_event') order by 1`,
  )
  const text = tables
    .map(({ name }) => `select '${name}' as name, count(*)::int as n from "${name}"`)
    .join(' union all ')
  const { rows } = await server.database.query<{ name: string; n: number }>({ chunks: [text], values: [] })
  return rows.map(({ name, n }) => `${name} ${n}`).join('\n')
}

describe(`of ${cases.length} malformed or hostile requests`, () => {
  it('there are at least 150', () => {
    expect(cases.length).toBeGreaterThanOrEqual(150)
  })

  it.each(cases)(
    '%s: a 4xx in the wire’s own words, and nothing is written',
    async (_title, wire, request) => {
      const before = await rowsByTable()
      const complained = server.complaints.length
      const answer = await rawRequest(server.url, request)
      expect(answer.status, answer.body.slice(0, 400)).toBeGreaterThanOrEqual(400)
      expect(answer.status, answer.body.slice(0, 400)).toBeLessThan(500)
      expect(
        wires[wire](answer),
        `${wire}: ${answer.headers.get('content-type')} ${answer.body.slice(0, 400)}`,
      ).toBe(true)
      expect(answer.body).not.toMatch(/\n\s+at .*\.ts:\d+|node_modules|SQLSTATE/)
      expect(server.complaints.slice(complained)).toEqual([])
      expect(await rowsByTable()).toBe(before)
    },
  )
})
