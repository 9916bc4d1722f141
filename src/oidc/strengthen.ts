import type { Vault } from '#crypto'
import type { Queryable } from '#database'
import type { Clock } from '#kernel'
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

  const client = provider.Client.prototype as unknown as {
    readonly clientId: string
    compareClientSecret(actual: string): Promise<boolean>
  }
  client.compareClientSecret = async function compareClientSecret(
    this: { clientId: string },
    actual: string,
  ) {
    return asOAuth(needs.clientSecretMatches)(this.clientId, actual)
  }
}

function rotatedToken(): RefreshToken | undefined {
  const context = Provider.ctx as { oidc?: { entities?: { RotatedRefreshToken?: RefreshToken } } } | undefined
  return context?.oidc?.entities?.RotatedRefreshToken
}
