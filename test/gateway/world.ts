import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { systemClock } from '#kernel'
import { presign, signHeaders, type SigningCredentials } from '#sigv4'

/** What came back. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: string }

export const hashOf = (body: string | Uint8Array): string => createHash('sha256').update(body).digest('hex')

export type Call = {
  method?: string
  path: string
  host: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  /** What the signature says of the body; else its hash. */
  said?: string
  service?: string
  /** Sent instead of what was signed. */
  sent?: { path?: string; body?: string | Uint8Array; method?: string }
}

/** A client of a gateway at an address, which names hosts as it likes. */
export function clientOf(gatewayUrl: string): {
  send(call: Call): Promise<Answer>
  signed(credentials: SigningCredentials, call: Call): Promise<Answer>
  presigned(credentials: SigningCredentials, call: Call, expiresInSeconds?: number): string
} {
  const { hostname, port } = new URL(gatewayUrl)
  const send = ({ method = 'GET', path, host, headers = {}, body = '' }: Call) =>
    new Promise<Answer>((resolve, reject) => {
      const bytes = Buffer.from(body)
      const length: Record<string, string> =
        bytes.length > 0 || method === 'PUT' || method === 'POST'
          ? { 'content-length': String(bytes.length) }
          : {}
      const call = request(
        {
          hostname,
          port,
          method,
          path,
          setHost: false,
          headers: { host, ...length, ...headers },
          agent: false,
        },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('error', reject)
          answer.on('end', () => {
            const got = new Headers()
            for (let index = 0; index < answer.rawHeaders.length; index += 2)
              got.append(answer.rawHeaders[index] ?? '', answer.rawHeaders[index + 1] ?? '')
            resolve({ status: answer.statusCode ?? 0, headers: got, body: Buffer.concat(chunks).toString() })
          })
        },
      )
      call.setTimeout(20_000, () => call.destroy(new Error('no answer')))
      call.on('error', reject)
      call.end(bytes)
    })
  return {
    send,
    signed(credentials, call) {
      const { method = 'GET', path, host, headers = {}, body = '', said, service = 's3', sent = {} } = call
      const hash = said ?? hashOf(body)
      const signed = signHeaders(
        {
          method,
          rawUrl: path,
          headers: [
            ['host', host],
            ...(service === 's3' || said !== undefined ? [['x-amz-content-sha256', hash] as const] : []),
            ...Object.entries(headers),
          ],
          body: { sha256: hash },
        },
        credentials,
        { at: systemClock(), region: 'us-east-1', service },
      )
      return send({ method, path, host, body, ...sent, headers: Object.fromEntries(signed) })
    },
    presigned: (credentials, { method = 'GET', path, host }, expiresInSeconds = 300) =>
      presign(
        { method, rawUrl: path, headers: [['host', host]], body: { sha256: 'UNSIGNED-PAYLOAD' } },
        credentials,
        { at: systemClock(), region: 'us-east-1', service: 's3', expiresInSeconds },
      ),
  }
}
