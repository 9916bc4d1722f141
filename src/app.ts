/**
 * THE LIST: every slice, in the order a request meets it, each handed exactly what it needs.
 */
import { join } from 'node:path'
import type { RequestListener } from 'node:http'
import Koa from 'koa'
import { accessRoutes, createRevocationFeed, decisionPoint } from '#access'
import { createUseLog, readActionCatalogue } from '#analyzer'
import { apiRoutes } from '#api'
import { createAudit } from '#audit'
import { awsLoginPageRoutes, awsLoginRoutes } from '#aws-login'
import { awsSsoPageRoutes, awsSsoRoutes } from '#aws-sso'
import { commandLineSettings, sweepCliSessions } from '#cli-sessions'
import type { Config } from '#config'
import { createPasswordHasher, equal, passwordHashing, passwordSettings, type Vault } from '#crypto'
import { type Database, sql } from '#database'
import { federationPageRoutes, federationTokenRoutes } from '#federation-url'
import { createFederation, federationSettings } from '#federation'
import { createGateway, gatewaySettings } from '#gateway'
import {
  forwardAuthKind,
  forwardAuthProxies,
  forwardAuthStart,
  resumeForwardAuth,
  sweepForwardAuth,
} from '#forward-auth'
import {
  answering,
  cookieJar,
  createPageSender,
  formGuard,
  health,
  htmlWire,
  logBroken,
  notFound,
  openPages,
  publicHostOnly,
  requestEdge,
  requestInfo,
  type EdgeLog,
  securityHeaders,
  serveAssets,
  trustedProxies,
} from '#http'
import { openMemory, readBuiltInPolicies, sweepChanges } from '#iam'
import { createIamApi, iamSettings } from '#iam-api'
import type { Clock } from '#kernel'
import { openKeys } from '#keys'
import { verifyMfaCode } from '#mfa'
import { createOidc, oidcSettings } from '#oidc'
import { podIdentityRoutes } from '#pod-identity'
import { portalKind, portalRoutes, resumePortal } from '#portal'
import { rolesAnywhereRoutes } from '#roles-anywhere'
import { createSamlIdp, leaveApps, samlUrls, sweepSaml, userOfNameId } from '#saml'
import { createSessions, openEpochs, sessionSettings } from '#sessions'
import { setupRoutes, unclaimedPages } from '#setup'
import { assess, begin, finishUpstream, type SigninNeeds, signinRoutes, sweepSignin } from '#signin'
import { lookAlikes, openSts, outboundIssuerRoutes, stsRoutes, stsSettings } from '#sts'

/** The settings' sections, each owned by its slice. */
export const sections = {
  passwords: passwordSettings,
  sessions: sessionSettings,
  oidc: oidcSettings,
  federation: federationSettings,
  sts: stsSettings,
  command_line: commandLineSettings,
  gateway: gatewaySettings,
  iam: iamSettings,
}

/** What the application stands on. */
export type AppNeeds = {
  readonly config: Config<typeof sections>
  readonly database: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly log: EdgeLog
  /** Where config/ and views/ are. */
  readonly packageDir: string
}

/** What answers requests, and what ends it. The database is closed by who opened it. */
export type App = {
  readonly handler: RequestListener
  /** Listens on a port of its own; absent where none is set. */
  readonly gateway?:
    { readonly handler: RequestListener; readonly port: number; readonly idleSeconds: number } | undefined
  /** Ends answers that would go on for ever, so that the server can go down at once. */
  hangUp(): void
  close(): Promise<void>
}

/** How often what expired is deleted. */
const sweepMilliseconds = 60_000

