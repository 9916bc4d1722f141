import type { RequestListener } from 'node:http'

/** How long the rest of a request is read after its answer. */
const longestMilliseconds = 30_000

/**
 * Closes connections in stages (RFC 9112 §9.6). Where the last answer goes out before its request has come whole, our side
 * ends and what is left of the request is thrown away as it comes. Closed at once, the system would meet what is still coming
 * with a reset, and a client that sends everything before it reads would lose the answer.
 */
export const closingInStages =
  (handler: RequestListener): RequestListener =>
  (request, response) => {
    const { socket, headers } = request
    // Nothing is done about what comes after the last answer.
    if (socket.writableEnded) return
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
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
    handler(request, response)
  }
