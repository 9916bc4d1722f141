import type { ServerResponse } from 'node:http'
import type { Context } from '#http'
import { type Clock, refuse } from '#kernel'
import { type Keys, signJwt } from '#keys'

import { type Epochs, lookBack, type Raised, revocationSubject } from '#sessions'

/** What the feed is made from. */
export type RevocationFeedNeeds = {
  readonly clock: Clock
  readonly epochs: Pick<Epochs, 'age' | 'known' | 'onRaise' | 'position'>
  readonly keys: Pick<Keys, 'active'>
  readonly publicUrl: URL
}

/** The revocations of this deployment, for verifiers outside. */
export type RevocationFeed = {
  /** Answers with server-sent events: what is known first, then every raise at once and a heartbeat each second. */
  stream(ctx: Context, after: number | undefined): void
  /** Answers with one message: what came after a place, at the latest with the next heartbeat. */
  poll(ctx: Context, after: number | undefined): Promise<void>
  /** Ends every stream, so that a server that goes down need not wait for them. */
  close(): void
}

const heartbeatMilliseconds = 1_000
/** A copy older than this is told to nobody: silence makes verifiers ask or refuse. */
const freshMilliseconds = 1_500
/** Sessions live 36 hours at most; what was revoked earlier has nothing left to end. */
const longestSession = Temporal.Duration.from({ hours: 37 })
const maxStreams = 1_000
const maxBacklogBytes = 1_048_576

/**
 * The feed. Every message is a JWT of type `revocations+jwt`, signed by a session key, with
 *
 * - `at`: when this was the whole truth, in milliseconds since 1970
 * - `n`: the number of the message on this node; a gap means that one was lost
 * - `seq`: the newest place in the order of raises; a reader comes back with it as `after`
 * - `revoked`: pairs of a subject's name (`revocationSubject`) and its epoch. A session that carries a lower epoch of a
 *   subject is over. Epochs only rise, so a pair may come twice.
 *
 * It names nobody: subjects are hashes of ids that only the holder of a session can know. So it is open to everybody.
 */
export function createRevocationFeed(needs: RevocationFeedNeeds): RevocationFeed {
  const { clock, epochs, keys, publicUrl } = needs
  const readers = new Set<(message: string) => void>()
  const streams = new Set<ServerResponse>()
  let sent = 0
  let pending: Raised[] = []

  const write = (revoked: readonly Raised[]): string =>
    signJwt(keys.active('session', 'ES256'), 'revocations+jwt', {
      iss: publicUrl.origin,
      at: clock().epochMilliseconds - Math.ceil(epochs.age()),
      n: sent,
      seq: epochs.position(),
      revoked: revoked.map(({ kind, id, epoch }) => [revocationSubject(kind, id), epoch]),
    })

  const tell = () => {
    const revoked = pending
    pending = []
    if (readers.size === 0) return
    sent++
    const message = write(revoked)
    for (const read of readers) read(message)
  }
  const stopListening = epochs.onRaise((raised) => {
    // Those of one transaction come together and go together.
    if (pending.push(raised) === 1) setImmediate(tell)
  })
  const heart = setInterval(() => {
    if (epochs.age() <= freshMilliseconds) tell()
  }, heartbeatMilliseconds).unref()

  /** What a reader that knows all up to a place has to know; `undefined` knows nothing. */
  const since = (after: number | undefined): readonly Raised[] => {
    const oldest = clock().subtract(longestSession)
    return [...epochs.known()].filter(
      ({ seq, at }) =>
        (at === undefined || Temporal.Instant.compare(at, oldest) > 0) &&
        (after === undefined || seq > after - lookBack),
    )
  }

  return {
    stream(ctx, after) {
      if (streams.size >= maxStreams)
        refuse('throttled', 'access/too-many-streams', 'Too many readers follow the revocations.')
      requireTruth(epochs)
      // Written past Koa: it takes a reader that leaves for an error.
      ctx.respond = false
      const { res } = ctx
      const send = (message: string) => {
        // A reader that does not read is dropped: it comes back and gets the whole.
        if (res.writableLength > maxBacklogBytes) res.destroy()
        else res.write(`data: ${message}\n\n`)
      }
      streams.add(res)
      readers.add(send)
      res.once('close', () => {
        streams.delete(res)
        readers.delete(send)
      })
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
      send(write(since(after)))
    },

    async poll(ctx, after) {
      requireTruth(epochs)
      if (after !== undefined && epochs.position() <= after) {
        await new Promise<void>((resolve) => {
          const wake = () => {
            readers.delete(wake)
            clearTimeout(late)
            resolve()
          }
          // No heartbeat comes while the truth is not known; then the check below says so.
          const late = setTimeout(wake, heartbeatMilliseconds * 2)
          readers.add(wake)
        })
        requireTruth(epochs)
      }
      // Whole again, not what woke us: something with an earlier place may have been committed between two questions.
      const message = write(since(after))
      ctx.body = { message }
    },

    close() {
      clearInterval(heart)
      stopListening()
      for (const stream of streams) stream.end()
      readers.clear()
    },
  }
}

function requireTruth(epochs: Pick<Epochs, 'age'>): void {
  if (epochs.age() > freshMilliseconds)
    refuse('unavailable', 'access/revocations-unknown', 'The revocations are not known here now. Try again.')
}
