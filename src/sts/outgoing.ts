import { lookup } from 'node:dns/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP } from 'node:net'

import { refuse } from '#kernel'

/** Fetches one JSON document of somebody else's server. */
export type FetchJson = (url: URL) => Promise<unknown>

/** Where outgoing requests may go. */
export type OutgoingRules = {
  /** Hosts (`name` or `name:port`) that may be reached by plain http and at private addresses: a test, an inner network. */
  readonly allowedHosts: readonly string[]
}

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

/**
 * A fetcher that cannot be turned against our own network: https only, public addresses only, no redirects, bounded in
 * time and size. The address that was checked is the one connected to, so that a name cannot change its mind between.
 *
 * It throws Failure unavailable `sts/outgoing-refused` or `sts/outgoing-failed`; the detail is for the log.
 */
export const guardedFetch =
  ({ allowedHosts }: OutgoingRules): FetchJson =>
  async (url) => {
    const hostname = url.hostname.replaceAll(/^\[|\]$/g, '')
    const listed = allowedHosts.includes(url.host) || allowedHosts.includes(hostname)
    if (url.protocol !== 'https:' && !(listed && url.protocol === 'http:')) refuseOutgoing(url, 'not https')
    if (url.username !== '' || url.password !== '') refuseOutgoing(url, 'credentials in the URL')
    const addresses =
      isIP(hostname) === 0
        ? await lookup(hostname, { all: true }).catch((cause: unknown) => failOutgoing(url, cause))
        : [{ address: hostname, family: isIP(hostname) }]
    const [first] = addresses
    if (first === undefined) return refuseOutgoing(url, 'no address')
    if (!listed && !addresses.every(({ address }) => isPublicAddress(address))) {
      refuseOutgoing(url, 'an address that is not public')
    }
    const body = await get(url, first).catch((cause: unknown) => failOutgoing(url, cause))
    try {
      return JSON.parse(body)
    } catch (cause) {
      return failOutgoing(url, cause)
    }
  }

function get(url: URL, { address, family }: { address: string; family: number }): Promise<string> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const call = send(url, {
      agent: false,
      headers: { accept: 'application/json', 'user-agent': 'signet' },
      signal: AbortSignal.timeout(timeoutMilliseconds),
      lookup: (_name, options, done) => {
        if (options.all === true) done(null, [{ address, family }])
        else done(null, address, family)
      },
    })
    call.once('error', reject)
    call.once('response', (response) => {
      if (response.statusCode !== 200) {
        response.destroy()
        reject(new Error(`status ${response.statusCode ?? 0}`))
        return
      }
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > maxBytes) response.destroy(new Error(`more than ${maxBytes} bytes`))
      })
      response.once('error', reject)
      response.once('close', () => {
        if (response.complete) resolve(Buffer.concat(chunks).toString())
        else reject(new Error('the answer broke off'))
      })
    })
    call.end()
  })
}

const refuseOutgoing = (url: URL, why: string): never =>
  refuse('unavailable', 'sts/outgoing-refused', "The identity provider's keys could not be fetched.", {
    host: url.host,
    why,
  })

const failOutgoing = (url: URL, cause: unknown): never =>
  refuse('unavailable', 'sts/outgoing-failed', "The identity provider's keys could not be fetched.", {
    host: url.host,
    why: cause instanceof Error ? cause.message : 'unknown',
  })