/** Builds the application over an open database. */
export async function createApp(needs: AppNeeds): Promise<App> {
  const { config, database, vault, clock, log, packageDir } = needs
  const { publicUrl, settings } = config

  // ── what all slices share ──
  const htmlPages = openPages({ viewsDir: join(packageDir, 'views') })
  const builtInPolicies = readBuiltInPolicies(join(packageDir, 'config/policies'))
  const jar = cookieJar(publicUrl)
  const forms = formGuard({ jar, publicUrl, mac: vault.mac, equal })
  const pages = createPageSender({ pages: htmlPages, jar })
  const wire = htmlWire(htmlPages)
  const uses = createUseLog({
    database,
    complain: (thrown) => log.warn({ err: thrown }, 'writing down who used what failed; it is tried again'),
  })
  const audit = createAudit({
    database,
    clock,
    heard: uses.heard,
    complain: (thrown) =>
      log.error({ err: thrown }, 'noted events cannot be written; they are kept and tried again'),
  })
  const [memory, keys, epochs, hasher] = await Promise.all([
    openMemory({ database }),
    openKeys({ database, vault, clock, publicUrl }),
    openEpochs({ database, boundMilliseconds: settings.sessions.revocation_bound_seconds * 1_000 }),
    createPasswordHasher({ clock }, passwordHashing(settings.passwords)),
  ])
  const sessions = createSessions({ database, clock, jar, epochs, settings: settings.sessions })

  // ── protocols and journeys ──
  const judging = { database, clock, builtInPolicies, memory }
  const beginning = { database, clock, jar }
  const oidc = await createOidc({
    database,
    vault,
    clock,
    audit,
    keys,
    sessions,
    epochs,
    publicUrl,
    settings: settings.oidc,
    guard: forms,
    show: pages.show,
    wire,
    assess: (request) => assess(judging, request),
    begin: (request) => begin(beginning, request),
  })
  const saml = createSamlIdp({
    database,
    clock,
    publicUrl,
    keys,
    audit,
    sessions,
    jar,
    guard: forms,
    pages: htmlPages,
    tellOthers: async (family) => (await oidc.tellApps(family)).notTold,
    signIn: {
      assess: async (ctx, requirement) =>
        assess(judging, { session: await sessions.current(ctx), requirement, from: requestInfo(ctx) }),
      begin: (ctx, request) => begin(beginning, { ...request, ctx }),
    },
  })
  const sts = openSts({
    database,
    builtInPolicies,
    memory,
    vault,
    clock,
    audit,
    epochs,
    keys,
    publicUrl,
    issuer: publicUrl.origin,
    samlEntityId: samlUrls(publicUrl).entityId,
    userOfOwnAssertion: (assertion) => userOfNameId(database, assertion),
    verifyMfa: (request) => verifyMfaCode({ database, vault, clock }, request),
    settings: settings.sts,
    log,
  })
  const iamApi = createIamApi({
    database,
    builtInPolicies,
    vault,
    hasher,
    publicUrl,
    clock,
    audit,
    settings: settings.iam,
    log,
  })
  const feed = createRevocationFeed({ clock, epochs, keys, publicUrl })
  const federation = createFederation({
    database,
    vault,
    clock,
    audit,
    jar,
    sessions,
    publicUrl,
    settings: settings.federation,
    finish: (request) => finishUpstream({ database, clock }, request),
  })
  const signin: SigninNeeds = {
    database,
    clock,
    vault,
    hasher,
    audit,
    sessions,
    jar,
    forms,
    pages,
    builtInPolicies,
    upstream: federation,
    resumers: {
      oidc: oidc.resume,
      saml: saml.resume,
      [portalKind]: resumePortal,
      [forwardAuthKind]: resumeForwardAuth({ database, clock }),
    },
    signOut: async ({ family }) => {
      const { told, notTold } = await oidc.tellApps(family)
      return { told, notTold: [...notTold, ...(await leaveApps(database, family))].toSorted() }
    },
  }
  const cli = { database, vault, clock, audit, epochs, settings: settings.command_line }
  const awsLogins = { ...signin, sts, cli, keys, publicUrl }
  const ready = async () => {
    keys.active('oidc')
    // A write that changes nothing: a demoted or read-only database is not ready.
    await database.query(
      sql`update revocation_epoch set epoch = epoch where kind = 'account' and id = 'ready'`,
    )
  }

  // ── the order a request meets them in ──
  const koa = new Koa().on('error', logBroken(log))
  const edge = requestEdge({ clock, log, proxies: trustedProxies(config.trustProxy), publicUrl })
  koa.use(edge)
  koa.use(health(ready))
  const deciding = {
    ...sts,
    audit,
    keys,
    feed,
    authenticateClient: oidc.authenticateClient,
    authenticateBearer: oidc.authenticateBearer,
  }
  koa.use(securityHeaders(publicUrl))
  // The Query API is what is asked for most, and at the root: it need not pass what answers at other addresses.
  const queryApi = stsRoutes({ ...sts, iamApi })
  koa.use((ctx, next) => (ctx.path === '/' ? queryApi(ctx, next) : next()))
  koa.use(decisionPoint(deciding))
  koa.use(serveAssets(htmlPages.assets))
  const proxied = { ...sts, audit, sessions, authenticateBearer: oidc.authenticateBearer }
  koa.use(forwardAuthProxies(proxied))
  koa.use((ctx, next) => (ctx.path === '/' ? next() : queryApi(ctx, next)))
  koa.use(outboundIssuerRoutes({ database, publicUrl }))
  koa.use(rolesAnywhereRoutes({ sts }).routes())
  koa.use(podIdentityRoutes(sts).routes())
  koa.use(federationTokenRoutes(awsLogins).routes())
  koa.use(awsLoginRoutes(awsLogins).routes())
  koa.use(awsSsoRoutes(awsLogins).routes())
  koa.use(
    apiRoutes({
      sts,
      revoking: { database, builtInPolicies, vault, audit, epochs },
      analyzer: {
        database,
        clock,
        builtInPolicies,
        memory,
        uses,
        actions: readActionCatalogue(join(packageDir, 'config/policies')),
      },
      audit,
      authenticateBearer: oidc.authenticateBearer,
    }).routes(),
  )
  koa.use(accessRoutes(deciding).routes())
  koa.use(publicHostOnly(htmlPages, publicUrl))
  koa.use(answering(wire))
  koa.use(unclaimedPages({ database, pages }))
  koa.use(setupRoutes({ database, clock, vault, audit, sessions, jar, hasher, forms, pages }).routes())
  koa.use(forwardAuthStart({ ...judging, sessions, jar }))
  koa.use(saml.router.routes())
  koa.use(signinRoutes(signin).routes())
  koa.use(federation.middleware)
  koa.use(
    portalRoutes({
      ...signin,
      sts,
      cli,
      publicUrl,
      catchUp: epochs.catchUp,
      endEverything: (tx, userId) => epochs.raise(tx, 'user', userId),
    }).routes(),
  )
  koa.use(federationPageRoutes(awsLogins).routes())
  koa.use(awsLoginPageRoutes(awsLogins).routes())
  koa.use(awsSsoPageRoutes(awsLogins).routes())
  koa.use(lookAlikes())
  koa.use(oidc.middleware)
  koa.use(notFound(htmlPages))

  const sweeping = setInterval(() => {
    void Promise.all([
      sweepSignin(database, clock),
      sweepSaml(database, clock()),
      sweepCliSessions(database, clock()),
      federation.sweep(),
      sweepForwardAuth(database, clock),
      sweepChanges(database),
    ]).catch((thrown: unknown) => log.warn({ err: thrown }, 'sweeping failed; the next minute tries again'))
  }, sweepMilliseconds).unref()

  const answer = koa.callback()
  const gateway = createGateway({ ...proxied, settings: settings.gateway })
  const passing = new Koa().on('error', logBroken(log)).use(edge).use(gateway.middleware).callback()
  return {
    handler: (request, response) => void answer(request, response),
    gateway:
      settings.gateway.port === 0
        ? undefined
        : {
            handler: (request, response) => void passing(request, response),
            port: settings.gateway.port,
            idleSeconds: settings.gateway.idle_seconds,
          },
    hangUp: feed.close,
    async close() {
      gateway.close()
      clearInterval(sweeping)
      feed.close()
      await oidc.close()
      await epochs.close()
      await audit.flush()
      await uses.close()
      await memory.close()
    },
  }
}
