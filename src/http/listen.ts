import { createServer, type RequestListener, type Server } from 'node:http'
import { closingInStages } from './close-in-stages.ts'

/** A server that is up. */
export type Listening = {
  readonly server: Server
  readonly port: number
  /** Takes no new connection, lets what is under way finish, and cuts what has not after `seconds`. */
  drain(seconds: number): Promise<void>
}

/** What passes requests on may take as long as bodies take, while something moves. */
export type Passing = { readonly idleSeconds: number }

/**
 * Listens with every limit explicit. With `passing` the handler itself says when a body may come (`Expect: 100-continue`),
 * and may answer before all of it has.
 *
 * @throws the system's error (EADDRINUSE, EACCES) when the port is not to be had
 */
export async function listen(
  handler: RequestListener,
  place: { host: string | undefined; port: number },
  passing?: Passing,
): Promise<Listening> {
  const answering = closingInStages(handler, passing !== undefined)
  const server = createServer(
    {
      maxHeaderSize: 32_768,
      requestTimeout: passing === undefined ? 60_000 : 0,
      headersTimeout: 15_000,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 5_000,
    },
    answering,
  )
  server.maxHeadersCount = 100
  if (passing !== undefined) {
    server.timeout = passing.idleSeconds * 1_000
    server.on('checkContinue', answering)
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(place.port, place.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  return {
    server,
    port: typeof address === 'object' && address !== null ? address.port : place.port,
    drain: (seconds) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), seconds * 1_000)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}
