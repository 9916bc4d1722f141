import { connect } from 'node:net'

/** What came back, read as bytes: a client library would refuse to send or to read some of this. */
export type RawAnswer = {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** One request as it stands, on a connection of its own. Ends after ten seconds at most. */
export function rawRequest(
  url: string,
  request: {
    method?: string
    path: string
    headers?: Readonly<Record<string, string>>
    body?: string | Uint8Array
  },
): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(url)
  const body =
    typeof request.body === 'string' ? Buffer.from(request.body, 'latin1') : Buffer.from(request.body ?? [])
  const given = new Set(Object.keys(request.headers ?? {}).map((name) => name.toLowerCase()))
  const lines = [
    `${request.method ?? 'GET'} ${request.path} HTTP/1.1`,
    ...(given.has('host') ? [] : [`Host: ${host}`]),
    'Connection: close',
    ...Object.entries(request.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ...(request.body === undefined || given.has('content-length') ? [] : [`Content-Length: ${body.length}`]),
  ]
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      socket.write(body)
    })
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in ten seconds')))
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)))
    // A server that stops reading may reset after its answer: what arrived before counts.
    socket.on('error', (error) => (chunks.length > 0 ? finish() : reject(error)))
    socket.on('end', finish)
    let finished = false
    function finish(): void {
      if (finished) return
      finished = true
      const text = Buffer.concat(chunks).toString('latin1')
      const at = text.indexOf('\r\n\r\n')
      const [status = '', ...fields] = text.slice(0, at).split('\r\n')
      resolve({
        status: Number(status.split(' ')[1]),
        headers: new Map(
          fields.map((field) => {
            const colon = field.indexOf(':')
            return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const
          }),
        ),
        body: text.slice(at + 4),
      })
    }
  })
}
