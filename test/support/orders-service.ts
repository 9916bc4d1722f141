/**
 * An internal service as a company writes it: it keeps orders, and lets Signet decide who may do what with them. Callers
 * sign their requests with the credentials of a role session (any AWS SDK, or curl --aws-sigv4). The service holds no
 * keys and no rules: it forwards what it received and does what the answer says.
 *
 * On its own: SIGNET=http://localhost:4000 CLIENT_SECRET=… node test/support/orders-service.ts
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where Signet is, and who this service is there. */
export type OrdersSettings = {
  readonly signet: string
  readonly clientId: string
  readonly clientSecret: string
  /** The account whose orders these are; acme's when absent. */
  readonly account?: string
  readonly port?: number
}

type Order = { readonly id: string; readonly amount: number; refunded: boolean }

/** What Signet answers. */
type Answer = {
  readonly decision: boolean
  readonly decision_id: string
  readonly because: string
  readonly principal?: { readonly arn: string }
  readonly error?: { readonly code: string; readonly message: string; readonly status: number }
}

/** Starts the service on loopback. */
export async function startOrdersService(
  settings: OrdersSettings,
): Promise<{ url: string; close(): Promise<void> }> {
  const orders = new Map<string, Order>([
    ['17', { id: '17', amount: 20, refunded: false }],
    ['large/18', { id: 'large/18', amount: 9_000, refunded: false }],
  ])

  const server = createServer((request, response) => {
    const say = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify(body)}\n`)
    }
    handle(request).then(
      ({ status, body }) => say(status, body),
      () => say(502, { error: 'No decision could be had, so the answer is no.' }),
    )
  })

  async function handle(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const [path = ''] = (request.url ?? '/').split('?')
    const [, id = '', verb] = /^\/orders\/((?:large\/)?\d+)(\/refund)?$/.exec(path) ?? []
    const action = verb === undefined ? 'orders:GetOrder' : 'orders:Refund'
    const order = orders.get(id)
    const answer = await ask(request, Buffer.concat(chunks), action, id, order)
    if (!answer.decision) {
      const { status = 403, ...error } = answer.error ?? {}
      return { status, body: { ...error, because: answer.because, decision_id: answer.decision_id } }
    }
    if (order === undefined) return { status: 404, body: { error: 'There is no such order.' } }
    if (verb !== undefined) order.refunded = true
    return { status: 200, body: { ...order, by: answer.principal?.arn, decision_id: answer.decision_id } }
  }

  /** Forwards the request as it was received, its body as a hash, and says what it would do. */
  async function ask(
    request: IncomingMessage,
    body: Buffer,
    action: string,
    id: string,
    order: Order | undefined,
  ): Promise<Answer> {
    const headers: [string, string][] = []
    for (let at = 0; at < request.rawHeaders.length; at += 2)
      headers.push([request.rawHeaders[at] ?? '', request.rawHeaders[at + 1] ?? ''])
    const { clientId, clientSecret } = settings
    const answer = await fetch(`${settings.signet}/access/v1/authorize-request`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(`${clientId}:${encodeURIComponent(clientSecret)}`).toString('base64')}`,
      },
      body: JSON.stringify({
        request: {
          method: request.method,
          url: request.url,
          headers,
          body_sha256: createHash('sha256').update(body).digest('hex'),
        },
        action,
        resource: `arn:aws:orders::${settings.account ?? '111122223333'}:order/${id === '' ? 'unknown' : id}`,
        context: { amount: order?.amount ?? null },
      }),
    })
    if (answer.status !== 200) throw new Error(`Signet answered ${answer.status}`)
    return (await answer.json()) as Answer
  }

  await new Promise<void>((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

if (import.meta.main) {
  const { url } = await startOrdersService({
    signet: process.env['SIGNET'] ?? 'http://localhost:4000',
    clientId: process.env['CLIENT_ID'] ?? 'orders',
    clientSecret: process.env['CLIENT_SECRET'] ?? '',
    port: Number(process.env['PORT'] ?? 5001),
  })
  process.stdout.write(`Orders at ${url}/orders/17\n`)
}
