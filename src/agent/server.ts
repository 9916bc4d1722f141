import { createServer, type IncomingMessage, type Server } from 'node:http'
import { isFailure, refuse } from '#kernel'
import { type Answer, isLocal, refused, send } from './answer.ts'

/** Answers one request; undefined where nothing is. */
export type Handler = (request: IncomingMessage) => Promise<Answer | undefined>

/** Where else than on loopback, for whom an address is no proof. */
export type Elsewhere = { readonly address: string }

/**
 * Listens on the loopback address and answers this machine alone; or elsewhere, and then every handler proves who asks.
 *
 * @param port 0 for any that is free
 * @throws Failure unavailable agent/port
 */
export async function listenLocally(
  port: number,
  handlers: readonly Handler[],
  failed: (thrown: unknown) => void,
  elsewhere?: Elsewhere,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    if (elsewhere === undefined && !isLocal(request))
      return refused(403, 'Forbidden', 'Only programs on this machine may ask.')
    for (const handler of handlers) {
      const given = await handler(request)
      if (given !== undefined) return given
    }
    return refused(404, 'NotFound', 'There is nothing here.')
  }
  const server: Server = createServer(
    { maxHeaderSize: 16_384, requestTimeout: 10_000 },
    (request, response) => {
      request.resume()
      answer(request).then(
        (given) => send(response, given),
        (thrown: unknown) => {
          failed(thrown)
          send(
            response,
            isFailure(thrown)
              ? refused(thrown.kind === 'unavailable' ? 503 : 403, thrown.reason, thrown.message)
              : refused(500, 'InternalError', 'Something went wrong in the agent.'),
          )
        },
      )
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, elsewhere?.address ?? '127.0.0.1', resolve)
  }).catch((cause: unknown) =>
    refuse(
      'unavailable',
      'agent/port',
      `Port ${port} of ${elsewhere?.address ?? '127.0.0.1'} cannot be used: ${String(cause)}`,
    ),
  )
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
