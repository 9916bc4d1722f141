/** The gateway before a store: what clients may do, what the store gets, and what never reaches it. */
import { createHash, createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { crc32 } from 'node:zlib'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { listEvents } from '#audit'
import { findUserByName, updateUser } from '#directory'
import { systemClock } from '#kernel'
import { signHeaders, type SigningCredentials, signingKey } from '#sigv4'
import { declare } from '../access/world.ts'
import { type ObjectStore, startObjectStore, storeKey } from '../support/object-store.ts'
import { rawRequest } from '../support/raw-http.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'
import { home, sam, storeDeclaration, storeEnv } from '../support/store-behind-gateway.ts'
import { type Call, clientOf, hashOf } from './world.ts'
import { patiently } from '../support/patience.ts'

/** For what comes a moment after an answer. */
const mine = 'arn:aws:s3:::photos/home/sam/*'

const Version = '2012-10-17'
const allow = (Action: string | readonly string[], Resource: string, more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
})
const trusting = (Action: readonly string[]) => ({
  Version,
  Statement: [{ Effect: 'Allow', Principal: { AWS: home }, Action }],
})

const declaration = (url: string, origin: string) =>
  storeDeclaration({
    store: url,
    origins: [origin],
    statements: [
      allow('s3:ListAllMyBuckets', '*'),
      allow('s3:ListBucket', 'arn:aws:s3:::photos', {
        Condition: { StringLike: { 's3:prefix': ['home/sam/*'] } },
      }),
      allow(
        [
          's3:GetObject',
          's3:PutObject',
          's3:DeleteObject',
          's3:AbortMultipartUpload',
          's3:ListMultipartUploadParts',
        ],
        mine,
      ),
      { Effect: 'Deny', Action: 's3:*', Resource: 'arn:aws:s3:::photos/home/sam/locked/*' },
      allow('s3:DeleteObjectVersion', 'arn:aws:s3:::photos/home/sam/versions/*', {
        Condition: { StringEquals: { 's3:VersionId': 'v1' } },
      }),
      allow('s3:BypassGovernanceRetention', 'arn:aws:s3:::photos/home/sam/versions/*'),
      allow(['sts:AssumeRole', 'sts:TagSession'], '*'),
    ],
    more: {
      accounts: [{ name: 'lab', id: '444455556666' }],
      roles: [
        {
          name: 'Uploader',
          trust: trusting(['sts:AssumeRole', 'sts:TagSession']),
          inline_policies: {
            team: {
              Version,
              Statement: [allow('s3:*', 'arn:aws:s3:::photos/team/${aws:PrincipalTag/team}/*')],
            },
          },
        },
        {
          name: 'Guest',
          account: 'lab',
          trust: trusting(['sts:AssumeRole']),
          inline_policies: { read: { Version, Statement: [allow('s3:GetObject', '*')] } },
        },
      ],
      store: {
        resource_types: ['bucket'],
        resources: [
          {
            type: 'bucket',
            id: 'shared',
            policy: {
              Version,
              Statement: [
                allow('s3:GetObject', 'arn:aws:s3:::shared/*', { Principal: { AWS: '444455556666' } }),
              ],
            },
          },
        ],
      },
    },
  })

let store: ObjectStore
let server: TestServer
let port: number
let host: string
let client: ReturnType<typeof clientOf>

beforeAll(async () => {
  store = await startObjectStore(['photos', 'shared', 'other'])
  port = await freePort()
  host = `s3.localhost:${port}`
  server = await startServer({ env: { SIGNET_GATEWAY__PORT: String(port) } })
  await declare(server.database, declaration(store.url, `http://${host}`), storeEnv)
  client = clientOf(server.gatewayUrl)
}, 60_000)
afterAll(async () => {
  await server.close()
  await store.stop()
})
beforeEach(() => {
  store.requests.length = 0
})

const call = (path: string, more: Partial<Call> = {}) => client.signed(sam, { path, host, ...more })
const put = (path: string, body: string | Uint8Array, more: Partial<Call> = {}) =>
  call(path, { method: 'PUT', body, ...more })
const codeOf = (answer: { body: string }) => /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1]

