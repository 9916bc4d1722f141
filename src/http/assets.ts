import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Context, Middleware } from 'koa'

/** A static file. */
type Asset = {
  readonly type: string
  readonly body: Buffer
  /** The body under a content coding, made when it is first asked for; none for what is compressed already. */
  readonly encoded?: (coding: 'br' | 'gzip') => Promise<Buffer>
}

/** The static files of the pages, in memory. */
export type Assets = {
  /** The URL path of a file, with its content's hash in the name. @throws Error when there is no such file */
  readonly url: (name: string) => string
  /** Whether there is such a file; the operator's `custom.css` is optional. */
  readonly has: (name: string) => boolean
  /** The file behind a URL path, or undefined. */
  readonly find: (path: string) => Asset | undefined
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
}

/**
 * Reads every file of the folders once; a file in a later folder takes the place of one with the same
 * name. A changed file has another URL, so browsers may keep it for good.
 */
export function openAssets(folders: readonly string[]): Assets {
  const urls = new Map<string, string>()
  const byPath = new Map<string, Asset>()
  for (const folder of folders.filter((each) => existsSync(each))) {
    for (const name of readdirSync(folder)) {
      const extension = extname(name)
      const type = types[extension]
      if (type === undefined) continue
      const body = readFileSync(join(folder, name))
      const hash = createHash('sha256').update(body).digest('base64url').slice(0, 10)
      const path = `/assets/${name.slice(0, -extension.length)}-${hash}${extension}`
      urls.set(name, path)
      byPath.set(path, assetOf(body, type))
    }
  }
  return {
    url(name) {
      const path = urls.get(name)
      if (path === undefined) throw new Error(`no asset "${name}"`)
      return path
    },
    has: (name) => urls.has(name),
    find: (path) => byPath.get(path),
  }
}

const compress = {
  br: (body: Buffer) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  gzip: (body: Buffer) => promisify(gzip)(body, { level: 9 }),
}

function assetOf(body: Buffer, type: string): Asset {
  if (type.startsWith('image/') && type !== 'image/svg+xml') return { type, body }
  const made = new Map<string, Promise<Buffer>>()
  return {
    type,
    body,
    encoded(coding) {
      const known = made.get(coding)
      if (known !== undefined) return known
      const making = compress[coding](body)
      made.set(coding, making)
      return making
    },
  }
}

/** Answers GET and HEAD under `/assets/`; everything else goes on to the next. */
export function serveAssets(assets: Assets): Middleware {
  const send = async (ctx: Context, asset: Asset): Promise<void> => {
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
    ctx.set('Vary', 'Accept-Encoding')
    ctx.type = asset.type
    const accepted = acceptedEncodings(ctx.get('Accept-Encoding'))
    const coding = (['br', 'gzip'] as const).find((each) => accepted.has(each))
    if (coding === undefined || asset.encoded === undefined) ctx.body = asset.body
    else {
      ctx.body = await asset.encoded(coding)
      ctx.set('Content-Encoding', coding)
    }
  }
  return (ctx, next) => {
    const { method } = ctx.req
    const asset = method === 'GET' || method === 'HEAD' ? assets.find(ctx.path) : undefined
    return asset === undefined ? next() : send(ctx, asset)
  }
}

/** The codings a client takes (RFC 9110 §12.5.3); one with `q=0` is not among them. */
const acceptedEncodings = (header: string): Set<string> =>
  new Set(
    header
      .toLowerCase()
      .split(',')
      .map((part) => part.trim().split(';'))
      .filter(([, quality]) => !/^\s*q=0(\.0*)?\s*$/.test(quality ?? ''))
      .map(([coding = '']) => coding.trim()),
  )
