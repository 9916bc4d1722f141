import { findApp, findServiceProvider } from '#apps'
import type { App } from '#apps'
import type { Audit } from '#audit'
import type { Database } from '#database'
import type { CookieJar, FormGuard, Pages } from '#http'
import type { Clock } from '#kernel'
import type { Keys } from '#keys'
import type { Sessions } from '#sessions'
import type { Peer } from './inbound-request.ts'
import type { KeyCache } from './pinned-keys.ts'
import type { SamlSignIn } from './sign-in.ts'
import type { SamlUrls } from './urls.ts'

/** What the identity provider needs of the rest. */
export type SamlNeeds = {
  readonly database: Database
  readonly clock: Clock
  readonly publicUrl: URL
  readonly keys: Keys
  readonly audit: Audit
  readonly sessions: Sessions
  readonly jar: CookieJar
  readonly guard: FormGuard
  readonly pages: Pages
  readonly signIn: SamlSignIn
  /** Tells apps of other protocols that a browser session is over. @returns the names of those that were not told */
  readonly tellOthers: (family: string) => Promise<readonly string[]>
}

/** The same with what this slice made of it once. */
export type IdpNeeds = SamlNeeds & { readonly urls: SamlUrls; readonly keysOf: KeyCache }

/** The app whose SAML side has this entityID. */
export async function findPeer(database: Database, entityId: string): Promise<Peer | undefined> {
  const provider = await findServiceProvider(database, { entityId })
  const app = provider && (await findApp(database, provider.appId))
  return provider && app && { app, provider }
}

/** An app of an id with its SAML side. */
export async function findPeerOfApp(database: Database, appId: string): Promise<Peer | undefined> {
  const provider = await findServiceProvider(database, { appId })
  const app = provider && (await findApp(database, appId))
  return provider && app && { app, provider }
}

/** The app as signin and the policy engine know it. */
export const asTarget = ({ appId, name, arn }: App): { id: string; name: string; arn: string } => ({
  id: appId,
  name,
  arn,
})
