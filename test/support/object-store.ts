import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { crc32 } from 'node:zlib'
import { parseAuthorization, verifySignature } from '#sigv4'

/** The key that the store knows, and no other. */
export const storeKey = {
  accessKeyId: 'STOREOWNKEY000000001',
  secret: 'the-secret-of-the-store-itself-01234567',
}

/** What the store received, as it stood on the wire. */
export type StoreRequest = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/**
 * A small object store over HTTP in memory: it verifies every request with its own static key (also the hash of the body,
 * and the checksum that trails one in chunks), and knows buckets, objects, ranges, lists, copies, multipart uploads and
 * deletions. It takes keys as they are, as real stores do.
 */
export type ObjectStore = {
  readonly url: string
  readonly objects: ReadonlyMap<string, Buffer>
  readonly requests: StoreRequest[]
  /** Objects (`bucket/key`) that it does not delete. */
  readonly held: Set<string>
  /** Gives this answer to the next list of deletions. */
  lies(body: string, status?: number): void
  /** How many requests have begun and not ended. */
  begun(): number
  /** Signatures that did not fit. */
  readonly refused: string[]
  stop(): Promise<void>
}

const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const etag = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`
const at = '2026-11-22T08:00:00.000Z'

type Stored = { body: Buffer; headers: Record<string, string> }

export async function startObjectStore(buckets: readonly string[], port = 0): Promise<ObjectStore> {
  const places = new Set(buckets)
  const stored = new Map<string, Stored>()
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()
  const requests: StoreRequest[] = []
  const held = new Set<string>()
  let lie: { status: number; body: string } | undefined
  const refused: string[] = []
  let uploadCount = 0

  const put = (name: string, body: Buffer, headers: Record<string, string>): void => {
    stored.set(name, { body, headers })
    objects.set(name, body)
  }
  const remove = (name: string): void => {
    stored.delete(name)
    objects.delete(name)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const raw = Buffer.concat(chunks)
    const { method = '', url = '/', headers } = request
    requests.push({ method, url, headers })
    const send = (status: number, body: string | Buffer = '', more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...more })
      response.end(method === 'HEAD' ? undefined : body)
    }
    const error = (status: number, code: string): void =>
      send(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`, {
        'content-type': 'application/xml',
      })

    const body = verified(request, raw)
    if (typeof body === 'string') {
      refused.push(`${method} ${url}: ${body}`)
      return error(403, 'SignatureDoesNotMatch')
    }
    const [path = '', query = ''] = url.split('?')
    const parameters = new URLSearchParams(query.replaceAll('+', '%2B'))
    const [bucket = '', ...rest] = path.slice(1).split('/')
    const key = decodeURIComponent(rest.join('/'))
    const name = `${bucket}/${key}`
    const ok = (text: string): void =>
      send(200, `<?xml version="1.0" encoding="UTF-8"?>${text}`, { 'content-type': 'application/xml' })

    if (bucket === '') {
      const all = [...places].map(
        (each) => `<Bucket><Name>${each}</Name><CreationDate>${at}</CreationDate></Bucket>`,
      )
      return ok(
        `<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets>${all.join('')}</Buckets></ListAllMyBucketsResult>`,
      )
    }
    if (key === '' && method === 'PUT') {
      places.add(bucket)
      return send(200)
    }
    if (!places.has(bucket)) return error(404, 'NoSuchBucket')
    if (key === '') {
      if (method === 'HEAD') return send(200)
      if (method === 'DELETE') {
        places.delete(bucket)
        return send(204)
      }
      if (parameters.has('delete')) {
        if (createHash('md5').update(body).digest('base64') !== headers['content-md5'])
          return error(400, 'BadDigest')
        if (lie !== undefined) {
          const { status, body: text } = lie
          lie = undefined
          return send(status, text, { 'content-type': 'application/xml' })
        }
        const plain = (text: string): string =>
          text
            .replaceAll('&lt;', '<')
            .replaceAll('&gt;', '>')
            .replaceAll('&quot;', '"')
            .replaceAll('&amp;', '&')
        const text = body.toString()
        const told = [
          ...text.matchAll(/<Object><Key>([^<]*)<\/Key>(<VersionId>[^<]*<\/VersionId>)?<\/Object>/g),
        ].map(([, each = '', version = '']) => {
          const key = plain(each)
          const named = `<Key>${xml(key)}</Key>${version}`
          if (held.has(`${bucket}/${key}`))
            return `<Error>${named}<Code>AccessDenied</Code><Message>held &amp; kept</Message></Error>`
          remove(`${bucket}/${key}`)
          return text.includes('<Quiet>true</Quiet>') ? '' : `<Deleted>${named}</Deleted>`
        })
        return ok(`<DeleteResult>${told.join('')}</DeleteResult>`)
      }
      if (parameters.has('location')) return ok('<LocationConstraint/>')
      return ok(listing(bucket, parameters))
    }
    if (method === 'POST' && parameters.has('uploads')) {
      const id = `upload-${++uploadCount}`
      uploads.set(id, new Map())
      return ok(
        `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${xml(key)}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    const upload = uploads.get(parameters.get('uploadId') ?? '')
    if (method === 'PUT' && upload !== undefined) {
      upload.set(Number(parameters.get('partNumber')), body)
      return send(200, '', { etag: etag(body) })
    }
    if (method === 'POST' && upload !== undefined) {
      const whole = [...upload].toSorted(([a], [b]) => a - b).map(([, each]) => each)
      put(name, Buffer.concat(whole), {})
      return ok(
        `<CompleteMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${xml(key)}</Key><ETag>"m"</ETag></CompleteMultipartUploadResult>`,
      )
    }
    if (method === 'DELETE' && parameters.has('uploadId')) return send(204)
    const copy = headers['x-amz-copy-source']
    if (method === 'PUT' && typeof copy === 'string') {
      const source = stored.get(decodeURIComponent(copy.replace(/^\//, '')))
      if (source === undefined) return error(404, 'NoSuchKey')
      put(name, source.body, source.headers)
      return ok(
        `<CopyObjectResult><ETag>${etag(source.body)}</ETag><LastModified>${at}</LastModified></CopyObjectResult>`,
      )
    }
    if (method === 'PUT') {
      const kept = Object.entries(headers).filter(
        ([each]) => each.startsWith('x-amz-meta-') || ['content-type', 'cache-control'].includes(each),
      )
      put(name, body, Object.fromEntries(kept.map(([each, value]) => [each, String(value)])))
      return send(200, '', { etag: etag(body) })
    }
    if (method === 'DELETE') {
      remove(name)
      return send(204)
    }
    const found = stored.get(name)
    if (found === undefined) return error(404, 'NoSuchKey')
    const more = {
      ...found.headers,
      etag: etag(found.body),
      'last-modified': 'Sun, 22 Nov 2026 08:00:00 GMT',
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
    if (range !== null) {
      const start = Number(range[1])
      const end = Math.min(range[2] === '' ? Infinity : Number(range[2]), found.body.length - 1)
      return send(206, found.body.subarray(start, end + 1), {
        ...more,
        'content-range': `bytes ${start}-${end}/${found.body.length}`,
      })
    }
    return send(200, found.body, {
      ...more,
      'accept-ranges': 'bytes',
      'content-length': String(found.body.length),
    })
  }

  function listing(bucket: string, parameters: URLSearchParams): string {
    const prefix = parameters.get('prefix') ?? ''
    const delimiter = parameters.get('delimiter') ?? ''
    const isEncoded = parameters.get('encoding-type') === 'url'
    const shown = (text: string): string =>
      isEncoded ? encodeURIComponent(text).replaceAll('%2F', '/') : xml(text)
    const keys = [...stored.keys()]
      .filter((each) => each.startsWith(`${bucket}/${prefix}`))
      .map((each) => each.slice(bucket.length + 1))
      .toSorted()
    const common = new Set<string>()
    const contents = keys.filter((each) => {
      const cut = delimiter === '' ? -1 : each.indexOf(delimiter, prefix.length)
      if (cut >= 0) common.add(each.slice(0, cut + delimiter.length))
      return cut < 0
    })
    return `<ListBucketResult><Name>${bucket}</Name><Prefix>${shown(prefix)}</Prefix>${isEncoded ? '<EncodingType>url</EncodingType>' : ''}<KeyCount>${contents.length + common.size}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>${contents
      .map(
        (each) =>
          `<Contents><Key>${shown(each)}</Key><LastModified>${at}</LastModified><ETag>${etag(stored.get(`${bucket}/${each}`)?.body ?? Buffer.alloc(0))}</ETag><Size>${stored.get(`${bucket}/${each}`)?.body.length ?? 0}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
      )
      .join(
        '',
      )}${[...common].map((each) => `<CommonPrefixes><Prefix>${shown(each)}</Prefix></CommonPrefixes>`).join('')}</ListBucketResult>`
  }

  let begun = 0
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    begun += 1
    response.once('close', () => (begun -= 1))
    answer(request, response).catch(() => {
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : port}`,
    objects,
    requests,
    held,
    lies: (body, status = 200) => {
      lie = { body, status }
    },
    begun: () => begun,
    refused,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** The body of a request whose signature by the store's key holds; else what is wrong. */
function verified(request: IncomingMessage, raw: Buffer): Buffer | string {
  const { method = '', url = '/', rawHeaders } = request
  const headers = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : [],
  )
  const signable = { method, rawUrl: url, headers, body: raw }
  try {
    const authorization = parseAuthorization(signable)
    if (authorization?.accessKeyId !== storeKey.accessKeyId) return 'not the key of the store'
    if (authorization.sessionToken !== undefined) return 'a session token'
    verifySignature(authorization, signable, { secret: storeKey.secret, unsignedPayload: true })
  } catch (thrown) {
    return String(thrown)
  }
  if (request.headers['x-amz-content-sha256'] !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return raw
  return unchunked(request, raw)
}

function unchunked(request: IncomingMessage, raw: Buffer): Buffer | string {
  const parts: Buffer[] = []
  let from = 0
  for (;;) {
    const end = raw.indexOf('\r\n', from)
    const size = Number.parseInt(raw.toString('latin1', from, end), 16)
    from = end + 2
    if (size === 0) break
    parts.push(raw.subarray(from, from + size))
    from += size + 2
  }
  const body = Buffer.concat(parts)
  const [name = '', value = ''] = raw.toString('latin1', from).trim().split(':')
  if (name !== request.headers['x-amz-trailer']) return 'another trailer than announced'
  if (String(body.length) !== request.headers['x-amz-decoded-content-length']) return 'another length'
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(body))
  if (name === 'x-amz-checksum-crc32' && crc.toString('base64') !== value) return 'another checksum'
  return body
}
