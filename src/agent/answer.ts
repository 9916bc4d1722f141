import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a request is answered with. */
export type Answer = {
  readonly status: number
  readonly body: string
  readonly type?: 'application/json' | 'text/plain'
  readonly headers?: Readonly<Record<string, string>>
}

/** An error as the SDKs read it. */
export const refused = (status: number, code: string, message: string): Answer => ({
  status,
  body: JSON.stringify({ Code: code, Message: message, code, message }),
})

/** Sends an answer that nobody keeps. */
export function send(
  response: ServerResponse,
  { status, body, type = 'application/json', headers }: Answer,
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(body)
}

/**
 * Whether a request comes from this machine and says so: a page in a browser that was made to ask us (DNS rebinding) names
 * another host, and whatever passes a proxy says for whom.
 */
export function isLocal({ headers, socket }: IncomingMessage): boolean {
  const { host = '' } = headers
  const name = host.replace(/:\d+$/, '')
  return (
    ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254', '169.254.170.2', '169.254.170.23'].includes(
      name,
    ) &&
    (socket.remoteAddress === '127.0.0.1' || socket.remoteAddress === '::1') &&
    headers['x-forwarded-for'] === undefined &&
    headers.origin === undefined
  )
}