describe('what a policy allows', () => {
  it('goes to the store signed with the store’s own key, without a trace of the client’s', async () => {
    const body = 'a picture'
    const up = await put('/photos/home/sam/a.txt', body, {
      headers: { 'content-type': 'text/plain', 'x-amz-meta-camera': 'old', 'cache-control': 'no-cache' },
    })
    expect([up.status, up.headers.get('etag')]).toEqual([
      200,
      `"${createHash('md5').update(body).digest('hex')}"`,
    ])
    const down = await call('/photos/home/sam/a.txt')
    expect([down.status, down.body]).toEqual([200, body])
    expect(Object.fromEntries(down.headers)).toMatchObject({
      'content-type': 'text/plain',
      'x-amz-meta-camera': 'old',
      'content-length': '9',
    })
    const part = await call('/photos/home/sam/a.txt', { headers: { range: 'bytes=2-4' } })
    expect([part.status, part.body, part.headers.get('content-range')]).toEqual([206, 'pic', 'bytes 2-4/9'])
    const head = await call('/photos/home/sam/a.txt', { method: 'HEAD' })
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, '', '9'])
    expect((await call('/photos/home/sam/a.txt', { method: 'DELETE' })).status).toBe(204)
    expect(store.objects.has('photos/home/sam/a.txt')).toBe(false)

    expect(store.refused).toEqual([])
    for (const { headers } of store.requests) {
      expect(headers.authorization).toContain(`Credential=${storeKey.accessKeyId}/`)
      expect(JSON.stringify(headers)).not.toContain(sam.accessKeyId)
    }
  })

  it('is decided with the parameters of a list as condition keys', async () => {
    await put('/photos/home/sam/list/one', '1')
    const list = await call('/photos?list-type=2&prefix=home%2Fsam%2Flist%2F&delimiter=%2F&encoding-type=url')
    expect([list.status, list.body]).toEqual([200, expect.stringContaining('<Key>home/sam/list/one</Key>')])
    for (const query of ['', '?prefix=home/', '?list-type=2&prefix=home%2Fana%2F', '?prefix='])
      expect([query, (await call(`/photos${query}`)).status]).toEqual([query, 403])
    expect((await call('/')).body).toContain('<Name>photos</Name>')
  })

  it('may be addressed by the bucket’s own host', async () => {
    const own = { host: `photos.${host}` }
    expect((await put('/home/sam/v.txt', 'virtual', own)).status).toBe(200)
    expect((await call('/home/sam/v.txt', own)).body).toBe('virtual')
    expect((await call('/home/ana/v.txt', own)).status).toBe(403)
    expect(store.requests.map(({ url }) => url)).toEqual(['/photos/home/sam/v.txt', '/photos/home/sam/v.txt'])
  })

  it('keeps every character of a key: what was decided on is what the store gets', async () => {
    const key = "home/sam/a b+c%d~é日本!'()*&=?#;:@$,[]"
    const path = `/photos/${key.split('/').map(encodeURIComponent).join('/')}`
    expect((await put(path, 'odd')).status).toBe(200)
    expect([...store.objects.keys()]).toContain(`photos/${key}`)
    expect((await call(path)).body).toBe('odd')
    // A literal %2F in a key is not a slash, and a folder's marker keeps its own.
    expect((await put('/photos/home/sam/https%253A%252F%252Fx', 'u')).status).toBe(200)
    expect([...store.objects.keys()]).toContain('photos/home/sam/https%3A%2F%2Fx')
    expect((await put('/photos/home/sam/folder/', '')).status).toBe(200)
    expect([...store.objects.keys()]).toContain('photos/home/sam/folder/')
  })

  it('is done by a role session with its tags', async () => {
    const sts = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: sam })
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${home}:role/Uploader`,
        RoleSessionName: 'sam',
        Tags: [{ Key: 'team', Value: 'blue' }],
      }),
    )
    const session: SigningCredentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken,
    }
    const as = (path: string, more: Partial<Call> = {}) => client.signed(session, { path, host, ...more })
    expect((await as('/photos/team/blue/x', { method: 'PUT', body: 'x' })).status).toBe(200)
    expect((await as('/photos/team/red/x', { method: 'PUT', body: 'x' })).status).toBe(403)
    expect(store.requests.every(({ headers }) => headers['x-amz-security-token'] === undefined)).toBe(true)
    const url = client.presigned(session, { path: '/photos/team/blue/x', host })
    expect(await client.send({ path: url, host })).toMatchObject({ status: 200, body: 'x' })
    expect(store.requests.at(-1)?.url).toBe('/photos/team/blue/x')
    const other = await client.signed({ ...session, sessionToken: 'AQnonsense' }, { path: '/photos/x', host })
    expect([other.status, codeOf(other)]).toEqual([400, 'InvalidToken'])
  })

  it('can be another account’s, by a bucket’s own policy and hers together', async () => {
    const sts = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: sam })
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::444455556666:role/Guest', RoleSessionName: 'guest' }),
    )
    const guest: SigningCredentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken,
    }
    const status = async (path: string, method = 'GET') =>
      (await client.signed(guest, { path, host, method })).status
    expect(await status('/shared/a')).toBe(404)
    expect(await status('/photos/a')).toBe(403)
    expect(await status('/shared/a', 'DELETE')).toBe(403)
  })
})

describe('what no policy allows', () => {
  it('is refused in S3’s words with the decision’s reason, is in the audit log, and never reaches the store', async () => {
    const denied = await call('/photos/home/ana/a.txt')
    expect([denied.status, codeOf(denied)]).toEqual([403, 'AccessDenied'])
    expect(denied.body).toContain(
      `User: arn:aws:iam::${home}:user/sam is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::photos/home/ana/a.txt because no identity-based policy allows the s3:GetObject action`,
    )
    expect(denied.headers.get('x-amz-request-id')).toMatch(/^[\w-]{36}$/)
    const explicit = await put('/photos/home/sam/locked/a', 'x')
    expect(explicit.body).toContain('with an explicit deny in an identity-based policy')
    expect(store.requests).toEqual([])
    await vi.waitFor(async () => {
      const events = (await listEvents(server.database, { limit: 10_000 })).map(
        ({ body }) =>
          JSON.parse(body) as { eventName: string; errorCode?: string; resources?: { ARN: string }[] },
      )
      expect(events).toContainEqual(
        expect.objectContaining({
          eventName: 'PutObject',
          errorCode: 'AccessDenied',
          resources: [{ ARN: 'arn:aws:s3:::photos/home/sam/locked/a' }],
        }),
      )
    }, patiently)
  })

  it('is not reached by another spelling of a key', async () => {
    for (const path of [
      '/photos/home/sam/%6Cocked/a',
      '/photos/home%2Fsam%2Flocked%2Fa',
      '/photos/home/sam%2flocked/a',
    ])
      expect([path, (await call(path)).status]).toEqual([path, 403])
    for (const path of [
      '/photos/home/sam/../ana/a',
      '/photos/home/sam/%2e%2e/ana/a',
      '/photos/home/sam/%252e%252e/ana/a',
      '/photos/home/sam/.%2E/ana/a',
      '/photos/home/sam/%2e/a',
      '/photos/home/sam//locked/a',
      '/photos//home/sam/a',
      '//photos/home/sam/a',
      '/photos/home/sam/%2Flocked/a',
      '/photos/home/sam/..%5Cana',
      '/photos/home/sam/a%0d%0ax',
      '/%2e%2e/photos/home/sam/a',
      '/photos%2Fhome/sam/a',
      '/Photos/home/sam/a',
    ]) {
      const answer = await put(path, 'x')
      expect([path, answer.status]).toEqual([path, 400])
    }
    for (const path of ['/photos/home/sam/%ff', '/photos/home/sam/%zz'])
      expect(
        (await put('/photos/home/sam/a', 'x', { sent: { path, method: 'PUT', body: 'x' } })).status,
      ).toBe(400)
    expect(store.requests).toEqual([])
  })

  it('is not reached by a parameter or header that makes it another operation', async () => {
    const path = '/photos/home/sam/acl.txt'
    const status = async (query: string, more: Partial<Call> = {}) =>
      (await call(`${path}${query}`, more)).status
    expect(await status('?acl')).toBe(403)
    expect(await status('?acl=&tagging=')).toBe(400)
    expect(await status('?torrent')).toBe(400)
    expect(await status('?versionId=7')).toBe(403)
    expect(await status('?partNumber=1&partNumber=2')).toBe(400)
    const upload = { method: 'PUT', body: 'x' }
    expect(await status('', { ...upload, headers: { 'x-amz-acl': 'public-read' } })).toBe(403)
    expect(await status('', { ...upload, headers: { 'x-amz-tagging': 'a=b' } })).toBe(403)
    expect(await status('', { ...upload, headers: { 'x-amz-rename-source': 'x' } })).toBe(400)
    expect(await status('', { ...upload, headers: { 'x-amz-expected-bucket-owner': '999999999999' } })).toBe(
      403,
    )
    expect(await status('', { method: 'POST', body: 'x' })).toBe(400)
    expect(store.requests).toEqual([])
  })

  it('is not copied: the source needs GetObject as the target needs PutObject', async () => {
    await put('/photos/home/sam/source', 'original')
    const copy = async (source: string, { headers = {}, ...more }: Partial<Call> = {}) =>
      (
        await put('/photos/home/sam/copy', '', {
          headers: { 'x-amz-copy-source': source, ...headers },
          ...more,
        })
      ).status
    expect(await copy('photos/home/sam/source')).toBe(200)
    expect(store.requests.at(-1)?.headers['x-amz-copy-source']).toBe('/photos/home/sam/source')
    expect(store.objects.get('photos/home/sam/copy')?.toString()).toBe('original')
    const owner = (account: string) => ({ headers: { 'x-amz-source-expected-bucket-owner': account } })
    expect(await copy('photos/home/sam/source', owner(home))).toBe(200)
    const before = store.requests.length
    expect(await copy('/photos/home/ana/secret')).toBe(403)
    expect(await copy('photos/home/sam/locked/a')).toBe(403)
    expect(await copy('photos/home/sam/%6Cocked/a')).toBe(403)
    expect(await copy('photos/home/sam/source?versionId=1')).toBe(403)
    expect(await copy('photos/home/sam/source', owner('999999999999'))).toBe(403)
    expect(await copy('photos/home/sam/../ana/a')).toBe(400)
    expect(await copy('photos')).toBe(400)
    expect(await copy('photos/home/sam/source', { method: 'GET' })).toBe(400)
    expect(store.requests.length).toBe(before)
  })
})

describe('a list of deletions', () => {
  type Named = string | { readonly key: string; readonly version: string }
  const list = (objects: readonly Named[], more = '') =>
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects
      .map((each) =>
        typeof each === 'string'
          ? `<Object><Key>${each}</Key></Object>`
          : `<Object><Key>${each.key}</Key><VersionId>${each.version}</VersionId></Object>`,
      )
      .join('')}${more}</Delete>`
  const remove = (body: string, more: Partial<Call> = {}) =>
    call('/photos?delete', { method: 'POST', body, ...more })
  /** What a result says of each key: its version, and the code of its error where there is one. */
  const toldOf = ({ body }: { body: string }) =>
    [...body.matchAll(/<(Deleted|Error)>(.*?)<\/\1>/gs)].map(([, name, inner = '']) =>
      [
        name,
        /<Key>(.*?)<\/Key>/.exec(inner)?.[1],
        /<VersionId>(.*?)<\/VersionId>/.exec(inner)?.[1],
        /<Code>(.*?)<\/Code>/.exec(inner)?.[1],
      ].filter((each) => each !== undefined),
    )
  const fill = async (...names: readonly string[]) => {
    for (const name of names) await put(`/photos/home/sam/${encodeURIComponent(name)}`, name)
    store.requests.length = 0
  }
  const here = (name: string) => store.objects.has(`photos/home/sam/${name}`)

  it('that is allowed is done, also by a client that says no hash', async () => {
    await fill('d1', 'd2&<', 'd3')
    const removed = await remove(list(['home/sam/d1', 'home/sam/d2&amp;&lt;']))
    expect([removed.status, toldOf(removed)]).toEqual([
      200,
      [
        ['Deleted', 'home/sam/d1'],
        ['Deleted', 'home/sam/d2&amp;&lt;'],
      ],
    ])
    expect([here('d1'), here('d2&<'), here('d3')]).toEqual([false, false, true])
    // As some clients write it.
    const plain = '<Delete><Object><Key>home/sam/d3</Key></Object><Quiet>true</Quiet></Delete>'
    const quiet = await remove(plain, { said: 'UNSIGNED-PAYLOAD' })
    expect([quiet.status, toldOf(quiet), here('d3')]).toEqual([200, [], false])
    expect(store.refused).toEqual([])
  })

  it('that is denied in part is done in part: every denied key is an error, and in the audit log', async () => {
    await fill('e1', 'e2')
    store.held.add('photos/home/sam/e2')
    const body = list([
      'home/ana/e&amp;',
      'home/sam/e1',
      { key: 'home/sam/e1', version: 'v7' },
      'home/sam/e2',
      'home/sam/locked/e3',
    ])
    const crc = Buffer.alloc(4)
    crc.writeUInt32BE(crc32(body))
    const answer = await remove(body, {
      headers: {
        'content-md5': createHash('md5').update(body).digest('base64'),
        'x-amz-checksum-crc32': crc.toString('base64'),
        'x-amz-sdk-checksum-algorithm': 'CRC32',
      },
    })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/xml'])
    expect(toldOf(answer)).toEqual([
      ['Deleted', 'home/sam/e1'],
      ['Error', 'home/sam/e2', 'AccessDenied'],
      ['Error', 'home/ana/e&amp;', 'AccessDenied'],
      ['Error', 'home/sam/e1', 'v7', 'AccessDenied'],
      ['Error', 'home/sam/locked/e3', 'AccessDenied'],
    ])
    expect(answer.body).toContain('<Message>held &amp; kept</Message>')
    expect(answer.body).toContain(
      `is not authorized to perform: s3:DeleteObjectVersion on resource: arn:aws:s3:::photos/home/sam/e1 because no`,
    )
    expect([here('e1'), here('e2')]).toEqual([false, true])
    expect(store.refused).toEqual([])
    expect(store.requests[0]?.headers['x-amz-checksum-crc32']).toBeUndefined()
    await vi.waitFor(async () => {
      const events = (await listEvents(server.database, { limit: 10_000 })).map(
        (event) =>
          JSON.parse(event.body) as { eventName: string; errorCode?: string; resources?: { ARN: string }[] },
      )
      const noted = events
        .filter(({ eventName, resources: [first] = [] }) =>
          ['e1', 'e&', 'e3'].some((end) => eventName === 'DeleteObjects' && first?.ARN.endsWith(`/${end}`)),
        )
        .map(({ errorCode, resources = [] }) => [
          errorCode ?? 'allowed',
          ...resources.map(({ ARN }) => ARN.slice('arn:aws:s3:::photos/'.length)),
        ])
        .toSorted((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1))
      expect(noted).toEqual([
        ['AccessDenied', 'home/ana/e&'],
        ['AccessDenied', 'home/sam/e1'],
        ['AccessDenied', 'home/sam/locked/e3'],
        ['allowed', 'home/sam/e1', 'home/sam/e2'],
      ])
    }, patiently)
  })

  it('that asks for quiet hears of the errors alone, and one of which nothing is allowed never reaches the store', async () => {
    await fill('f1')
    const quiet = '<Quiet>true</Quiet>'
    const some = await remove(list(['home/sam/f1', 'home/ana/f'], quiet))
    expect([some.status, toldOf(some), here('f1')]).toEqual([
      200,
      [['Error', 'home/ana/f', 'AccessDenied']],
      false,
    ])
    // A store that does not know the word.
    store.lies('<DeleteResult><Deleted><Key>home/sam/f1</Key></Deleted></DeleteResult>')
    expect(toldOf(await remove(list(['home/sam/f1', 'home/ana/f'], quiet)))).toEqual([
      ['Error', 'home/ana/f', 'AccessDenied'],
    ])
    store.requests.length = 0
    for (const more of ['', quiet]) {
      const none = await remove(list(['home/ana/f', { key: 'home/ana/g', version: 'v1' }], more))
      expect([none.status, toldOf(none)]).toEqual([
        200,
        [
          ['Error', 'home/ana/f', 'AccessDenied'],
          ['Error', 'home/ana/g', 'v1', 'AccessDenied'],
        ],
      ])
    }
    expect(store.requests).toEqual([])
  })

  it('is decided version by version, with the version as a condition key', async () => {
    const told = await remove(
      list([
        { key: 'home/sam/versions/a', version: 'v1' },
        { key: 'home/sam/versions/a', version: 'v2' },
        'home/sam/versions/a',
      ]),
    )
    expect(toldOf(told)).toEqual([
      ['Deleted', 'home/sam/versions/a', 'v1'],
      ['Deleted', 'home/sam/versions/a'],
      ['Error', 'home/sam/versions/a', 'v2', 'AccessDenied'],
    ])
  })

  it('may pass over object lock only where each key allows it', async () => {
    const headers = { 'x-amz-bypass-governance-retention': 'true' }
    await fill('g1')
    const told = await remove(list(['home/sam/g1', 'home/sam/versions/g']), { headers })
    expect(toldOf(told)).toEqual([
      ['Deleted', 'home/sam/versions/g'],
      ['Error', 'home/sam/g1', 'AccessDenied'],
    ])
    expect(here('g1')).toBe(true)
  })

  it('that is none is MalformedXML, and nothing of it is done', async () => {
    await fill('h1')
    const many = Array.from({ length: 1_001 }, () => 'home/sam/h1')
    for (const [name, body] of [
      [
        'a document type',
        '<!DOCTYPE Delete [<!ENTITY x "home/sam/h1">]><Delete><Object><Key>&x;</Key></Object></Delete>',
      ],
      ['1,001 keys', list(many)],
      ['no keys', list([])],
      ['cut off', list(['home/sam/h1']).slice(0, -9)],
      ['another document', '<Remove><Object><Key>home/sam/h1</Key></Object></Remove>'],
      ['an unknown element', list(['home/sam/h1'], '<Force>true</Force>')],
      ['two keys in one', '<Delete><Object><Key>home/sam/h1</Key><Key>home/ana/h</Key></Object></Delete>'],
      ['a key that is too long', list([`home/sam/${'x'.repeat(1_024)}`])],
      ['a body that is too long', list(['home/sam/h1'], `<!--${'x'.repeat(2_097_152)}-->`)],
      ['nothing', ''],
    ] as const) {
      const answer = await remove(body)
      expect([name, answer.status, codeOf(answer)]).toEqual([name, 400, 'MalformedXML'])
    }
    expect((await remove(list(['home/sam/../ana/x']))).status).toBe(400)
    expect((await remove(list(['home/sam/h1']), { sent: { body: list(['home/sam/h2']) } })).status).toBe(400)
    expect([store.requests, here('h1')]).toEqual([[], true])
    expect((await remove(list(many.slice(1)))).status).toBe(200)
  })

  it('of which the store says something else is told as such', async () => {
    await fill('i1')
    store.lies('<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
    const lie = await remove(list(['home/sam/i1', 'home/ana/i']))
    expect([lie.status, codeOf(lie)]).toEqual([503, 'ServiceUnavailable'])
    store.lies('<Error><Code>SlowDown</Code></Error>', 503)
    const slow = await remove(list(['home/sam/i1', 'home/ana/i']))
    expect([slow.status, codeOf(slow)]).toEqual([503, 'SlowDown'])
  })
})

