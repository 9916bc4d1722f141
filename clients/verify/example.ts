/**
 * A service of your own behind Signet's credentials: it says who calls. It verifies every request by itself (verify.ts)
 * and asks nobody for that.
 *
 *     SIGNET=https://id.example.com SERVICE=orders node example.ts
 *     CLIENT_ID=… CLIENT_SECRET=…   to take SigV4 and long-term keys too
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createVerifier, Refused, type VerifierOptions } from './verify.ts'

const maxBytes = 1_048_576

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new Refused('RequestEntityTooLarge', 'The body is too large.', 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Starts the service on loopback. */
export async function startExample(
  options: VerifierOptions & { readonly port?: number },
): Promise<{ url: string; close(): Promise<void> }> {
  const verifier = createVerifier(options)

  async function handle(request: IncomingMessage): Promise<object> {
    const { rawHeaders, method = 'GET', url = '/' } = request
    const headers = rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : [],
    )
    const principal = await verifier.verify({ method, url, headers, body: await read(request) })
    // Here the work begins: what this principal may do is for your own rules, or for Signet's decision point.
    return { hello: principal.arn, tags: principal.tags }
  }

  const server = createServer((request, response) => {
    const say = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify(body)}\n`)
    }
    handle(request).then(
      (body) => say(200, body),
      (thrown: unknown) =>
        thrown instanceof Refused
          ? say(thrown.status, { code: thrown.code, message: thrown.message })
          : say(500, { code: 'InternalFailure', message: 'Something went wrong here.' }),
    )
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  await verifier.ready()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        verifier.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

if (import.meta.main) {
  const { SIGNET = 'http://localhost:4000', SERVICE = 'orders', CLIENT_ID, CLIENT_SECRET, PORT } = process.env
  const { url } = await startExample({
    signet: SIGNET,
    service: SERVICE,
    port: Number(PORT ?? 5002),
    ...(CLIENT_ID === undefined ? {} : { client: { id: CLIENT_ID, secret: CLIENT_SECRET ?? '' } }),
  })
  process.stdout.write(`Listening at ${url}\n`)
}
