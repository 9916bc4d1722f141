import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto'

/** A command line that speaks `aws login`, written from the service's description: no such CLI is on every machine. */
export type LoginClient = {
  readonly clientId: string
  readonly redirectUri: string
  readonly verifier: string
  readonly state: string
  readonly key: KeyObject
  /** The address that it opens in the browser. */
  authorizeUrl(more?: Record<string, string>): string
  /** `POST /v1/token` with a proof of its key. */
  token(body: object, options?: { proof?: string; form?: boolean }): Promise<LoginAnswer>
  /** A proof (RFC 9449), with parts replaced. */
  proof(changes?: { header?: object; claims?: object; key?: KeyObject }): string
}

/** An answer of `POST /v1/token`. */
export type LoginAnswer = {
  readonly status: number
  readonly exception: string | null
  readonly body: {
    readonly accessToken?: { accessKeyId: string; secretAccessKey: string; sessionToken: string }
    readonly tokenType?: string
    readonly expiresIn?: number
    readonly refreshToken?: string
    readonly idToken?: string
    readonly error?: string
    readonly message?: string
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** @param now seconds since the epoch, as the server's clock has them */
export function loginClient(
  url: string,
  { now, remote = false }: { readonly now: () => number; readonly remote?: boolean },
): LoginClient {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const clientId = `arn:aws:signin:::devtools/${remote ? 'cross' : 'same'}-device`
  const redirectUri = remote ? `${url}/v1/sessions/confirmation` : 'http://127.0.0.1:41234/oauth/callback'
  const verifier = randomBytes(48).toString('base64url')
  const state = randomUUID()

  const proof: LoginClient['proof'] = ({ header = {}, claims = {}, key = privateKey } = {}) => {
    const { kty, crv, x, y } = createPrivateKey(key.export({ format: 'pem', type: 'pkcs8' })).export({
      format: 'jwk',
    })
    const text = `${part({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y }, ...header })}.${part({
      htm: 'POST',
      htu: `${url}/v1/token`,
      iat: Math.floor(now()),
      jti: randomUUID(),
      ...claims,
    })}`
    return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
  return {
    clientId,
    redirectUri,
    verifier,
    state,
    key: privateKey,
    proof,
    authorizeUrl: (more = {}) =>
      `${url}/v1/authorize?${new URLSearchParams({
        response_type: 'code',
        client_id: clientId,
        state,
        code_challenge_method: 'SHA-256',
        scope: 'openid',
        redirect_uri: redirectUri,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        ...more,
      }).toString()}`,
    async token(body, options = {}) {
      const given = options.proof ?? proof()
      const response = await fetch(`${url}/v1/token`, {
        method: 'POST',
        headers: {
          'content-type': options.form === true ? 'application/x-www-form-urlencoded' : 'application/json',
          ...(given === '' ? {} : { dpop: given }),
        },
        body:
          options.form === true
            ? new URLSearchParams(body as Record<string, string>).toString()
            : JSON.stringify(body),
      })
      return {
        status: response.status,
        exception: response.headers.get('x-amzn-errortype'),
        body: (await response.json()) as LoginAnswer['body'],
      }
    },
  }
}
