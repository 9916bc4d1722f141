/**
 * What went wrong in other products that speak this wire, ten lessons, and the tests here that each is shown by. The
 * list is checked: a test that is renamed or removed must be followed here. What no other file shows stands below.
 */
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { listEvents } from '#audit'
import { putInlinePolicy } from '#iam'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'

import { acme, seedAcme } from '../support/acme.ts'
import type { TestCredentials } from '../support/api-call.ts'
import { allow } from '../support/federated.ts'
import { startServer, type TestServer } from '../support/server.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const lessons: readonly (readonly [
  lesson: string,
  shownBy: readonly (readonly [file: string, title: string])[],
])[] = [
  [
    'A federated person whose display name was the root key became the owner.',
    [
      ['flows/federated-names', 'as the name of a session'],
      ['flows/federated-names', 'as the name of a federated user'],
      ['flows/federated-names', 'as a subject'],
      ['flows/federated-names', 'names that look like another are none'],
      ['sts/assume-role', 'does not let root assume a role, nor anybody by the name of root'],
      ['flows/confused-deputy', 'a session tag cannot stand in for a key that only Signet fills in'],
    ],
  ],
  [
    'The secret was a plain hash of the session id; session tokens were accepted as bearer tokens elsewhere.',
    [
      ['flows/lessons', 'gives nobody the secret of a session, not with its token and every line of the log'],
      ['sts/session-token', 'holds neither the secret nor readable claims'],
      ['flows/sealed-values', 'takes only its own kind'],
      ['federation-url/federation-url', 'takes no sealed value of another kind for its token or its cookie'],
      ['aws-sso/aws-sso', 'refuses a refresh token where an access token belongs'],
    ],
  ],
  [
    'A default signing key was shipped; tokens were encrypted without authentication under one key.',
    [
      ['config/secret-key', 'is made once in the data directory, for its owner alone'],
      ['config/secret-key', 'that was cut short is refused instead of replaced'],
      ['sts/session-token', 'with any bit changed'],
      ['sts/session-token', 'with the access key id of another session, of the same account or of another'],
      ['sts/session-token', 'of another deployment'],
      ['sts/session-token', 'of a day from which no session can be alive'],
      ['sts/sigv4a', 'is refused with any part changed, cut, or of another key'],
    ],
  ],
  [
    'Revocation was checked on the main path and missed in chaining; "revoke session" did nothing.',
    [
      ['sts/revocation', 'a role session works on every path, and on none after'],
      ['flows/federated-revocation', 'is out everywhere, and nobody else is'],
      ['clients/verify', 'ends a caller within the bound'],
      ['clients/verify', 'ends a session within a second of its revocation'],
      ['aws-login/aws-login', 'reaches refresh and credentials, of the role and of the user'],
      ['aws-sso/aws-sso', 'reaches access, refresh and role credentials'],
      ['federation-url/federation-url', 'ends at once when %s, and a token that was not used yet is over'],
      ['clients/verify', 'asks about every request while it is %s'],
      ['agent/agent', 'gives nothing that counts after the %s was revoked'],
      ['remote/remote', 'ends one session, all of a role and all of a person'],
    ],
  ],
  [
    'Keys could be made across projects; an endpoint that exchanges signatures was open to anybody.',
    [
      ['access/access', 'who may ask'],
      ['clients/verify', 'are for registered services with that right, and for callers that they have seen'],
      ['flows/confused-deputy', 'a user of the same name in another account is another user'],
      ['sts/session-token', 'names its account in the access key id'],
    ],
  ],
  [
    'Emulators accept any assertion and any token.',
    [
      ['sts/web-identity', 'refuses a token'],
      ['sts/web-identity', 'by another issuer of the same account that signs with the same key id'],
      ['sts/federated', 'refuses with the codes clients know'],
      ['sts/federated', 'is not a fountain: one assertion opens a role ten times at most'],
      ['saml/sts-assertion', 'refuses signature wrapping'],
      ['saml/sts-assertion', 'refuses what was not meant'],
      ['saml/cve', 'CVE-2026-28323'],
      ['saml/codes', 'every code of a refusal has a test that names it'],
    ],
  ],
  [
    "The caller's region or host decided which STS was asked to confirm an identity.",
    [
      ['flows/lessons', 'asks nobody else, whatever host, region or address the request names'],
      ['sts/web-identity', 'of an issuer the account does not know'],
      ['sts/web-identity', 'does not leave for plain http, credentials or addresses that are not public'],
      ['sts/web-identity', 'follows no redirect and reads no endless answer'],
    ],
  ],
  [
    'A session silently lasted as long as the identity token; the role asked for was ignored; errors said nothing.',
    [
      ['sts/federated', 'trades a token of another issuer for a session that outlives it'],
      ['sts/assume-role', 'gives no more than the maximum of the role and one hour to a chain'],
      ['sts/assume-role', 'gives a session of the role named, for as long as was asked'],
      ['sts/assume-role', 'refuses alike where the role is missing, does not trust the caller'],
      ['flows/lessons', 'tells the audit log why a web identity was refused'],
    ],
  ],
  [
    'A 500 on one operation hung Terraform for nine minutes; an answer without its result crashed botocore.',
    [
      ['iam-api/model', 'answers well-formed XML to an empty, a minimal and a garbage request'],
      ['sts/wire', 'answers an empty, a wrong and a garbage request with a well-formed 2xx or 4xx'],
    ],
  ],
  [
    'Temporary keys worked without their token, expired ones with a fresh date, keys of one service at another.',
    [
      ['sts/wire', 'temporary keys without their token'],
      ['sts/wire', "long-term keys with somebody's token"],
      ['sts/wire', "another service's scope"],
      ['sts/wire', 'a session that is over, and a presigned request sixteen minutes later'],
      ['access/access', 'a signature for another service'],
    ],
  ],
]

