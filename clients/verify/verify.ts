/**
 * Verifies requests that are signed with Signet's credentials, in your own service and without asking Signet for each.
 * Copy this file: it needs Node 22 or newer and nothing else. See docs/verification.md of Signet.
 *
 * - SigV4A with a token of the signed form: verified with public keys alone; this process holds no secret.
 * - SigV4, and long-term keys: on first sight of a caller its request is shown to Signet once, which answers with the key
 *   of your service and this day. Needs `client`: the id and secret of your app, which has `signing_keys: true`.
 *
 * Every request is held against the feed of revocations. When the feed has been silent for `boundSeconds`, callers are
 * asked about one by one (`client`), or refused: silence is never a yes.
 */
import { createHash, createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto'

export type VerifierOptions = {
  /** Signet's public URL. */
  readonly signet: string
  /** Your service prefix: what clients name as the service they sign for. */
  readonly service: string
  readonly client?: { readonly id: string; readonly secret: string }
  readonly boundSeconds?: number
}

/** A request as it came: the raw URL of the request line, header pairs, the whole body. */
export type SignedRequest = {
  readonly method: string
  readonly url: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

/** Who signed. */
export type Principal = {
  readonly arn: string
  readonly accountId: string
  readonly uniqueId: string
  readonly sourceIdentity?: string | undefined
  readonly tags: Readonly<Record<string, string>>
}

export type Verifier = {
  /** Resolves when the revocations are known. Before, `verify` asks about each caller, or refuses. */
  ready(): Promise<void>
  /** @throws Refused */
  verify(request: SignedRequest): Promise<Principal>
  close(): void
}

/** Why a request is refused, in AWS's words. */
export class Refused extends Error {
  readonly code: string
  readonly status: number
  constructor(code: string, message: string, status = 403) {
    super(message)
    this.name = 'Refused'
    this.code = code
    this.status = status
  }
}

const hmacAlgorithm = 'AWS4-HMAC-SHA256'
const ecdsaAlgorithm = 'AWS4-ECDSA-P256-SHA256'
const windowMilliseconds = 900_000
const maxCallers = 10_000

type Authorization = {
  readonly algorithm: string
  readonly accessKeyId: string
  readonly scope: string
  readonly signedHeaders: readonly string[]
  readonly signature: Buffer
  readonly date: string
  readonly token: string
}
type Known = {
  readonly key: KeyObject | Buffer
  readonly principal: Principal
  readonly epochs: readonly (readonly [subject: string, epoch: number])[]
  readonly expires: number
}
/** So asked, what has no end is over. */
const isOver = ({ expires }: Known): boolean => !(expires > Date.now())
type Json = Readonly<Record<string, unknown>>

export function createVerifier(options: VerifierOptions): Verifier {
  const { service, client, boundSeconds = 5 } = options
  const signet = new URL(options.signet).origin
  const keys = publicKeys(`${signet}/access/v1/jwks`)
  const feed = followRevocations(signet, keys)
  const callers = new Map<string, Known>()

  /** Shows the request to Signet, which verifies it and gives the key for those that follow. */
  async function ask({ method, url, headers, body }: SignedRequest): Promise<Known> {
    if (client === undefined)
      throw new Refused('AccessDenied', 'Sign with SigV4A (AWS_AUTH_SCHEME_PREFERENCE=sigv4a).')
    const basic = `${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`
    const answer = await fetchJson(`${signet}/access/v1/signing-keys`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
      },
      body: JSON.stringify({ request: { method, url, headers, body_sha256: sha256(body).toString('hex') } }),
    })
    if (answer['verified'] !== true) {
      const { code, message, status } = answer['error'] as { code: string; message: string; status: number }
      throw new Refused(code, message, status)
    }
    const { hmac, jwk } = answer['key'] as { hmac?: string; jwk?: object }
    const principal = answer['principal'] as Json
    return {
      key: hmac === undefined ? keyOf(jwk) : Buffer.from(hmac, 'base64url'),
      principal: principalOf(principal, 'arn', 'account_id', 'unique_id'),
      epochs: answer['epochs'] as Known['epochs'],
      expires: Date.parse(String(answer['expires_at'])),
    }
  }

  /** What a token of the signed form says, once its signature has proven it. */
  async function fromToken({ accessKeyId, token }: Authorization): Promise<Known> {
    const claims = await readJwt(token, 'session+jwt', keys)
    if (claims['iss'] !== signet || claims['akid'] !== accessKeyId) throw badToken()
    return {
      key: keyOf((claims['cnf'] as { jwk?: object } | undefined)?.jwk),
      principal: principalOf(claims, 'sub', 'account', 'user_id'),
      epochs: claims['epochs'] as Known['epochs'],
      expires: Number(claims['exp']) * 1_000,
    }
  }

  async function verifyRequest(request: SignedRequest): Promise<Principal> {
    const authorization = parse(request, service)
    const { token, algorithm } = authorization
    const publicOnly = algorithm === ecdsaAlgorithm && token.split('.').length === 3
    if (feed.age() > boundSeconds * 1_000) {
      // What cannot be asked about is refused.
      if (client !== undefined) return (await ask(request)).principal
      throw new Refused('ServiceUnavailable', 'It is not known here which sessions were revoked.', 503)
    }
    // The whole token is in the name: nothing of one caller is ever found by another.
    const name = sha256(
      Buffer.from(JSON.stringify([authorization.accessKeyId, token, authorization.scope, algorithm])),
    ).toString('base64')
    let known = callers.get(name)
    if (known === undefined || isOver(known)) {
      callers.delete(name)
      known = publicOnly ? await fromToken(authorization) : await ask(request)
      if (callers.size >= maxCallers) callers.delete(callers.keys().next().value ?? '')
    }
    checkSignature(request, authorization, known.key)
    if (isOver(known) || known.epochs.some(([subject, epoch]) => epoch < feed.epochOf(subject)))
      throw new Refused('ExpiredToken', 'The security token included in the request is expired')
    callers.set(name, known)
    return known.principal
  }

  return { ready: feed.ready, verify: verifyRequest, close: feed.close }
}