describe('who asks', () => {
  const path = '/photos/home/sam/who'
  it('is refused in S3’s words', async () => {
    const nobody = await client.send({ path, host })
    expect([nobody.status, codeOf(nobody)]).toEqual([403, 'AccessDenied'])
    const expectations: readonly (readonly [Partial<SigningCredentials>, Partial<Call>, number, string])[] = [
      [{ accessKeyId: 'AKIAUNKNOWNUNKNOWN22' }, {}, 403, 'InvalidAccessKeyId'],
      [{ secretAccessKey: 'another' }, {}, 403, 'SignatureDoesNotMatch'],
      [{}, { sent: { path: `${path}2` } }, 403, 'SignatureDoesNotMatch'],
      [{}, { sent: { method: 'DELETE' } }, 403, 'SignatureDoesNotMatch'],
      [{}, { service: 'sts', said: hashOf('') }, 400, 'AuthorizationHeaderMalformed'],
      [{}, { said: 'nonsense' }, 400, 'InvalidArgument'],
    ]
    for (const [credentials, more, status, code] of expectations) {
      const answer = await client.signed({ ...sam, ...credentials }, { path, host, ...more })
      expect([code, answer.status, codeOf(answer)]).toEqual([code, status, code])
    }
    for (const old of [`${path}?AWSAccessKeyId=a&Signature=b&Expires=9`, path]) {
      const headers: Record<string, string> = old === path ? { authorization: 'AWS AKIA:c2ln' } : {}
      const answer = await client.send({ path: old, host, headers })
      expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('use AWS4-HMAC-SHA256')])
    }
    // The store's own key is no key here.
    const own = await client.signed(
      { accessKeyId: storeKey.accessKeyId, secretAccessKey: storeKey.secret },
      { path, host },
    )
    expect(codeOf(own)).toBe('InvalidAccessKeyId')
    expect(store.requests).toEqual([])
  })

  it('presigned, may do what was signed, as long as it says', async () => {
    await put(path, 'presigned')
    const url = client.presigned(sam, { path, host })
    expect(await client.send({ path: url, host })).toMatchObject({ status: 200, body: 'presigned' })
    expect((await client.send({ path: `${url}&versionId=1`, host })).status).toBe(403)
    expect((await client.send({ path: url.replace('/who', '/wha'), host })).status).toBe(403)
    expect((await client.send({ path: url, host, method: 'DELETE' })).status).toBe(403)
    const over = client.presigned(sam, { path, host }, 0)
    await vi.waitFor(
      async () => expect((await client.send({ path: over, host })).status).toBe(403),
      patiently,
    )
    const upload = client.presigned(sam, { method: 'PUT', path, host })
    expect((await client.send({ method: 'PUT', path: upload, host, body: 'by link' })).status).toBe(200)
    expect(store.objects.get('photos/home/sam/who')?.toString()).toBe('by link')
  })

  it('at a host of no app gets nothing, and a second Host or two lengths are no request', async () => {
    expect((await client.signed(sam, { path, host: `nowhere.localhost:${port}` })).status).toBe(404)
    for (const head of [
      'Host: s3.localhost\r\nHost: other',
      'Content-Length: 3\r\nTransfer-Encoding: chunked',
    ]) {
      const answer = await rawRequest(server.gatewayUrl, {
        method: 'PUT',
        path,
        headers: { [head.slice(0, head.indexOf(':'))]: head.slice(head.indexOf(':') + 2) },
        body: '0\r\n\r\n',
      })
      expect([head, answer.status]).toEqual([head, 400])
    }
  })
})

