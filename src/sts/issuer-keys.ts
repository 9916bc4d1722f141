import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'

import { refuse, type Clock } from '#kernel'

import type { FetchJson } from './outgoing.ts'

/** The verification keys of an OpenID issuer. */
export type IssuerKeys = (issuer: string) => Promise<JWTVerifyGetKey>

const discovery = z.object({ issuer: z.string(), jwks_uri: z.string() })
const keySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(200) })

type Known = { readonly fetchedAt: number; readonly find: JWTVerifyGetKey }

// In milliseconds.
const freshFor = 10 * 60_000
/** Keys that cannot be fetched anew still count for so long. */
const staleFor = 24 * 3_600_000
/** An unknown key id asks the issuer again, but a flood of them does not. */
const askAgainAfter = 60_000
const maxIssuers = 1_000

/**
 * Keys by OpenID discovery: kept for ten minutes, fetched by one caller at a time however many wait, asked for again
 * when a token names a key that is not there, and for at most a day used although the issuer cannot be reached.
 *
 * What it returns throws Failure unavailable `sts/issuer-unreachable`.
 */
export function issuerKeys(needs: { readonly fetchJson: FetchJson; readonly clock: Clock }): IssuerKeys {
  const known = new Map<string, Known>()
  const underWay = new Map<string, Promise<Known>>()
  const olderThan = ({ fetchedAt }: Known, milliseconds: number): boolean =>
    needs.clock().epochMilliseconds - fetchedAt >= milliseconds

  const fetchOnce = (issuer: string): Promise<Known> => {
    const running = underWay.get(issuer)
    if (running !== undefined) return running
    const started = fetchKeys(needs, issuer)
      .then((fetched) => {
        known.delete(issuer)
        known.set(issuer, fetched)
        const oldest = known.size > maxIssuers ? known.keys().next().value : undefined
        if (oldest !== undefined) known.delete(oldest)
        return fetched
      })
      .finally(() => underWay.delete(issuer))
    underWay.set(issuer, started)
    return started
  }

  const current = async (issuer: string): Promise<Known> => {
    const held = known.get(issuer)
    if (held !== undefined && !olderThan(held, freshFor)) return held
    try {
      return await fetchOnce(issuer)
    } catch (thrown) {
      if (held !== undefined && !olderThan(held, staleFor)) return held
      throw thrown
    }
  }

  return async (issuer) => {
    const held = await current(issuer)
    return async (header, token) => {
      try {
        return await held.find(header, token)
      } catch (thrown) {
        if (!(thrown instanceof errors.JWKSNoMatchingKey) || !olderThan(held, askAgainAfter)) throw thrown
        const { find } = await fetchOnce(issuer)
        return find(header, token)
      }
    }
  }
}

async function fetchKeys(
  { fetchJson, clock }: { fetchJson: FetchJson; clock: Clock },
  issuer: string,
): Promise<Known> {
  try {
    // OpenID Connect Discovery 1.0 §4: appended to the issuer's path, and it must name itself.
    const found = discovery.parse(
      await fetchJson(new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)),
    )
    if (found.issuer !== issuer) throw new Error(`the document names another issuer`)
    const { keys } = keySet.parse(await fetchJson(new URL(found.jwks_uri)))
    // A symmetric key in a public document is no key.
    const usable = keys.filter((key) => key['kty'] !== 'oct' && (key['use'] ?? 'sig') === 'sig')
    return { fetchedAt: clock().epochMilliseconds, find: createLocalJWKSet({ keys: usable }) }
  } catch (thrown) {
    return refuse(
      'unavailable',
      'sts/issuer-unreachable',
      "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
      {
        issuer,
        why: thrown instanceof Error ? [thrown.message, 'detail' in thrown ? thrown.detail : ''] : '',
      },
    )
  }
}