const principalOf = (from: Json, arn: string, accountId: string, uniqueId: string): Principal => ({
  arn: String(from[arn]),
  accountId: String(from[accountId]),
  uniqueId: String(from[uniqueId]),
  sourceIdentity: from['source_identity'] as string | undefined,
  tags: (from['tags'] ?? {}) as Record<string, string>,
})

/** Reads and checks all of a signature that needs no key: form, time, service, signed headers. */
function parse({ headers, url }: SignedRequest, service: string): Authorization {
  const valuesOf = (name: string) =>
    headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
  const [line, ...moreLines] = valuesOf('authorization')
  if (line === undefined)
    throw new Refused('MissingAuthenticationToken', 'Request is missing Authentication Token')
  const match =
    /^(AWS4-HMAC-SHA256|AWS4-ECDSA-P256-SHA256) +Credential=([\w/-]+), *SignedHeaders=([a-z0-9;_-]+), *Signature=((?:[0-9a-f]{2})+)$/.exec(
      line,
    )
  const [, algorithm = '', credential = '', names = '', signature = ''] = match ?? []
  const [date = '', ...moreDates] = valuesOf('x-amz-date')
  const [token = '', ...moreTokens] = valuesOf('x-amz-security-token')
  const [accessKeyId = '', day = '', ...rest] = credential.split('/')
  const isRegional = algorithm === hmacAlgorithm
  const signedHeaders = names.split(';')
  const present = headers.map(([name]) => name.toLowerCase())
  const isWhole =
    match !== null &&
    [moreLines, moreDates, moreTokens].every(({ length }) => length === 0) &&
    valuesOf('host').length === 1 &&
    rest.length === (isRegional ? 3 : 2) &&
    /^\d{8}T\d{6}Z$/.test(date) &&
    new Set(signedHeaders).size === signedHeaders.length &&
    signedHeaders.every((name) => present.includes(name)) &&
    (isRegional || valuesOf('x-amz-region-set').length === 1) &&
    url.startsWith('/')
  if (!isWhole) throw new Refused('IncompleteSignature', 'The signature is incomplete.', 400)
  if (present.some((name) => (name === 'host' || name.startsWith('x-amz-')) && !signedHeaders.includes(name)))
    throw mismatch('host and every x-amz-* header must be signed.')
  if (rest.at(-1) !== 'aws4_request' || rest.at(-2) !== service)
    throw mismatch(`Credential should be scoped to correct service: '${service}'.`)
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!date.startsWith(day) || !(Math.abs(Date.now() - at) <= windowMilliseconds))
    throw mismatch('Signature expired or not yet current.')
  const scope = [day, ...rest].join('/')
  return {
    algorithm,
    accessKeyId,
    scope,
    signedHeaders,
    signature: Buffer.from(signature, 'hex'),
    date,
    token,
  }
}

