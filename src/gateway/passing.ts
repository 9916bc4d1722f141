import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { refuse } from '#kernel'

/** How much of a body waits for its end: what is not larger is checked before its first byte goes on. */
const heldBytes = 65_536

/**
 * Keeps the last bytes back until everything before it in the pipeline has ended well: a body that turns out to be another
 * than was signed is never whole at the other side.
 */
export function holdBack(): Transform {
  const held: Buffer[] = []
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      held.push(chunk)
      size += chunk.length
      // One byte at least stays.
      while (held.length > 1 && size - (held[0]?.length ?? 0) >= heldBytes) {
        const first = held.shift()
        size -= first?.length ?? 0
        this.push(first)
      }
      done()
    },
    flush(done) {
      for (const each of held) this.push(each)
      done()
    },
  })
}

/** Fails at the end where the bytes are not those of a hash. @param sha256 lower-case hex */
export function checkHash(sha256: string): Transform {
  const hash = createHash('sha256')
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      try {
        if (hash.digest('hex') !== sha256)
          refuse(
            'malformed',
            'gateway/hash-mismatch',
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
          )
        done()
      } catch (thrown) {
        done(thrown as Error)
      }
    },
  })
}