describe('a body', () => {
  const large = Buffer.alloc(1_000_000, 'abcdefghij')
  const path = '/photos/home/sam/body'

  it.each([
    ['small', Buffer.from('small')],
    ['larger than what is held back', large],
  ])('that is another than was signed never becomes an object: %s', async (_name, body) => {
    const other = Buffer.from(body)
    other[other.length - 1] = 0
    const answer = await put(`${path}-hash`, body, { sent: { body: other } }).catch(() => undefined)
    expect([answer?.status, answer && codeOf(answer)]).toEqual([400, 'XAmzContentSHA256Mismatch'])
    expect(store.objects.has('photos/home/sam/body-hash')).toBe(false)
    expect((await put(`${path}-hash`, body, { sent: { body: '' } })).status).toBe(400)
    expect((await put(`${path}-good`, body)).status).toBe(200)
    expect(store.objects.get('photos/home/sam/body-good')?.equals(body)).toBe(true)
  })

  /** The chunks that a client signs one after the other. */
  function chunked(
    parts: readonly Buffer[],
    options: { trailer?: readonly [string, string]; form?: string; damage?: (wire: Buffer) => Buffer } = {},
  ) {
    const isSigned = !(options.form ?? '').includes('UNSIGNED')
    const form =
      options.form ?? `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${options.trailer === undefined ? '' : '-TRAILER'}`
    const total = parts.reduce((sum, each) => sum + each.length, 0)
    const headers = signHeaders(
      {
        method: 'PUT',
        rawUrl: path,
        headers: [
          ['host', host],
          ['x-amz-content-sha256', form],
          ['x-amz-decoded-content-length', String(total)],
          ['content-encoding', 'aws-chunked'],
          ...(options.trailer === undefined ? [] : [['x-amz-trailer', options.trailer[0]] as const]),
        ],
        body: { sha256: form },
      },
      sam,
      { at: systemClock(), region: 'us-east-1', service: 's3' },
    )
    const value = (wanted: string) => headers.find(([name]) => name === wanted)?.[1] ?? ''
    const date = value('x-amz-date')
    const day = date.slice(0, 8)
    const scope = `${day}/us-east-1/s3/aws4_request`
    const key = signingKey(sam.secretAccessKey, day, 'us-east-1', 's3')
    let previous = /Signature=(\w+)/.exec(value('authorization'))?.[1] ?? ''
    const sign = (lines: readonly string[]) => {
      previous = createHmac('sha256', key).update(lines.join('\n')).digest('hex')
      return previous
    }
    const wire: Buffer[] = []
    for (const part of [...parts, Buffer.alloc(0)]) {
      const signature = isSigned
        ? `;chunk-signature=${sign(['AWS4-HMAC-SHA256-PAYLOAD', date, scope, previous, hashOf(''), hashOf(part)])}`
        : ''
      wire.push(Buffer.from(`${part.length.toString(16)}${signature}\r\n`))
      if (part.length > 0) wire.push(part, Buffer.from('\r\n'))
    }
    if (options.trailer !== undefined) {
      const [name, text] = options.trailer
      wire.push(Buffer.from(`${name}:${text}\r\n`))
      if (isSigned)
        wire.push(
          Buffer.from(
            `x-amz-trailer-signature:${sign(['AWS4-HMAC-SHA256-TRAILER', date, scope, previous, hashOf(`${name}:${text}\n`)])}\r\n`,
          ),
        )
    }
    wire.push(Buffer.from('\r\n'))
    const body = (options.damage ?? ((each: Buffer) => each))(Buffer.concat(wire))
    return client
      .send({ method: 'PUT', path, host, headers: Object.fromEntries(headers), body })
      .catch(() => ({ status: 0, body: '' }))
  }
  const parts = [large.subarray(0, 300_000), large.subarray(300_000, 700_001), large.subarray(700_001)]
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(large))
  const trailer = ['x-amz-checksum-crc32', crc.toString('base64')] as const
  const now = () => store.objects.get('photos/home/sam/body')

  it.each([
    ['signed chunks', {}],
    ['signed chunks and a signed checksum after them', { trailer }],
    ['chunks without signatures and a checksum', { trailer, form: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' }],
  ])('in %s arrives whole', async (_name, options) => {
    await call(path, { method: 'DELETE' })
    expect((await chunked(parts, options)).status).toBe(200)
    expect(now()?.equals(large)).toBe(true)
    expect(store.refused).toEqual([])
    expect(store.requests.at(-1)?.headers['x-amz-trailer']).toBe(
      'trailer' in options ? trailer[0] : undefined,
    )
  })

  it('in chunks of which one was changed, left out, moved or cut off never becomes an object', async () => {
    await call(path, { method: 'DELETE' })
    const change = (at: number) => (wire: Buffer) => {
      const copy = Buffer.from(wire)
      copy[at] = (copy[at] ?? 0) ^ 1
      return copy
    }
    const damages: readonly (readonly [string, (wire: Buffer) => Buffer])[] = [
      ['first chunk', change(500)],
      ['last chunk', change(999_000)],
      ['cut', (wire) => wire.subarray(0, wire.length - 200)],
      ['more', (wire) => Buffer.concat([wire, Buffer.from('5\r\nhello\r\n0\r\n\r\n')])],
      ['no framing', () => large],
    ]
    for (const [name, damage] of damages) {
      const answer = await chunked(parts, { damage })
      expect([name, answer.status === 400 || answer.status === 403, now()]).toEqual([name, true, undefined])
    }
    for (const damage of [change(1_000_000 + 300)])
      expect((await chunked(parts, { trailer, damage })).status).toBeGreaterThanOrEqual(400)
    const forged = await chunked(parts, { trailer: ['x-amz-checksum-crc32', 'AAAAAA=='] })
    expect(forged.status).toBe(403)
    expect(now()).toBeUndefined()
  })

  it('that breaks off never becomes an object', async () => {
    const name = '/photos/home/sam/broken'
    const headers = signHeaders(
      {
        method: 'PUT',
        rawUrl: name,
        headers: [
          ['host', host],
          ['x-amz-content-sha256', hashOf(large)],
        ],
        body: large,
      },
      sam,
      { at: systemClock(), region: 'us-east-1', service: 's3' },
    )
    const { hostname, port: at } = new URL(server.gatewayUrl)
    const request = httpRequest({
      hostname,
      port: at,
      method: 'PUT',
      path: name,
      setHost: false,
      headers: { ...Object.fromEntries(headers), 'content-length': large.length },
    })
    request.on('error', () => {})
    request.write(large.subarray(0, 500_000))
    await vi.waitFor(() => expect(store.begun()).toBeGreaterThan(0), patiently)
    request.destroy()
    await vi.waitFor(() => expect(store.begun()).toBe(0), patiently)
    expect(store.objects.has('photos/home/sam/broken')).toBe(false)
  })

  it('in a form that is not known is refused before anything is read', async () => {
    const answer = await chunked(parts, { form: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'NotImplemented'])
  })

  it('that is announced in chunks and does not come leaves no length behind on the way to the store', async () => {
    const headers = { 'x-amz-decoded-content-length': '500', 'content-encoding': 'aws-chunked' }
    for (const said of ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'])
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const trailer: Record<string, string> = said.endsWith('TRAILER')
          ? { 'x-amz-trailer': 'x-amz-checksum-crc32' }
          : {}
        const answer = await call(path, { method, said, headers: { ...headers, ...trailer } })
        expect([method, answer.status, codeOf(answer)]).toEqual([method, 400, 'IncompleteBody'])
      }
    expect(store.requests).toEqual([])
  })

  it('goes up in parts', async () => {
    const key = '/photos/home/sam/parts'
    const begun = await call(`${key}?uploads`, { method: 'POST' })
    const id = /<UploadId>(.*)<\/UploadId>/.exec(begun.body)?.[1] ?? ''
    for (const [index, body] of parts.entries())
      expect((await put(`${key}?partNumber=${index + 1}&uploadId=${id}`, body)).status).toBe(200)
    const done = await call(`${key}?uploadId=${id}`, { method: 'POST', body: '<CompleteMultipartUpload/>' })
    expect(done.status).toBe(200)
    expect(store.objects.get('photos/home/sam/parts')?.equals(large)).toBe(true)
    expect((await call(`/photos/home/ana/x?uploads`, { method: 'POST' })).status).toBe(403)
  })
})

describe('when something ends', () => {
  it('a store that is gone is told as such, and the next request works when it is back', async () => {
    const place = Number(new URL(store.url).port)
    await put('/photos/home/sam/kept', 'kept')
    await store.stop()
    const gone = await call('/photos/home/sam/kept')
    expect([gone.status, codeOf(gone)]).toEqual([503, 'ServiceUnavailable'])
    store = await startObjectStore(['photos'], place)
    expect((await call('/photos/home/sam/kept')).status).toBe(404)
  })

  it('a user who is disabled may do nothing with the next request', async () => {
    const user = await findUserByName(server.database, home, 'sam')
    await server.database.transaction((tx) => updateUser(tx, user?.userId ?? '', { status: 'disabled' }))
    const answer = await call('/photos/home/sam/kept')
    expect([answer.status, codeOf(answer)]).toEqual([403, 'InvalidAccessKeyId'])
    expect(server.complaints).toEqual([])
  })
})
