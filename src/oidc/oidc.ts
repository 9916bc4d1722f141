import type { App } from '#apps'
import type { Middleware } from '#http'
import { refuse } from '#kernel'
import { destroyOfUser, sweepArtifacts } from './artifact.ts'
import { authenticateBearer, type Bearer } from './bearer.ts'
import { tellApps, type Told } from './back-channel.ts'
import { browserOf } from './browser.ts'
import { openClients } from './clients.ts'
import { resume } from './interaction.ts'
import { interactionRoutes } from './interaction-routes.ts'
import { mount, surround } from './mount.ts'
import type { SignInResult } from '#signin'
import type { OidcNeeds } from './needs.ts'
import { adapterFor, buildProvider } from './provider.ts'

/** The OpenID provider, as app.ts mounts it. */
export type Oidc = {
  /** Our interaction pages and the provider itself. Mount at the root, after the other slices. */
  readonly middleware: Middleware
  /** signin's resumer of kind `oidc`. @returns the URL where the browser goes on */
  resume(reference: string, result: SignInResult): Promise<string>
  /** Who stands behind a bearer token at our own APIs. @throws Failure unauthenticated oidc/bearer */
  authenticateBearer(token: string): Promise<Bearer>
  /** Tells the apps of a browser session that it is over. @returns which of them heard it */
  tellApps(family: string): Promise<Told>
  /** The app of a client that shows its secret. @throws Failure unauthenticated oidc/client */
  authenticateClient(clientId: string, secret: string): Promise<{ clientId: string; app: App | undefined }>
  /** Ends every token and grant of a user (sign out everywhere). */
  revokeUser(userId: string): Promise<void>
  /** Reads the keys again; when they changed, a new Provider takes over. Requests under way finish on the old one. */
  refresh(): Promise<void>
  /** Deletes what expired. Runs by itself once a minute. */
  sweep(): Promise<void>
  close(): Promise<void>
}

const minute = 60_000

/** Opens the OpenID provider. */
export async function createOidc(given: OidcNeeds): Promise<Oidc> {
  const clients = await openClients(given)
  const withClients = { ...given, clients, browser: browserOf(given.sessions) }
  const needs = { ...withClients, adapter: adapterFor(withClients) }
  const build = () => {
    const provider = buildProvider(needs)
    surround(provider, needs)
    return provider
  }
  let current = build()

  const interactions = interactionRoutes(needs, () => current).routes()
  const provider = mount(() => current, needs.publicUrl)

  async function sweep(): Promise<void> {
    // A bound, so that one sweep never keeps the database busy for long; the next minute goes on.
    for (let batches = 0; batches < 20; batches++)
      if ((await sweepArtifacts(needs.database, needs.clock())) < 500) return
  }
  async function refresh(): Promise<void> {
    if (await needs.keys.refresh()) current = build()
  }
  const timers = [sweep, refresh].map((work) =>
    setInterval(() => void work().catch(() => {}), minute).unref(),
  )

  return {
    middleware: (ctx, next) =>
      ctx.path.startsWith('/oauth2/interaction/')
        ? interactions(ctx as Parameters<typeof interactions>[0], next)
        : provider(ctx, next),
    resume: (reference, result) => resume(current, reference, result),
    authenticateBearer: (token) => authenticateBearer(needs, current, token),
    async authenticateClient(clientId, secret) {
      const client = await clients.find(clientId)
      if (client === undefined || !(await clients.secretMatches(clientId, secret)))
        refuse('unauthenticated', 'oidc/client', 'The client id or secret is wrong.')
      return { clientId, app: client.app }
    },
    tellApps: (family) => tellApps(needs, current, family),
    revokeUser: (userId) => destroyOfUser(needs.database, userId),
    refresh,
    sweep,
    async close() {
      for (const timer of timers) clearInterval(timer)
      await clients.close()
    },
  }
}
