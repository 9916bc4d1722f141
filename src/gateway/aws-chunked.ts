import { createHash, type Hash } from 'node:crypto'
import { Transform } from 'node:stream'
import { refuse } from '#kernel'
import type { ChunkVerifier } from '#sigv4'

/** How a body in chunks is read. */
export type ChunkRules = {
  /** Absent for chunks that carry no signature. */
  readonly verifier: ChunkVerifier | undefined
  /** Names of the trailing headers that are announced; no others may come. */
  readonly trailers: readonly string[]
  /** Bytes of the body itself, as announced. */
  readonly decodedBytes: number
}

/** A body being read, and its trailing headers once it has ended. */
export type ChunkReader = { readonly stream: Transform; trailing(): readonly (readonly [string, string])[] }

const lineBytes = 256
const trailerBytes = 4_096

const broken = (message: string): never => refuse('malformed', 'gateway/incomplete-body', message)

/**
 * Takes the chunks of `aws-chunked` apart and verifies each as it passes. The stream fails where a chunk, a trailing header
 * or the length is not what was signed: whoever passes the bytes on must not let the last of them go before it ends.
 */
export function readChunks({ verifier, trailers, decodedBytes }: ChunkRules): ChunkReader {
  let state: 'size' | 'data' | 'after' | 'trailer' | 'end' = 'size'
  let line = ''
  let left = 0
  let total = 0
  let signature = ''
  let hash: Hash | undefined
  const lines: string[] = []
  let trailing: readonly (readonly [string, string])[] = []

  const begin = (text: string): void => {
    const match = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(text)
    if (match === null) broken('A chunk has no size.')
    left = Number.parseInt(match?.[1] ?? '', 16)
    signature = match?.[2] ?? ''
    if (verifier !== undefined && signature === '') broken('A chunk has no signature.')
    if (total + left > decodedBytes) broken('The body is longer than announced.')
    hash = verifier === undefined ? undefined : createHash('sha256')
    state = left > 0 ? 'data' : 'trailer'
    if (left === 0) verifier?.chunk(createHash('sha256').digest('hex'), signature)
  }

  const trailerLine = (text: string): void => {
    if (text === '') return finish()
    lines.push(text)
    if (lines.join('').length > trailerBytes || lines.length > trailers.length + 1)
      broken('There are more trailing headers than announced.')
  }

  const finish = (): void => {
    state = 'end'
    const pairs = lines.map((each): readonly [string, string] => {
      const colon = each.indexOf(':')
      return [each.slice(0, Math.max(colon, 0)).trim().toLowerCase(), each.slice(colon + 1).trim()]
    })
    const signed = pairs.find(([name]) => name === 'x-amz-trailer-signature')
    const given = pairs.filter(([name]) => name !== 'x-amz-trailer-signature')
    if (given.length !== trailers.length || given.some(([name]) => !trailers.includes(name)))
      broken('The trailing headers are not those that were announced.')
    if (verifier !== undefined && trailers.length > 0)
      verifier.trailer(given.map(([name, value]) => `${name}:${value}\n`).join(''), signed?.[1] ?? '')
    trailing = given
  }

  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        let at = 0
        while (at < chunk.length) {
          if (state === 'end') return done(asError(() => broken('There is more after the end of the body.')))
          if (state === 'data') {
            const part = chunk.subarray(at, at + left)
            at += part.length
            left -= part.length
            total += part.length
            hash?.update(part)
            stream.push(part)
            if (left === 0) {
              if (hash !== undefined) verifier?.chunk(hash.digest('hex'), signature)
              state = 'after'
            }
            continue
          }
          const feed = chunk.indexOf(10, at)
          const end = feed < 0 ? chunk.length : feed + 1
          line += chunk.toString('latin1', at, end)
          at = end
          if (line.length > lineBytes + trailerBytes) broken('A line of the body’s framing is too long.')
          if (feed < 0) break
          if (!line.endsWith('\r\n')) broken('A line of the body’s framing has no end.')
          const text = line.slice(0, -2)
          line = ''
          if (state === 'size') begin(text)
          else if (state === 'trailer') trailerLine(text)
          else if (text === '') state = 'size'
          else broken('A chunk is longer than it says.')
        }
        return done()
      } catch (thrown) {
        return done(thrown as Error)
      }
    },
    flush(done) {
      // Some clients leave out the last empty line.
      try {
        if (state === 'trailer' && line === '') finish()
        if (state !== 'end' || total !== decodedBytes) broken('The body ended before all of it had come.')
        done()
      } catch (thrown) {
        done(thrown as Error)
      }
    },
  })
  return { stream, trailing: () => trailing }
}

function asError(refusing: () => never): Error {
  try {
    return refusing()
  } catch (thrown) {
    return thrown as Error
  }
}

/** Writes a body in chunks without signatures, with trailing headers that are known when it ends. */
export const writeChunks = (trailing: () => readonly (readonly [string, string])[]): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      this.push(`${chunk.length.toString(16)}\r\n`)
      this.push(chunk)
      this.push('\r\n')
      done()
    },
    flush(done) {
      this.push(
        `0\r\n${trailing()
          .map(([name, value]) => `${name}:${value}\r\n`)
          .join('')}\r\n`,
      )
      done()
    },
  })
