import type { Vault } from '#crypto'
import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, Secret } from '#kernel'
import { type App, findApp } from './apps.ts'
import { type ProxySettings, proxySettings } from './shapes.ts'

/** An app behind a reverse proxy, found by a host of it. */
export type ProxyApp = {
  readonly app: App
  /** Scheme, host and port as they are registered: no header chooses the scheme. */
  readonly origin: string
  readonly rules: ProxySettings['rules']
  /** For which services a SigV4 signature to it may be. */
  readonly signedFor: readonly string[]
}

/**
 * Makes an app's proxy side like this. The store's secret access key stays as it is where none is given.
 *
 * @throws Failure conflict apps/origin-taken when an origin's host belongs to another app
 */
export async function putProxyApp(
  tx: Queryable,
  { clock, vault }: { readonly clock: Clock; readonly vault: Vault },
  app: {
    readonly appId: string
    readonly settings: ProxySettings
    readonly upstreamSecret?: Secret | undefined
  },
): Promise<void> {
  const { appId, upstreamSecret } = app
  const { origins, rules, ...rest } = app.settings
  const sealed =
    upstreamSecret === undefined ? null : vault.seal(upstreamSecret.reveal(), secretContext(appId))
  await tx.query(
    sql`insert into proxy_app (app_id, rules, settings, upstream_secret, updated_at)
        values (${appId}, ${JSON.stringify(rules)}, ${JSON.stringify(rest)}, ${sealed}, ${clock()})
        on conflict (app_id) do update
          set rules = excluded.rules, settings = excluded.settings, updated_at = excluded.updated_at,
              upstream_secret = coalesce(excluded.upstream_secret, proxy_app.upstream_secret)`,
  )
  await tx.query(sql`delete from proxy_origin where app_id = ${appId}`)
  try {
    await tx.query(
      sql`insert into proxy_origin (host, origin, app_id)
          select host, origin, ${appId}
            from unnest(${origins.map((origin) => new URL(origin).host)}::text[],
                        ${origins}::text[]) as place(host, origin)`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'apps/origin-taken', 'A host of this app already belongs to another one.')
  }
}

const secretContext = (appId: string): string => `proxy_app/upstream/${appId}`

/** The proxy side of an app. */
export async function findProxySettings(db: Queryable, appId: string): Promise<ProxySettings | undefined> {
  const { rows } = await db.query<{ rules: string; settings: string; origin: string }>(
    sql`select a.rules, a.settings, o.origin from proxy_app a join proxy_origin o on o.app_id = a.app_id
        where a.app_id = ${appId} order by o.origin`,
  )
  const [first] = rows
  return first === undefined
    ? undefined
    : proxySettings.parse({
        ...(JSON.parse(first.settings) as object),
        origins: rows.map(({ origin }) => origin),
        rules: JSON.parse(first.rules),
      })
}

/** The app that a host belongs to; `host` is in lower case, with its port where the URL has one. */
export async function findProxyApp(db: Queryable, host: string): Promise<ProxyApp | undefined> {
  const { rows } = await db.query<{ app_id: string; origin: string }>(
    sql`select app_id, origin from proxy_origin where host = ${host}`,
  )
  const [row] = rows
  if (row === undefined) return undefined
  const [app, settings] = await Promise.all([findApp(db, row.app_id), findProxySettings(db, row.app_id)])
  if (app === undefined || settings === undefined) return undefined
  const own = app.servicePrefix === undefined ? [] : [app.servicePrefix]
  return {
    app,
    origin: row.origin,
    rules: settings.rules,
    signedFor: [...own, ...(settings.signed_for ?? [])],
  }
}

/** An app that the gateway passes requests on to, at one of its hosts. */
export type GatewayApp = {
  readonly app: App
  readonly host: string
  readonly origin: string
  readonly protocol: 'http' | 's3'
  readonly upstream: {
    readonly url: URL
    readonly region: string
    readonly accessKeyId: string | undefined
    readonly secret: Secret | undefined
  }
}

/** All apps that the gateway stands before, by host. */
export async function listGatewayApps(db: Queryable, vault: Vault): Promise<readonly GatewayApp[]> {
  const { rows } = await db.query<{ app_id: string; upstream_secret: Uint8Array | null }>(
    sql`select app_id, upstream_secret from proxy_app where settings like '%"upstream"%' limit 1000`,
  )
  const found = await Promise.all(
    rows.map(async ({ app_id: appId, upstream_secret: sealed }): Promise<GatewayApp[]> => {
      const [app, settings] = await Promise.all([findApp(db, appId), findProxySettings(db, appId)])
      const { upstream } = settings ?? {}
      if (app === undefined || settings === undefined || upstream === undefined) return []
      const secret =
        sealed === null ? undefined : new Secret(vault.open(sealed, secretContext(appId)).toString())
      return settings.origins.map((origin) => ({
        app,
        host: new URL(origin).host,
        origin,
        protocol: settings.protocol ?? 'http',
        upstream: {
          url: new URL(upstream.url),
          region: upstream.region ?? 'us-east-1',
          accessKeyId: upstream.access_key_id,
          secret,
        },
      }))
    }),
  )
  return found.flat()
}
