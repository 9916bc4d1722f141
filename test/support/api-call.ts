import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'

/** Credentials that a test signs with. */
export type TestCredentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Calls the JSON API of a server, signed for the service `signet`. `path` begins after `/api/v1`. */
export async function callApi(
  server: { readonly url: string },
  by: TestCredentials,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const url = new URL(`/api/v1${path}`, server.url)
  const headers = signHeaders(
    {
      method,
      rawUrl: url.pathname + url.search,
      headers: [
        ['host', url.host],
        ...(body === undefined ? [] : [['content-type', 'application/json'] as const]),
      ],
      body: new TextEncoder().encode(text),
    },
    by,
    { at: systemClock(), region: 'us-east-1', service: 'signet' },
  )
  const response = await fetch(url, {
    method,
    headers: headers
      .map(([name, value]) => [name, value] as [string, string])
      .filter(([name]) => name !== 'host'),
    ...(body === undefined ? {} : { body: text }),
  })
  const answer = await response.text()
  return {
    status: response.status,
    body: answer === '' ? {} : (JSON.parse(answer) as Record<string, unknown>),
  }
}
