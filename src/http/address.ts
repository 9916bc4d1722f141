import { BlockList, isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { recent, refuse } from '#kernel'

/** The proxies whose `X-Forwarded-*` headers count. */
export type TrustedProxies = { trusts(address: string): boolean }

/** `::ffff:10.1.2.3` is `10.1.2.3`: one spelling, before any rule or policy reads an address. */
const plain = (address: string): string => {
  if (!address.includes(':')) return address
  const bare = address.replace(/^\[|\]$/g, '').split('%')[0] ?? ''
  return bare.toLowerCase().startsWith('::ffff:') && isIP(bare.slice(7)) === 4 ? bare.slice(7) : bare
}

/**
 * Reads TRUST_PROXY: addresses and CIDR ranges, comma-separated. Empty: nobody is trusted.
 *
 * @throws Failure malformed http/trust-proxy
 */
export function trustedProxies(setting: string): TrustedProxies {
  const list = new BlockList()
  let some = false
  for (const entry of setting.split(',').map((each) => each.trim())) {
    if (entry === '') continue
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address)
    const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix)
    if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128))
      refuse(
        'malformed',
        'http/trust-proxy',
        `TRUST_PROXY has "${entry}", which is no address or range (10.0.0.0/8).`,
      )
    some = true
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
  const isListed = (address: string): boolean => {
    const bare = plain(address)
    const family = isIP(bare)
    return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6')
  }
  // The same few proxies send all requests, and asking the list costs more than all the rest of an address.
  const known = recent<boolean>(1_000)
  return {
    trusts: (address) => {
      if (!some) return false
      const before = known.get(address)
      if (before !== undefined) return before
      const listed = isListed(address)
      known.set(address, listed)
      return listed
    },
  }
}

/**
 * The address a request comes from: the socket's, or behind trusted proxies the last one in `X-Forwarded-For` that no
 * trusted proxy wrote about itself. What an untrusted client puts there is never believed.
 */
export function addressOf(request: IncomingMessage, proxies: TrustedProxies): string {
  const peer = plain(request.socket.remoteAddress ?? '0.0.0.0')
  if (!proxies.trusts(peer)) return peer
  const forwarded = request.headers['x-forwarded-for']
  if (forwarded === undefined) return peer
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded).split(',').slice(-32)
  for (const hop of hops.toReversed()) {
    const address = plain(hop.trim())
    if (isIP(address) === 0) break
    if (!proxies.trusts(address)) return address
  }
  return peer
}
