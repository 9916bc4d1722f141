import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seedAcme } from '../support/acme.ts'
import { rawRequest } from '../support/raw-http.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await seedAcme(server.database)
})
afterAll(() => server.close())

const programs = [
  ['POST', '/client/register'],
  ['POST', '/device_authorization'],
  ['POST', '/token'],
  ['POST', '/token?aws_iam=t'],
  ['POST', '/logout'],
  ['POST', '/v1/token'],
  ['POST', '/v1/introspect'],
  ['POST', '/v1/revoke'],
  ['POST', '/federation'],
  ['POST', '/sessions'],
  ['GET', '/assignment/accounts'],
  ['GET', '/assignment/roles?account_id=1&account_id=2'],
  ['GET', '/federation/credentials?role_name=%ff'],
  ['GET', '/federation?Action=getSigninToken&Session=%7b'],
] as const
const pages = [
  '/authorize?scopes=&scopes=',
  '/authorize?scopes=sso:account:access&client_id=%zz',
  `/authorize?scopes=x&client_id=${'A'.repeat(9_000)}`,
  '/v1/authorize',
  '/v1/authorize?client_id=__proto__&redirect_uri=x',
  '/v1/authorize?client_id=arn:aws:signin:::devtools/same-device&redirect_uri=http://127.0.0.1:99999999/oauth/callback',
  '/v1/sessions/confirmation',
  '/v1/sessions/confirmation?request=%e0%a4',
  '/aws/device?user_code=%e0%a4',
  '/aws/device?user_code=BBBB-BBBB&user_code=CCCC-CCCC',
  `/aws/approve/${'A'.repeat(43)}`,
  '/aws/approve/..%2f..',
  `/aws/login/${'%41'.repeat(300)}`,
  '/federation',
  '/federation?Action=login',
  '/federation?Action=login&SigninToken=%00',
  '/federation?Action=login&Action=getSigninToken',
  '/federation/session',
] as const

/** Bodies that no client sends. */
const bodies: readonly (readonly [string, string | Uint8Array, string])[] = [
  ['nothing', '', 'application/json'],
  ['a broken object', '{', 'application/json'],
  ['null', 'null', 'application/json'],
  ['a list', '[[[[[[[[[[[[1]]]]]]]]]]]]', 'application/json'],
  ['a prototype', '{"__proto__":{"clientId":"x"},"clientId":{"toString":1}}', 'application/json'],
  ['numbers', '{"clientId":1,"clientSecret":[],"grantType":{},"durationSeconds":1e999}', 'application/json'],
  [
    'a lone surrogate',
    '{"clientId":"\\ud800","clientSecret":"\\udfff","grantType":"refresh_token"}',
    'application/json',
  ],
  ['a NUL', '{"clientId":"a\\u0000b"}', 'application/json'],
  ['bytes', randomBytes(2_000), 'application/json'],
  ['far too much', 'x'.repeat(400_000), 'application/json'],
  ['a broken form', 'a=%zz&a=%ff&=&&', 'application/x-www-form-urlencoded'],
  ['a form twice', 'clientId=a&clientId=b&Action=getSigninToken', 'application/x-www-form-urlencoded'],
  ['multipart', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x'],
]
const headers = {
  dpop: 'a.b.c',
  'x-amz-sso_bearer_token': 'sso-access.%00.1.x',
  'x-amz-x509': 'AAAA',
  authorization:
    'AWS4-X509-RSA-SHA256 Credential=1/20260101/us-east-1/rolesanywhere/aws4_request, SignedHeaders=host;x-amz-date, Signature=00',
  'x-amz-date': '20269999T999999Z',
  cookie: 'console=%00; session=x; browser=y',
}

it.each(bodies)('every login answers %s with its own refusal', async (_what, body, type) => {
  for (const [method, path] of programs)
    for (const more of [{}, headers]) {
      const answer = await rawRequest(server.url, {
        method,
        path,
        ...(method === 'GET' ? {} : { body }),
        headers: { ...more, ...(method === 'GET' ? {} : { 'content-type': type }) },
      })
      expect([path, answer.status < 200 || answer.status >= 500]).toEqual([path, false])
      expect([path, answer.status]).not.toEqual([path, 200])
      expect(answer.headers.get('content-type')).toMatch(/json/)
    }
  expect(server.complaints).toEqual([])
})

it.each(pages)('the page %s is a page, or a way on', async (path) => {
  for (const cookie of ['', headers.cookie]) {
    const answer = await rawRequest(server.url, { path, headers: { accept: 'text/html', cookie } })
    expect([path, answer.status >= 300 && answer.status < 500]).toEqual([path, true])
    expect(answer.headers.get('location') ?? '/').toMatch(/^\//)
  }
  expect(server.complaints).toEqual([])
})
