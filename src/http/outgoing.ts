import { lookup } from 'node:dns/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP } from 'node:net'
import { refuse } from '#kernel'

/** Where outgoing requests may go. */
export type OutgoingRules = {
  /** Hosts (`name` or `name:port`) that may be reached by plain http and at private addresses: a test, an inner network. */
  readonly allowedHosts: readonly string[]
}

/** What is sent. A body is text; everything else is a GET without one. */
export type OutgoingRequest = {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

/** One request to somebody else's server. */
export type Outgoing = (url: URL, request?: OutgoingRequest) => Promise<Response>

const timeoutMilliseconds = 5_000
const maxBytes = 524_288

/** Addresses that are ours or the neighbours': what a caller could never reach, we do not reach for it. */
const inner = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  inner.addSubnet(network, prefix, 'ipv4')
}
// Everything but global unicast, and of that what wraps an IPv4 address or is for documentation.
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  inner.addSubnet(network, prefix, 'ipv6')
}

/** Whether an address is in the public Internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !inner.check(address, 'ipv4')
  return family === 6 && globalUnicast.check(address, 'ipv6') && !inner.check(address, 'ipv6')
}

/** Whether the operator listed a host as one of the inner network. */
export const isListed = ({ allowedHosts }: OutgoingRules, url: URL): boolean =>
  allowedHosts.includes(url.host) || allowedHosts.includes(bare(url))

const bare = (url: URL): string => url.hostname.replaceAll(/^\[|\]$/g, '')

/**
 * Requests that cannot be turned against our own network: https only, public addresses only, redirects not followed,
 * bounded in time and size. The address that was checked is the one connected to, so that a name cannot change its mind
 * between.
 *
 * It throws Failure unavailable `http/outgoing-refused` or `http/outgoing-failed`; the detail is for the log.
 */
export function createOutgoing(rules: OutgoingRules): Outgoing {
  return async (url, request = {}) => {
    const hostname = bare(url)
    const listed = isListed(rules, url)
    if (url.protocol !== 'https:' && !(listed && url.protocol === 'http:')) no(url, 'not https')
    if (url.username !== '' || url.password !== '') no(url, 'credentials in the URL')
    const addresses =
      isIP(hostname) === 0
        ? await lookup(hostname, { all: true }).catch((cause: unknown) => failed(url, cause))
        : [{ address: hostname, family: isIP(hostname) }]
    const [first] = addresses
    if (first === undefined) return no(url, 'no address')
    if (!listed && !addresses.every(({ address }) => isPublicAddress(address)))
      no(url, 'an address that is not public')
    return send(url, first, request).catch((cause: unknown) => failed(url, cause))
  }
}

function send(
  url: URL,
  { address, family }: { address: string; family: number },
  { method = 'GET', headers = {}, body }: OutgoingRequest,
): Promise<Response> {
  const client = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const call = client(url, {
      method,
      agent: false,
      headers: {
        accept: 'application/json',
        'user-agent': 'signet',
        ...headers,
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      },
      signal: AbortSignal.timeout(timeoutMilliseconds),
      lookup: (_name, options, done) => {
        if (options.all === true) done(null, [{ address, family }])
        else done(null, address, family)
      },
    })
    call.once('error', reject)
    call.once('response', (response) => {
      read(response).then((bytes) => resolve(toResponse(response, bytes)), reject)
    })
    call.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) {
      response.destroy()
      throw new Error(`more than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  if (!response.complete) throw new Error('the answer broke off')
  return Buffer.concat(chunks)
}

function toResponse({ statusCode = 500, headers }: IncomingMessage, bytes: Buffer): Response {
  const status = statusCode >= 200 && statusCode <= 599 ? statusCode : 500
  const empty = status === 204 || status === 304
  return new Response(empty ? null : new Uint8Array(bytes), {
    status,
    headers: Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] satisfies [string, string]],
    ),
  })
}

const no = (url: URL, why: string): never =>
  refuse('unavailable', 'http/outgoing-refused', 'Another server may not be asked for this.', {
    host: url.host,
    why,
  })

const failed = (url: URL, cause: unknown): never =>
  refuse('unavailable', 'http/outgoing-failed', 'Another server did not answer.', {
    host: url.host,
    why: cause instanceof Error ? cause.message : 'unknown',
  })
