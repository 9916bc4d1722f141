import { iam } from '#aws-wire'
import type { Clock } from '#kernel'
import { signHeaders } from '#sigv4'

import { rawRequest } from '../support/raw-http.ts'
import type { IamServer } from './harness.ts'
import type { Parameters } from './violations.ts'

/** What came back for a call of the Query API. */
export type QueryAnswer = {
  readonly status: number
  readonly body: string
  readonly code: string | undefined
  readonly message: string
}

/** Sends parameters as they are, signed by the administrator: what no SDK would send included. */
export async function sendQuery(
  server: IamServer,
  clock: Clock,
  operation: string,
  parameters: Parameters,
  version: string = iam.version,
): Promise<QueryAnswer> {
  const body = new URLSearchParams([
    ['Action', operation],
    ['Version', version],
    ...parameters.map(([name, value]) => [name, value]),
  ]).toString()
  const request = {
    method: 'POST',
    rawUrl: '/',
    headers: [
      ['Host', new URL(server.url).host],
      ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
      ['Content-Length', String(Buffer.byteLength(body))],
    ] as const,
    body: Buffer.from(body),
  }
  const headers = signHeaders(request, server.adminCredentials, {
    at: clock(),
    region: 'us-east-1',
    service: 'iam',
  })
  const answer = await rawRequest(server.url, {
    method: 'POST',
    path: '/',
    headers: Object.fromEntries(headers),
    body: request.body,
  })
  const code = /<Code>(.*?)<\/Code>/.exec(answer.body)?.[1]
  const message = parsed(/<Message>(.*?)<\/Message>/s.exec(answer.body)?.[1] ?? '')
  return { status: answer.status, body: answer.body, code, message }
}

/** Entities back to signs. */
const parsed = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
