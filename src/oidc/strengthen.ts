import type { Vault } from '#crypto'
import type { Queryable } from '#database'
import type { Clock } from '#kernel'
import type { AdapterPayload, Client as LibraryClient } from 'oidc-provider'
import { sha256 } from '#crypto'
import { remember } from './artifact.ts'
import { asOAuth } from './failures.ts'
import { Provider } from './library.ts'
import { successorOf } from './refresh-leeway.ts'

/** What the replaced parts of the library's models stand on. */
export type StrengthenNeeds = {
  readonly database: Queryable
  readonly vault: Vault
  readonly clock: Clock
  /** A client's metadata: the same object as long as nothing about the client changed. */
  findClient(clientId: string): Promise<AdapterPayload | undefined>
  /** Whether a secret is the client's; only its SHA-256 is stored. */
  clientSecretMatches(clientId: string, secret: string): Promise<boolean>
}

type RefreshToken = { readonly jti?: string }

/**
 * Replaces, on one Provider, the model methods whose own version is not enough for us. Models belong to an instance,
 * so this is done again whenever a new Provider takes over.
 *
 * - `ReplayDetection.unique`: one insert instead of find and save, so that of two replays one is refused
 * - `RefreshToken.generateTokenId`: a rotated token's successor is derived from it (see refresh-leeway.ts)
 * - `Client.find`: the built client is kept with its metadata; the library's own way hashes the metadata at every request
 *   and keeps a hundred clients
 * - `Client.compareClientSecret`: against the stored hash
 */
export function strengthen(provider: InstanceType<typeof Provider>, needs: StrengthenNeeds): void {
  provider.ReplayDetection.unique = asOAuth(async (issuer: string, jti: string, exp: number) =>
    remember(
      needs.database,
      sha256(`${issuer}\n${jti}`).toString('base64url'),
      Temporal.Instant.fromEpochMilliseconds(exp * 1000),
    ),
  )

  const { prototype } = provider.RefreshToken as unknown as { prototype: { generateTokenId(): string } }
  const original = prototype.generateTokenId
  prototype.generateTokenId = function generateTokenId(this: unknown): string {
    const rotated = rotatedToken()
    return rotated?.jti === undefined ? original.call(this) : successorOf(needs.vault, rotated.jti)
  }

  const built = new WeakMap<AdapterPayload, LibraryClient>()
  const findByHash = provider.Client.find.bind(provider.Client)
  provider.Client.find = asOAuth(async (clientId: string) => {
    if (typeof clientId !== 'string' || clientId === '') return undefined
    const metadata = await needs.findClient(clientId)
    if (metadata === undefined) return undefined
    const known = built.get(metadata)
    if (known !== undefined) return known
    const client = await findByHash(clientId)
    if (client !== undefined) built.set(metadata, client)
    return client
  })

  const client = provider.Client.prototype as unknown as {
    readonly clientId: string
    compareClientSecret(actual: string): Promise<boolean>
  }
  const secretMatches = asOAuth(needs.clientSecretMatches)
  client.compareClientSecret = function compareClientSecret(this: { clientId: string }, actual: string) {
    return secretMatches(this.clientId, actual)
  }
}

function rotatedToken(): RefreshToken | undefined {
  const context = Provider.ctx as { oidc?: { entities?: { RotatedRefreshToken?: RefreshToken } } } | undefined
  return context?.oidc?.entities?.RotatedRefreshToken
}
