import { type Audit, nobody } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import { type Context, type CookieJar, createOutgoing, type Middleware, readQuery, requestInfo } from '#http'
import { type Clock, isFailure, refuse } from '#kernel'
import type { Sessions } from '#sessions'
import type { FederationSettings } from './config.ts'
import {
  type Connection,
  connectionOfDomain,
  findConnection,
  listConnections,
  secretOf,
} from './connection.ts'
import { rememberFlow, sweepFlows, takeFlow } from './flow.ts'
import { userOf } from './link.ts'
import { createOidcConnector } from './oidc-connector.ts'

/** What signing in through others stands on. */
export type FederationNeeds = {
  readonly database: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly audit: Audit
  readonly jar: CookieJar
  readonly sessions: Pick<Sessions, 'revokeAll'>
  readonly publicUrl: URL
  readonly settings: FederationSettings
  /** signin's `finishUpstream`. @returns the path to send the browser to */
  finish(request: {
    readonly pendingId: string
    readonly userId: string
    readonly mfa: boolean
  }): Promise<string>
}

/** Signing in through other identity providers: signin's `Upstream`, and the way back. */
export type Federation = {
  /** The connection that owns a mail domain; the answer depends on the domain alone. */
  homeConnection(mailDomain: string): Promise<{ readonly id: string } | undefined>
  /** The connections that show a button. */
  buttons(): Promise<readonly { readonly id: string; readonly label: string }[]>
  /**
   * Begins there. @returns the URL to send the browser to
   *
   * @throws Failure not-found federation/no-connection, unavailable federation/upstream-away
   */
  start(
    ctx: Context,
    request: {
      readonly connection: string
      readonly pendingId: string
      readonly loginHint: string | undefined
    },
  ): Promise<string>
  /** `GET /federation/oidc/callback`. Mount behind the HTML wire. */
  readonly middleware: Middleware
  /** Forgets trips that nobody came back from. */
  sweep(): Promise<void>
}

const callbackPath = '/federation/oidc/callback'

/** Opens the federation. */
export function createFederation(needs: FederationNeeds): Federation {
  const { database, vault, clock, jar } = needs
  const rules = { allowedHosts: needs.settings.allowed_hosts }
  const callback = new URL(callbackPath, needs.publicUrl)
  const connector = createOidcConnector({
    clock,
    outgoing: createOutgoing(rules),
    rules,
    callback,
    secretOf: (connectionId) => secretOf({ database, vault }, connectionId),
  })
  const connectionOf = async (connectionId: string): Promise<Connection> => {
    const connection = await findConnection(database, connectionId)
    return connection?.enabled === true
      ? connection
      : refuse('not-found', 'federation/no-connection', 'There is no such way to sign in.')
  }

  /** @returns the path to send the browser to */
  async function arrive(ctx: Context): Promise<string> {
    const query = readQuery(ctx)
    const state = query.get('state') ?? ''
    const flow = await takeFlow(needs, { state, browser: jar.browser(ctx) })
    if (flow === undefined)
      return refuse(
        'expired',
        'federation/no-flow',
        'This sign-in took too long, was finished already, or began in another browser. Go back to the app and start again.',
      )
    const connection = await connectionOf(flow.connectionId)
    // Whoever said no there may choose another way here.
    if (query.get('error') === 'access_denied') return `/login/${flow.pendingId}`
    const at = new URL(`${callback.href}?${ctx.querystring}`)
    const identity = await connector.arrive(connection, { ...flow, at, state })
    const user = await userOf(needs, connection, identity, requestInfo(ctx))
    return needs.finish({ pendingId: flow.pendingId, userId: user.userId, mfa: identity.mfa })
  }

  return {
    async homeConnection(mailDomain) {
      const connection = await connectionOfDomain(database, mailDomain)
      return connection === undefined ? undefined : { id: connection.connectionId }
    },
    async buttons() {
      return (await listConnections(database))
        .filter(({ enabled, settings }) => enabled && settings.button)
        .map(({ connectionId, settings }) => ({ id: connectionId, label: settings.label }))
    },
    async start(ctx, { connection: connectionId, pendingId, loginHint }) {
      const connection = await connectionOf(connectionId)
      const { url, state, nonce, verifier } = await connector.depart(connection, { loginHint })
      await rememberFlow(needs, {
        state,
        browser: jar.browser(ctx),
        flow: { connectionId, pendingId, nonce, verifier },
      })
      return url.href
    },
    async middleware(ctx, next) {
      if (ctx.path !== callbackPath || ctx.method !== 'GET') return next()
      ctx.set('Cache-Control', 'no-store')
      try {
        const target = await arrive(ctx)
        ctx.status = 303
        ctx.redirect(target)
      } catch (thrown) {
        if (isFailure(thrown))
          await needs.audit.recordSoon({
            source: 'federation',
            name: 'FederatedSignIn',
            by: nobody,
            request: requestInfo(ctx),
            error: { code: thrown.reason, message: thrown.message },
          })
        throw thrown
      }
      return undefined
    },
    sweep: () => sweepFlows(database, clock),
  }
}
