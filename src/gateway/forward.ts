import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { PassThrough, type Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { headerPairs } from '#http'
import { Failure, isFailure } from '#kernel'
import type { HeaderPairs } from '#sigv4'

/** A request as it goes on. */
export type Onward = {
  readonly method: string
  /** Path and query, written by us. */
  readonly path: string
  readonly headers: HeaderPairs
  /** Bytes that are ours, or a body that passes through. */
  readonly body?:
    Buffer | { readonly from: IncomingMessage; readonly steps: readonly Transform[] } | undefined
}

/** Sends requests to what stands behind the gateway. */
export type Forwarding = {
  send(upstream: URL, onward: Onward): Promise<IncomingMessage>
  close(): void
}

/**
 * Requests to the apps behind, over connections that are kept. Neither side may say nothing for longer than the idle time;
 * redirects are not followed. An answer may begin before the body has gone through.
 *
 * It throws Failure unavailable gateway/upstream, and what a step of the body refuses.
 */
export function createForwarding(idleSeconds: number): Forwarding {
  const options = { keepAlive: true, maxSockets: 1_024, maxFreeSockets: 64, scheduling: 'lifo' } as const
  const agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) }

  const once = (upstream: URL, { method, path, headers, body }: Onward): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const isTls = upstream.protocol === 'https:'
      const call = (isTls ? httpsRequest : httpRequest)({
        protocol: upstream.protocol,
        hostname: upstream.hostname.replaceAll(/^\[|\]$/g, ''),
        port: upstream.port,
        agent: agents[isTls ? 'https:' : 'http:'],
        method,
        path,
        headers: headers.flat(),
        setHost: false,
        timeout: idleSeconds * 1_000,
        maxHeaderSize: 65_536,
      })
      let isAnswered = false
      const fail = (cause: unknown): void => {
        // Who answers before the whole body has come may close that side: the answer still counts.
        if (!isAnswered || isFailure(cause)) call.destroy()
        reject(isFailure(cause) ? cause : new UpstreamFailure(cause, call.reusedSocket))
      }
      call.once('response', (answer) => {
        isAnswered = true
        // After the whole of an answer nobody waits for what is left of the body, here or there.
        answer.once('end', () => {
          if (!call.writableEnded) call.destroy()
        })
        resolve(answer)
      })
      // Each piece that is written too late fails anew.
      call.on('error', fail)
      call.once('timeout', () => {
        call.destroy()
        fail(new Error('nothing was heard for too long'))
      })
      call.once('upgrade', (_answer, socket) => {
        socket.destroy()
        fail(new Error('it switched to another protocol'))
      })
      if (body === undefined || Buffer.isBuffer(body)) call.end(body)
      // After an answer the rest of the body is nobody's; before it, what failed is the answer.
      else through(body.from, body.steps, call).catch(fail)
    })

  return {
    async send(upstream, onward) {
      try {
        return await once(upstream, onward)
      } catch (thrown) {
        // A kept connection that the other side had closed already: nothing was done yet.
        const isStale = thrown instanceof UpstreamFailure && thrown.wasKept && isRepeatable(onward)
        if (isStale) return once(upstream, onward)
        throw thrown
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

/**
 * Passes a body on. The client's side stays open when a step refuses: it is to hear why.
 */
async function through(
  from: IncomingMessage,
  steps: readonly Transform[],
  call: ClientRequest,
): Promise<void> {
  const first = steps[0] ?? new PassThrough()
  const broken = (): void => {
    if (!from.complete) first.destroy(new Error('the client went away'))
  }
  from.once('close', broken)
  from.once('error', broken)
  from.pipe(first)
  const into = writerTo(call)
  try {
    await pipeline([first, ...steps.slice(1), into])
  } finally {
    from.off('close', broken)
    from.unpipe(first)
    // What is left of it is read and thrown away.
    from.resume()
  }
}

/** Writes to a request. It may be destroyed by itself: destroying the request would throw away an answer that is not read yet. */
function writerTo(call: ClientRequest): Writable {
  const writer = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (call.write(chunk)) done()
      else call.once('drain', done)
    },
    final(done) {
      call.end(done)
    },
  })
  call.once('close', () => writer.destroy(new Error('the connection was closed')))
  return writer
}

const isRepeatable = ({ method, body }: Onward): boolean =>
  body === undefined && (method === 'GET' || method === 'HEAD')

class UpstreamFailure extends Failure {
  readonly wasKept: boolean
  constructor(cause: unknown, wasKept: boolean) {
    super(
      'unavailable',
      'gateway/upstream',
      'What stands behind this gateway does not answer. Please try again.',
      { why: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
    this.wasKept = wasKept
  }
}

const hop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Headers that go from one side to the other: none that are about one connection (RFC 9110 §7.6.1). */
export function endToEnd(rawHeaders: readonly string[]): HeaderPairs {
  const pairs = headerPairs(rawHeaders).map(([name, value]) => [name.toLowerCase(), value] as const)
  const named = new Set(
    pairs
      .filter(([name]) => name === 'connection')
      .flatMap(([, value]) => value.split(',').map((each) => each.trim().toLowerCase())),
  )
  return pairs.filter(([name]) => !hop.has(name) && !named.has(name))
}
