/** The gateway with the S3 client of the AWS SDK for JavaScript as it is published, over HTTP and over TLS. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { Agent, request as httpRequest } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { createServer, type Server } from 'node:tls'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { declare } from '../access/world.ts'
import { testCertificatePem } from '../support/certificate.ts'
import { type ObjectStore, startObjectStore, storeKey } from '../support/object-store.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'
import { home, sam, storeDeclaration, storeEnv } from '../support/store-behind-gateway.ts'

type Lookup = NonNullable<NonNullable<ConstructorParameters<typeof Agent>[0]>['lookup']>
/** Every name is this machine. */
const lookup: Lookup = (_name, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

let store: ObjectStore
let server: TestServer
let tls: Server
let certificate: string
let endpoints: Record<'http' | 'https', string>
let session: { accessKeyId: string; secretAccessKey: string; sessionToken: string }
const clients: S3Client[] = []
const agents: (Agent | TlsAgent)[] = []

const Version = '2012-10-17'

beforeAll(async () => {
  store = await startObjectStore(['photos'])
  const port = await freePort()
  server = await startServer({ env: { SIGNET_GATEWAY__PORT: String(port) } })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  certificate = testCertificatePem(privateKey, 's3.localhost')
  // A proxy that ends TLS before the gateway.
  tls = createServer(
    { key: privateKey.export({ type: 'pkcs8', format: 'pem' }), cert: certificate },
    (outer) => {
      const { hostname, port: at } = new URL(server.gatewayUrl)
      const inner = connect(Number(at), hostname)
      for (const [one, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        one.pipe(other)
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
      }
    },
  )
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve))
  endpoints = {
    http: `http://s3.localhost:${port}`,
    https: `https://s3.localhost:${(tls.address() as AddressInfo).port}`,
  }
  await declare(
    server.database,
    storeDeclaration({
      store: store.url,
      origins: Object.values(endpoints),
      statements: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
      more: {
        roles: [
          {
            name: 'Photographer',
            trust: {
              Version,
              Statement: [{ Effect: 'Allow', Principal: { AWS: home }, Action: 'sts:AssumeRole' }],
            },
            inline_policies: {
              photos: {
                Version,
                Statement: [
                  { Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' },
                  { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::photos' },
                  { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::photos/mine/*' },
                  { Effect: 'Deny', Action: 's3:*', Resource: 'arn:aws:s3:::photos/mine/locked*' },
                ],
              },
            },
          },
        ],
      },
    }),
    storeEnv,
  )
  const sts = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: sam })
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${home}:role/Photographer`, RoleSessionName: 'sdk' }),
  )
  session = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  }
}, 60_000)
afterAll(async () => {
  for (const client of clients) client.destroy()
  for (const agent of agents) agent.destroy()
  await new Promise((resolve) => tls.close(resolve))
  expect(server.complaints).toEqual([])
  await server.close()
  await store.stop()
})
beforeEach(() => {
  store.requests.length = 0
  store.refused.length = 0
})

const quiet = (): void => {}
function clientAt(endpoint: string, more: S3ClientConfig = {}): S3Client {
  const httpAgent = new Agent({ keepAlive: true, lookup })
  // The certificate is for one name, not for the buckets before it.
  const httpsAgent = new TlsAgent({
    keepAlive: true,
    lookup,
    ca: certificate,
    checkServerIdentity: () => undefined,
  })
  agents.push(httpAgent, httpsAgent)
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: session,
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { httpAgent, httpsAgent },
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    ...more,
  })
  clients.push(client)
  return client
}

const Bucket = 'photos'
const refusalOf = (sent: Promise<unknown>) =>
  sent.then(
    () => 'it was done',
    (thrown: { name: string; $metadata: { httpStatusCode?: number } }) => [
      thrown.name,
      thrown.$metadata.httpStatusCode,
    ],
  )
/** More than a client sends without asking first, and than is held back. */
const large = Buffer.alloc(3_000_000, 'a line of a large file\n')
const inPieces = function* (bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000)
}
const streamOf = (bytes: Buffer) => Readable.from(inPieces(bytes), { objectMode: false })

describe.each(['http', 'https'] as const)('over %s', (scheme) => {
  let s3: S3Client
  beforeAll(() => {
    s3 = clientAt(endpoints[scheme])
  })
  const bytesOf = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }

  it('text goes up and comes back with what was said of it', async () => {
    const Key = 'mine/notes.txt'
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body: 'Grüße',
        ContentType: 'text/plain; charset=utf-8',
        CacheControl: 'no-cache',
        Metadata: { camera: 'old one' },
      }),
    )
    expect(put.ETag).toBe(`"${createHash('md5').update('Grüße').digest('hex')}"`)
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }))
    expect(await got.Body?.transformToString()).toBe('Grüße')
    expect(got).toMatchObject({
      ContentType: 'text/plain; charset=utf-8',
      CacheControl: 'no-cache',
      Metadata: { camera: 'old one' },
    })
    const part = await s3.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=0-1' }))
    expect([await part.Body?.transformToString(), part.ContentRange]).toEqual(['Gr', 'bytes 0-1/7'])
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({ ContentLength: 7 })
    expect((await s3.send(new HeadBucketCommand({ Bucket }))).$metadata.httpStatusCode).toBe(200)
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toEqual(['photos'])
    await s3.send(new DeleteObjectCommand({ Bucket, Key }))
    expect(await refusalOf(bytesOf(Key))).toEqual(['NoSuchKey', 404])
    expect(await refusalOf(s3.send(new HeadObjectCommand({ Bucket, Key })))).toEqual(['NotFound', 404])
    expect(store.refused).toEqual([])
  })

  it.each([undefined, 'CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'a stream goes up in chunks with its checksum after them (%s)',
    async (ChecksumAlgorithm) => {
      const Key = `mine/stream-${ChecksumAlgorithm}`
      for (const bytes of [large, Buffer.from('small'), Buffer.alloc(0)]) {
        await s3.send(
          new PutObjectCommand({
            Bucket,
            Key,
            Body: streamOf(bytes),
            ContentLength: bytes.length,
            ...(ChecksumAlgorithm && { ChecksumAlgorithm }),
          }),
        )
        expect(store.requests.at(-1)?.headers).toMatchObject({
          'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'x-amz-trailer': `x-amz-checksum-${(ChecksumAlgorithm ?? 'CRC32').toLowerCase()}`,
        })
        expect((await bytesOf(Key)).equals(bytes)).toBe(true)
      }
      expect(store.refused).toEqual([])
    },
  )

  it('a stream without a checksum goes up as it is', async () => {
    const plain = clientAt(endpoints[scheme], { requestChecksumCalculation: 'WHEN_REQUIRED' })
    const Key = 'mine/plain'
    await plain.send(
      new PutObjectCommand({ Bucket, Key, Body: streamOf(large), ContentLength: large.length }),
    )
    expect((await bytesOf(Key)).equals(large)).toBe(true)
  })

  it('keys with odd characters are themselves in every operation; those two stores could read differently are refused', async () => {
    const keys = [
      'mine/odd/a b',
      'mine/odd/a+b',
      'mine/odd/100%',
      'mine/odd/a%2Fb',
      'mine/odd/日本/é',
      'mine/odd/\'()!*~&=?#;:@$,[]<>"',
      'mine/odd/marker/',
    ]
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
    expect([...store.objects.keys()]).toEqual(expect.arrayContaining(keys.map((key) => `${Bucket}/${key}`)))
    // What others wrote into the store itself is in its lists all the same.
    const unusual = ['mine/odd//double', 'mine/odd/../dots', 'mine/odd/./dot', 'mine/odd/back\\slash']
    const direct = clientAt(store.url, {
      credentials: { accessKeyId: storeKey.accessKeyId, secretAccessKey: storeKey.secret },
    })
    for (const Key of unusual) await direct.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
    for (const more of [{}, { EncodingType: 'url' as const, FetchOwner: true, MaxKeys: 100 }]) {
      const list = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'mine/odd/', ...more }))
      const told = list.Contents?.map(({ Key = '' }) => Key) ?? []
      expect(list.EncodingType === 'url' ? told.map(decodeURIComponent).toSorted() : told.toSorted()).toEqual(
        [...keys, ...unusual].toSorted(),
      )
    }
    const folders = await s3.send(
      new ListObjectsV2Command({ Bucket, Prefix: 'mine/odd/', Delimiter: '/', StartAfter: 'mine/odd/+' }),
    )
    expect(folders.CommonPrefixes?.map(({ Prefix }) => Prefix)).toContain('mine/odd/marker/')

    for (const Key of keys) {
      expect((await bytesOf(Key)).toString()).toBe(Key)
      const CopySource = `${Bucket}/${encodeURIComponent(Key).replaceAll('%2F', '/')}`
      const copy = await s3.send(new CopyObjectCommand({ Bucket, Key: `${Key}copied`, CopySource }))
      expect(copy.CopyObjectResult?.ETag).toBe(`"${createHash('md5').update(Key).digest('hex')}"`)
      expect((await bytesOf(`${Key}copied`)).toString()).toBe(Key)
    }
    store.requests.length = 0
    for (const Key of unusual) {
      expect([Key, await refusalOf(bytesOf(Key))]).toEqual([Key, ['InvalidURI', 400]])
      const CopySource = `${Bucket}/${Key}`
      expect([
        Key,
        await refusalOf(s3.send(new CopyObjectCommand({ Bucket, Key: 'mine/c', CopySource }))),
      ]).toEqual([Key, ['InvalidURI', 400]])
    }
    expect(store.requests).toEqual([])

    const all = [...keys, ...keys.map((key) => `${key}copied`)]
    const told = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: all.map((Key) => ({ Key })) } }),
    )
    expect(told.Deleted?.map(({ Key }) => Key).toSorted()).toEqual(all.toSorted())
    expect(all.filter((key) => store.objects.has(`${Bucket}/${key}`))).toEqual([])
    for (const Key of unusual) await direct.send(new DeleteObjectCommand({ Bucket, Key }))
  })

  it('of a list of deletions, what is denied is an error in its result', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'mine/gone', Body: 'x' }))
    const told = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: ['mine/gone', 'mine/locked', 'theirs/a & b'].map((Key) => ({ Key })) },
      }),
    )
    expect(told.Deleted).toEqual([{ Key: 'mine/gone' }])
    expect(told.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([
      ['mine/locked', 'AccessDenied'],
      ['theirs/a & b', 'AccessDenied'],
    ])
  })

  it('a large object goes up in parts, from bytes and from a stream; an upload can be given up', async () => {
    const Key = 'mine/parts.bin'
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const bodies = [large, streamOf(large), 'the end']
    const Parts = []
    for (const [index, Body] of bodies.entries()) {
      const { ETag } = await s3.send(
        new UploadPartCommand({
          Bucket,
          Key,
          UploadId,
          PartNumber: index + 1,
          Body,
          ...(Body instanceof Readable && { ContentLength: large.length }),
        }),
      )
      Parts.push({ ETag, PartNumber: index + 1 })
    }
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
    const whole = Buffer.concat([large, large, Buffer.from('the end')])
    expect((await bytesOf(Key)).equals(whole)).toBe(true)
    const other = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'mine/other' }))
    const given = { Bucket, Key: 'mine/other', UploadId: other.UploadId }
    expect((await s3.send(new AbortMultipartUploadCommand(given))).$metadata.httpStatusCode).toBe(204)
    expect(
      await refusalOf(s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'theirs/parts' }))),
    ).toEqual(['AccessDenied', 403])
  })

  it('what is denied is told in S3’s words, however large the upload', async () => {
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'theirs/a', Body: 'a' }))).rejects.toMatchObject(
      {
        name: 'AccessDenied',
        message: expect.stringMatching(/is not authorized to perform: s3:PutObject on resource/),
        $fault: 'client',
        $metadata: { httpStatusCode: 403, requestId: expect.stringMatching(/./) },
      },
    )
    expect(await refusalOf(bytesOf('theirs/a'))).toEqual(['AccessDenied', 403])
    expect((await refusalOf(s3.send(new HeadObjectCommand({ Bucket, Key: 'theirs/a' }))))[1]).toBe(403)
    const huge = Buffer.alloc(40_000_000, 'x')
    for (const Body of [huge, streamOf(huge)])
      expect(
        await refusalOf(
          s3.send(new PutObjectCommand({ Bucket, Key: 'theirs/a', Body, ContentLength: huge.length })),
        ),
      ).toEqual(['AccessDenied', 403])
    expect(store.requests).toEqual([])
  })

  it('a wrong secret, key and token are told apart', async () => {
    const as = (credentials: object) =>
      refusalOf(
        clientAt(endpoints[scheme], { credentials: { ...session, ...credentials } }).send(
          new GetObjectCommand({ Bucket, Key: 'mine/x' }),
        ),
      )
    expect(await as({ secretAccessKey: 'another' })).toEqual(['SignatureDoesNotMatch', 403])
    expect(await as({ accessKeyId: 'AKIAUNKNOWNUNKNOWN22', sessionToken: undefined })).toEqual([
      'InvalidAccessKeyId',
      403,
    ])
    expect(await as({ sessionToken: 'AQnonsense' })).toEqual(['InvalidToken', 400])
  })

  it('the bucket may stand in the host', async () => {
    const own = clientAt(endpoints[scheme], { forcePathStyle: false })
    await own.send(new PutObjectCommand({ Bucket, Key: 'mine/v h', Body: 'virtual' }))
    expect((await bytesOf('mine/v h')).toString()).toBe('virtual')
    expect(store.requests[0]?.url).toBe('/photos/mine/v%20h')
  })
})