function checkSignature(
  request: SignedRequest,
  { algorithm, scope, signedHeaders, signature, date }: Authorization,
  key: KeyObject | Buffer,
): void {
  const bodyHash = sha256(request.body).toString('hex')
  const valueOf = (name: string) =>
    request.headers
      .filter(([each]) => each.toLowerCase() === name)
      .map(([, value]) => value.trim().replaceAll(/[ \t]+/g, ' '))
      .join(',')
  if (signedHeaders.includes('x-amz-content-sha256') && valueOf('x-amz-content-sha256') !== bodyHash)
    throw mismatch("The value of 'x-amz-content-sha256' does not match the body that was received.")
  const [path, query = ''] = split(request.url, '?')
  const pairs = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => split(part, '=').map((each = '') => encode(decode(each.replaceAll('+', ' ')))))
    .map(([name = '', value = '']) => [name, value] as const)
    .toSorted((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
  const canonical = [
    request.method,
    path.split('/').map(encode).join('/'),
    pairs.map((pair) => pair.join('=')).join('&'),
    ...signedHeaders.map((name) => `${name}:${valueOf(name)}`),
    '',
    signedHeaders.join(';'),
    bodyHash,
  ].join('\n')
  const text = [algorithm, date, scope, sha256(Buffer.from(canonical)).toString('hex')].join('\n')
  const isGenuine =
    Buffer.isBuffer(key) && algorithm === hmacAlgorithm
      ? sameBytes(createHmac('sha256', key).update(text).digest(), signature)
      : !Buffer.isBuffer(key) &&
        algorithm === ecdsaAlgorithm &&
        verify('sha256', Buffer.from(text), key, signature)
  if (!isGenuine) throw mismatch('The request signature does not match.')
}

type FindKey = (kid: string) => Promise<KeyObject>

/** Signet's public keys, fetched when a message names one that is not known, at most every ten seconds. */
function publicKeys(url: string): FindKey {
  let known = new Map<string, KeyObject>()
  let fetching: Promise<void> | undefined
  let fetchedAt = -Infinity
  const fetchKeys = async () => {
    const { keys } = (await fetchJson(url)) as { keys: ({ kid: string } & Json)[] }
    known = new Map(keys.map((jwk) => [jwk.kid, keyOf(jwk)]))
    fetchedAt = performance.now()
  }
  return async (kid) => {
    if (!known.has(kid) && performance.now() - fetchedAt > 10_000)
      await (fetching ??= fetchKeys().finally(() => (fetching = undefined)))
    const key = known.get(kid)
    if (key === undefined) throw badToken()
    return key
  }
}

/** The claims of a JWT of one kind, signed by one of Signet's keys. */
async function readJwt(token: string, typ: string, findKey: FindKey): Promise<Json> {
  const [head = '', body = '', signature = ''] = token.split('.')
  const header = jsonOf(head)
  if (header['alg'] !== 'ES256' || header['typ'] !== typ || token.split('.').length !== 3) throw badToken()
  const key = await findKey(String(header['kid']))
  const signed = Buffer.from(`${head}.${body}`)
  const bytes = Buffer.from(signature, 'base64url')
  const isGenuine = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, bytes)
  if (!isGenuine || bytes.toString('base64url') !== signature) throw badToken()
  return jsonOf(body)
}

