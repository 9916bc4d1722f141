import { z } from 'zod'
import { equal, type Vault } from '#crypto'
import { type Clock, refuse } from '#kernel'

/** The grants of this face, in its own spelling. */
export const grants = {
  device: 'urn:ietf:params:oauth:grant-type:device_code',
  code: 'authorization_code',
  refresh: 'refresh_token',
} as const

/** The one scope: listing and taking roles. */
export const portalScope = 'sso:account:access'

const shape = z.object({
  /** Name. */
  n: z.string(),
  /** Grant types. */
  g: z.array(z.string()),
  /** Redirect URIs. */
  r: z.array(z.string()),
  /** Expires, epoch seconds. */
  e: z.number(),
})

/** A registered client. Anybody may register one: it says what a program calls itself, and no more. */
export type SsoClient = {
  readonly clientId: string
  readonly name: string
  readonly grantTypes: readonly string[]
  readonly redirectUris: readonly string[]
}

/** The AWS CLI registers anew 15 minutes before this is over. */
const lifeDays = 90

const context = 'aws-sso/client'
const secretOf = (vault: Pick<Vault, 'mac'>, clientId: string): string => vault.mac(context, clientId)

/** What a client is registered with; no row is kept: the id is the sealed registration, the secret a MAC over it. */
export function registerClient(
  { vault, clock }: { readonly vault: Pick<Vault, 'seal' | 'mac'>; readonly clock: Clock },
  client: Omit<SsoClient, 'clientId'>,
): { clientId: string; clientSecret: string; issuedAt: number; expiresAt: number } {
  const issuedAt = Math.floor(clock().epochMilliseconds / 1_000)
  const expiresAt = issuedAt + lifeDays * 86_400
  const registration: z.infer<typeof shape> = {
    n: client.name,
    g: [...client.grantTypes],
    r: [...client.redirectUris],
    e: expiresAt,
  }
  const clientId = vault.seal(JSON.stringify(registration), context).toString('base64url')
  return { clientId, clientSecret: secretOf(vault, clientId), issuedAt, expiresAt }
}

/** The client of an id; undefined for what we did not make, or what is over. */
export function openClient(
  { vault, clock }: { readonly vault: Pick<Vault, 'open'>; readonly clock: Clock },
  clientId: string,
): SsoClient | undefined {
  if (clientId.length > 8_192 || !/^[\w-]+$/.test(clientId)) return undefined
  let opened: z.infer<typeof shape>
  try {
    opened = shape.parse(JSON.parse(vault.open(Buffer.from(clientId, 'base64url'), context).toString()))
  } catch {
    return undefined
  }
  if (opened.e * 1_000 <= clock().epochMilliseconds) return undefined
  return { clientId, name: opened.n, grantTypes: opened.g, redirectUris: opened.r }
}

/** The client that proves itself by its secret. @throws Failure unauthenticated aws-sso/invalid-client */
export function authenticateClient(
  needs: { readonly vault: Pick<Vault, 'open' | 'mac'>; readonly clock: Clock },
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
): SsoClient {
  const client = openClient(needs, clientId)
  if (client === undefined || !equal(clientSecret, secretOf(needs.vault, clientId)))
    return refuse(
      'unauthenticated',
      'aws-sso/invalid-client',
      'The client is not registered, or its registration is over.',
    )
  return client
}

/** Refuses a grant that the client was not registered for. @throws Failure forbidden aws-sso/unauthorized-client */
export function requireGrant(client: SsoClient, grant: string): void {
  if (!client.grantTypes.includes(grant))
    refuse(
      'forbidden',
      'aws-sso/unauthorized-client',
      `The client is not registered for the grant type ${grant}.`,
    )
}

/** A redirect address on the person's own machine: http, a loopback address, no user info and no fragment. */
export function isLoopback(text: string): boolean {
  const url = URL.parse(text)
  return (
    url !== null &&
    url.protocol === 'http:' &&
    (url.hostname === '127.0.0.1' || url.hostname === '[::1]' || url.hostname === 'localhost') &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#')
  )
}

/** Whether an address is one of the client's, whatever its port (RFC 8252 §7.3). */
export function isOwnRedirect(client: SsoClient, text: string): boolean {
  if (!isLoopback(text)) return false
  const portless = (address: string): string => {
    const url = new URL(address)
    url.port = ''
    return url.href
  }
  return client.redirectUris.some((own) => portless(own) === portless(text))
}