describe.each(lessons)('%s', (_lesson, shownBy) => {
  it.each(shownBy)('is shown by %s: %s', (file, title) => {
    const text = readFileSync(new URL(`../${file}.test.ts`, import.meta.url), 'utf8')
    // Titles stand in quotes of one kind or another, sometimes after a %s; those of this file also in the list above.
    const before = file === 'flows/lessons' ? "\\nit\\('" : `['"\`][^'"\`\n]*`
    expect(text.replaceAll('\\', '')).toMatch(new RegExp(before + RegExp.escape(title)))
  })
})

let server: TestServer
const heard: string[] = []

beforeAll(async () => {
  server = await startServer({ hear: (fields, message) => heard.push(JSON.stringify(fields) + message) })
  const alice = await seedAcme(server.database)
  await putInlinePolicy(server.database, alice.userId, 'all', allow('*'))
})
afterAll(async () => {
  expect(server.complaints).toEqual([])
  await server.close()
})

const sts = (by: TestCredentials, more: object = {}) =>
  new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: by, maxAttempts: 1, ...more })

it('gives nobody the secret of a session, not with its token and every line of the log', async () => {
  const { Credentials: given } = await sts(acme).send(
    new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'secretive' }),
  )
  const session = {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
  await sts(session).send(new GetCallerIdentityCommand({}))
  await sts({ ...session, secretAccessKey: 'x' })
    .send(new GetCallerIdentityCommand({}))
    .catch(() => {})
  const events = (await listEvents(server.database, { limit: 1_000 })).map(({ body }) => body)
  expect(heard.length).toBeGreaterThan(2)
  expect(events.join('')).toContain(session.accessKeyId)
  const told = [...heard, ...events].join('\n')
  for (const hidden of [session.secretAccessKey, session.sessionToken, acme.secretAccessKey])
    expect(told).not.toContain(hidden)

  // All that an attacker could put in: what was told, the token, and the parts of it.
  const raw = Buffer.from(session.sessionToken, 'base64')
  const parts = [raw, raw.subarray(0, 4), raw.subarray(4, 16), raw.subarray(16, 32), raw.subarray(32)]
  const words = [...new Set(told.split(/[^\w+/=.:@-]+/))].filter((word) => word.length > 3)
  const inputs: readonly (string | Buffer)[] = [
    session.accessKeyId,
    session.sessionToken,
    `sk${session.accessKeyId}`,
    ...parts,
    ...words,
  ]
  const found = inputs.flatMap((input) =>
    ['md5', 'sha1', 'sha256', 'sha512'].flatMap((hash) => [
      createHash(hash).update(input).digest(),
      ...['', 'sk', session.accessKeyId, session.sessionToken, 'signet'].map((key) =>
        createHmac(hash, key).update(input).digest(),
      ),
    ]),
  )
  const spelled = found.flatMap((bytes) => [
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ])
  expect(spelled.filter((text) => text.slice(0, 40) === session.secretAccessKey)).toEqual([])
})

it('asks nobody else, whatever host, region or address the request names', async () => {
  let connections = 0
  const elsewhere = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
  const there = `127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  const body = Buffer.from('Action=GetCallerIdentity&Version=2011-06-15')
  const mallory = { accessKeyId: 'AKIAMALLORYMALLORYMA', secretAccessKey: 'of another installation' }
  const basic = Buffer.from(`${acme.clientId}:${acme.clientSecret}`).toString('base64')

  for (const host of [there, `user:pass@${there}`, 'sts.amazonaws.com', 'sts.evil.example.com'])
    for (const region of ['us-east-1', 'evil.example.com/', '..', there.replace(':', '-')])
      for (const by of [mallory, acme]) {
        // The verifier is shown a whole request, its address too.
        const request = { method: 'POST', rawUrl: '/', headers: [['host', host] as const], body }
        const headers = signHeaders(request, by, { at: systemClock(), region, service: 'orders' })
        const answer = await fetch(`${server.url}/access/v1/authorize-request`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Basic ${basic}` },
          body: JSON.stringify({
            request: {
              method: 'POST',
              url: `http://${there}/`,
              headers: Object.fromEntries(headers),
              body_sha256: createHash('sha256').update(body).digest('hex'),
            },
            action: 'orders:Get',
            resource: 'arn:aws:orders::111122223333:order/1',
          }),
        })
        expect([answer.status, host, region]).toEqual([
          expect.toSatisfy((status: number) => status < 500),
          host,
          region,
        ])
        const { allowed } = (await answer.json()) as { allowed?: boolean }
        if (by === mallory) expect(allowed).not.toBe(true)
      }
  expect(connections).toBe(0)
  await new Promise((resolve) => elsewhere.close(resolve))
})

it('tells the audit log why a web identity was refused', async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'none' })}.${part({ iss: 'https://nobody.example.com' })}.`
  await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: acme.roleArn,
      RoleSessionName: 'nobody',
      WebIdentityToken: token,
    }).toString(),
  })
  const [event] = await listEvents(server.database, { name: 'AssumeRoleWithWebIdentity' })
  expect(JSON.parse(event?.body ?? '{}')).toMatchObject({
    errorCode: 'InvalidIdentityToken',
    additionalEventData: { reason: 'sts/identity-token-issuer' },
    requestParameters: { roleArn: acme.roleArn },
  })
})