type Feed = { age(): number; epochOf(subject: string): number; ready(): Promise<void>; close(): void }

/** Follows the revocations: each message must be signed, of now, and the next after the one before. */
function followRevocations(signet: string, keys: FindKey): Feed {
  const epochs = new Map<string, number>()
  const closing = new AbortController()
  let heardAt = -Infinity
  let latest = 0
  let isReady = () => {}
  const readiness = new Promise<void>((resolve) => (isReady = resolve))

  async function take(message: string, expected: number | undefined): Promise<number> {
    const claims = await readJwt(message, 'revocations+jwt', keys)
    const [at, n] = [Number(claims['at']), Number(claims['n'])]
    const isNext = expected === undefined || n === expected
    const isOfNow = at >= latest - 2_000 && Math.abs(Date.now() - at) <= windowMilliseconds
    if (claims['iss'] !== signet || !isNext || !isOfNow)
      throw new Error('A message was lost or is not of now.')
    for (const [subject, epoch] of claims['revoked'] as [string, number][])
      epochs.set(subject, Math.max(epoch, epochs.get(subject) ?? 0))
    latest = Math.max(latest, at)
    heardAt = performance.now()
    isReady()
    return n + 1
  }

  async function follow(): Promise<void> {
    const aborting = new AbortController()
    const stop = () => aborting.abort()
    const signal = AbortSignal.any([closing.signal, aborting.signal])
    // A connection that is silent is given up, and another one may reach another node.
    let silence = setTimeout(stop, 3_000)
    try {
      const answer = await fetch(`${signet}/access/v1/revocations`, {
        headers: { accept: 'text/event-stream' },
        redirect: 'error',
        signal,
      })
      if (!answer.ok || answer.body === null) return
      let text = ''
      let expected: number | undefined
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        clearTimeout(silence)
        silence = setTimeout(stop, 3_000)
        text += chunk
        const events = text.split('\n\n')
        text = events.pop() ?? ''
        for (const event of events) expected = await take(event.replace(/^data: /, ''), expected)
      }
    } finally {
      clearTimeout(silence)
      stop()
    }
  }

  void (async () => {
    while (!closing.signal.aborted) {
      await follow().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })()
  return {
    age: () => performance.now() - heardAt,
    epochOf: (subject) => epochs.get(subject) ?? 0,
    ready: () => readiness,
    close: () => closing.abort(),
  }
}

async function fetchJson(url: string, init: RequestInit = {}): Promise<Json> {
  try {
    const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(5_000) })
    if (answer.status !== 200) throw new Error(`status ${answer.status}`)
    return (await answer.json()) as Json
  } catch (cause) {
    throw Object.assign(new Refused('ServiceUnavailable', 'Signet does not answer.', 503), { cause })
  }
}

const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest()
const sameBytes = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
const keyOf = (jwk: object | undefined): KeyObject =>
  createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
const jsonOf = (part: string): Json => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Json
  } catch {
    throw badToken()
  }
}
const split = (text: string, mark: string): [string, string?] => {
  const at = text.indexOf(mark)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  )
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refused('MalformedQueryString', 'The URL is not percent-encoded UTF-8.', 400)
  }
}
const mismatch = (message: string): Refused => new Refused('SignatureDoesNotMatch', message)
const badToken = (): Refused =>
  new Refused('InvalidClientTokenId', 'The security token included in the request is invalid.')