it('a link that the client’s own signer made is good for what it names, and nothing else', async () => {
  const s3 = clientAt(endpoints.http)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'mine/a b+ü', Body: 'by link' }))
  const link = await linkTo(s3, new GetObjectCommand({ Bucket, Key: 'mine/a b+ü' }))
  expect(await follow(link)).toEqual([200, 'by link'])
  expect((await follow(link.replace('mine/', 'theirs/')))[0]).toBe(403)
  expect((await follow(`${link}&response-content-type=text%2Fhtml`))[0]).toBe(403)
  const denied = await follow(await linkTo(s3, new GetObjectCommand({ Bucket, Key: 'theirs/a' })))
  expect(denied).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')])
})

it('what a link carries of headers in its query counts as headers', async () => {
  const s3 = clientAt(endpoints.http)
  const write = await linkTo(
    s3,
    new PutObjectCommand({ Bucket, Key: 'mine/linked', Metadata: { camera: 'old' }, Tagging: 'a=b' }),
  )
  expect(write).toContain('x-amz-meta-camera=old')
  expect((await follow(write, 'PUT', 'up by link'))[0]).toBe(200)
  expect(store.requests.at(-1)?.headers).toMatchObject({ 'x-amz-meta-camera': 'old', 'x-amz-tagging': 'a=b' })
  const copyOf = (CopySource: string) =>
    linkTo(s3, new CopyObjectCommand({ Bucket, Key: 'mine/linked-copy', CopySource }))
  expect((await follow(await copyOf('photos/theirs/a'), 'PUT'))[0]).toBe(403)
  expect((await follow(await copyOf('photos/mine/linked'), 'PUT'))[0]).toBe(200)
  expect(store.objects.get('photos/mine/linked-copy')?.toString()).toBe('up by link')
})

