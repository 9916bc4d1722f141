import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** How long the rest of a request is read after its answer. */
const longestMilliseconds = 30_000

/**
 * Lets a client hear an answer that goes out before its request has come whole. Many read nothing before they have sent
 * everything: what is left of the request is thrown away as it comes, and where the answer is the connection's last one,
 * the connection is closed in stages (RFC 9112 §9.6).
 *
 * @param mayClose whether the handler itself may say `Connection: close`; without it only the client does
 */
export const closingInStages =
  (handler: RequestListener, mayClose: boolean): RequestListener =>
  (request, response) => {
    const { socket, headers } = request
    // Nothing is done about what comes after the last answer.
    if (socket.writableEnded) return
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      if (mayClose || !response.shouldKeepAlive) closeInStages(request, response)
      // Who read a body up to a limit of its own may have left it paused.
      response.once('finish', () => {
        if (!request.complete) request.resume()
      })
    }
    handler(request, response)
  }

/**
 * At the end of the last answer our side ends, and the other one is waited for. Closed at once, the system would meet what is
 * still coming with a reset, and a client that sends everything before it reads would lose the answer.
 */
function closeInStages(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const restore = (): boolean => Reflect.deleteProperty(socket, 'destroySoon')
  // Node calls it when the last answer is written.
  socket.destroySoon = () => {
    restore()
    if (request.complete) {
      socket.destroySoon()
      return
    }
    socket.end()
    const late = setTimeout(() => socket.destroy(), longestMilliseconds)
    socket.once('close', () => clearTimeout(late))
    request.once('end', () => socket.destroySoon())
  }
  response.once('close', restore)
}
