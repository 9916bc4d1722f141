import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { Failure, refuse } from '#kernel'

/** A form's or query's parameters. INVARIANT: no name stood in it twice. */
export type Form = ReadonlyMap<string, string>

// A property of the request, as in request.ts: the collector pays for every entry of a WeakMap.
const reading = Symbol('body')
type Read = IncomingMessage & { [reading]?: Promise<Buffer> }

/**
 * The raw body. Read once: a second reader gets the same bytes.
 *
 * @param limit bytes; @throws Failure malformed http/too-large as soon as it is passed
 */
export async function readRaw(ctx: Context, limit: number): Promise<Buffer> {
  const request = ctx.req as Read
  const body = await (request[reading] ??= drain(request, limit))
  if (body.length > limit) tooLarge(limit)
  return body
}

const tooLargeFailure = (limit: number): Failure =>
  new Failure('malformed', 'http/too-large', `The body is larger than ${limit} bytes.`)

const tooLarge = (limit: number): never => {
  throw tooLargeFailure(limit)
}

const cutOff = (): Failure =>
  new Failure('malformed', 'http/aborted', 'The request ended before its body did.')

/** With listeners, not as an async iterator: for a body of one piece that costs several times as much. */
function drain(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(tooLargeFailure(limit))
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      request.resume()
      fail()
      return
    }
    const gone = () => {
      // Every request is closed in the end; the trace of an error that nobody hears of would cost more than the reading.
      if (!request.complete) reject(cutOff())
    }
    if (request.destroyed && !request.complete) {
      gone()
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    const keep = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= limit) {
        chunks.push(chunk)
        return
      }
      // What is left is thrown away as it comes, so that the client hears the answer instead of a reset.
      request.off('data', keep).resume()
      chunks.length = 0
      fail()
    }
    request.on('data', keep)
    // Plain listeners: each of these comes once, and one that takes itself away costs more than to call it.
    request.on('end', () => {
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    })
    request.on('error', () => reject(cutOff()))
    // It comes after the end, too, and an Error that nobody needs costs more than reading the body.
    request.on('close', () => {
      if (!request.readableEnded) gone()
    })
  })
}

/** Headers as they came (`rawHeaders`), pair by pair. */
export const headerPairs = (rawHeaders: readonly string[]): readonly (readonly [string, string])[] =>
  rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : []))

/** The parameters of `name=value&…` text. @throws Failure malformed http/form for bad escapes, a NUL or a name given twice */
function parseForm(text: string, most: number): Form {
  const form = new Map<string, string>()
  if (text === '') return form
  const pairs = text.split('&', most + 1)
  if (pairs.length > most) refuse('malformed', 'http/form', `More than ${most} parameters.`)
  for (const pair of pairs) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    const name = unescape(at < 0 ? pair : pair.slice(0, at))
    const value = unescape(at < 0 ? '' : pair.slice(at + 1))
    if (form.has(name))
      refuse('malformed', 'http/duplicate-parameter', `The parameter "${name.slice(0, 60)}" is given twice.`)
    form.set(name, value)
  }
  return form
}

function unescape(text: string): string {
  let plain: string
  try {
    plain = decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return refuse('malformed', 'http/form', 'A parameter is not properly percent-encoded UTF-8.')
  }
  if (plain.includes('\0')) refuse('malformed', 'http/nul', 'A parameter holds a NUL byte.')
  return plain
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const decode = (body: Uint8Array): string => {
  try {
    return utf8.decode(body)
  } catch {
    return refuse('malformed', 'http/encoding', 'The body is not UTF-8.')
  }
}

/** A form body (`application/x-www-form-urlencoded`). @throws Failure malformed http/content-type, http/form, http/too-large */
export async function readForm(ctx: Context, { limit = 65_536, most = 200 } = {}): Promise<Form> {
  if (ctx.is('application/x-www-form-urlencoded') !== 'application/x-www-form-urlencoded')
    refuse('malformed', 'http/content-type', 'Send the form as application/x-www-form-urlencoded.')
  return parseForm(decode(await readRaw(ctx, limit)), most)
}

/** The query's parameters, each at most once. */
export const readQuery = (ctx: Context, { most = 100 } = {}): Form => parseForm(ctx.querystring, most)

/**
 * A JSON body as `unknown`, for zod to read. Nesting is bounded before parsing.
 *
 * @param options `anyType`: whatever the type says, or where none is given: some of AWS's clients name none
 * @throws Failure malformed http/content-type, http/json, http/too-large
 */
export async function readJson(
  ctx: Context,
  { limit = 262_144, depth = 32, anyType = false } = {},
): Promise<unknown> {
  if (
    !anyType &&
    (ctx.is('application/json', 'application/*+json') === false || ctx.get('content-type') === '')
  )
    refuse('malformed', 'http/content-type', 'Send the body as application/json.')
  const body = await readRaw(ctx, limit)
  const text = decode(body)
  if (nesting(body) > depth)
    refuse('malformed', 'http/json-depth', `The JSON is nested deeper than ${depth}.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse('malformed', 'http/json', 'The body is not JSON.')
  }
  if (body.includes(0) || text.includes('\\u0000'))
    refuse('malformed', 'http/nul', 'The body holds a NUL character.')
  return value
}

const quotation = 34
const backslash = 92

/** How deep the objects and lists of JSON are nested. Bytes, of which UTF-8 uses none below 128 for anything else. */
function nesting(body: Uint8Array): number {
  let deepest = 0
  let level = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0
    // Letters and digits are most of it.
    if (byte !== quotation && byte < 91) continue
    if (byte === quotation) at = endOfText(body, at + 1)
    else if (byte === 91 || byte === 123) deepest = Math.max(deepest, ++level)
    else if (byte === 93 || byte === 125) level--
  }
  return deepest
}

/** Where a text that begins here has its closing quotation mark. */
function endOfText(body: Uint8Array, from: number): number {
  let at = from
  while (at < body.length && body[at] !== quotation) at += body[at] === backslash ? 2 : 1
  return at
}