/** A presigned URL: the request that the client would send, given to its own signer. */
async function linkTo(
  s3: S3Client,
  command: GetObjectCommand | PutObjectCommand | CopyObjectCommand,
): Promise<string> {
  let link = ''
  const { middlewareStack } = command as GetObjectCommand
  middlewareStack.add(
    () => async (args) => {
      const signer = await s3.config.signer()
      if (!('presign' in signer)) throw new Error('this signer makes no links')
      const { headers, ...request } = args.request as Presignable
      const { path, query = {} } = await (signer as PresigningSigner).presign(
        // What else the client sends of itself, a browser would not.
        {
          ...request,
          headers: {
            ...Object.fromEntries(
              Object.entries(headers).filter(([name]) =>
                /^(?:host$|x-amz-(?:meta-|tagging|copy-))/.test(name),
              ),
            ),
            'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
          },
        },
        { expiresIn: 60 },
      )
      const parameters = Object.entries(query).map(
        ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
      )
      link = `${path}?${parameters.join('&')}`
      return { response: undefined, output: { $metadata: {} } }
    },
    { step: 'finalizeRequest', priority: 'high', name: 'link' },
  )
  await s3.send(command as GetObjectCommand)
  return link
}
type Presignable = {
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>
}
type PresigningSigner = {
  presign(request: Presignable, options: { expiresIn: number }): Promise<Presignable>
}

const follow = (path: string, method = 'GET', body = '') =>
  new Promise<readonly [number | undefined, string]>((resolve, reject) => {
    const { hostname, port, host } = new URL(endpoints.http)
    httpRequest(
      { hostname, port, method, path, lookup, headers: { host, 'content-length': body.length } },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => resolve([answer.statusCode, Buffer.concat(chunks).toString()]))
      },
    )
      .on('error', reject)
      .end(body)
  })
