import type { Audit } from '#audit'
import { answering, jsonWire, limitByAddress, requestInfo, Router, type Wire } from '#http'
import type { Oidc } from '#oidc'
import type { StsNeeds } from '#sts'
import { anywhereRoutes } from './anywhere.ts'
import { analysisRoutes, type AnalysisNeeds } from './analysis.ts'
import { appRoutes } from './apps.ts'
import { clusterRoutes } from './clusters.ts'
import { apiCaller, bearerToken, readBody } from './caller.ts'
import { organizationRoutes } from './organization.ts'
import { revocationRequest, revoke, type RevokeNeeds } from './revocations.ts'
import { roleSessionRequest, takeRole } from './role-sessions.ts'

/** What the JSON API stands on. */
export type ApiNeeds = {
  readonly sts: StsNeeds
  readonly revoking: RevokeNeeds
  readonly analyzer: AnalysisNeeds
  readonly audit: Audit
  readonly authenticateBearer: Oidc['authenticateBearer']
}

/** RFC 6750 §3: a refused token is answered with the challenge. */
const wire: Wire = {
  ...jsonWire,
  async refuse(ctx, failure) {
    await jsonWire.refuse(ctx, failure)
    if (failure.kind === 'unauthenticated') ctx.set('WWW-Authenticate', 'Bearer')
  },
}

/** The routes of `/api/v1`. */
export function apiRoutes(needs: ApiNeeds): Router {
  const router = new Router({ prefix: '/api/v1' })
  router.use(answering(wire), limitByAddress({ points: 600, seconds: 60 }))

  router.post('/role-sessions', async (ctx) => {
    const bearer = await needs.authenticateBearer(bearerToken(ctx))
    const body = await readBody(ctx, roleSessionRequest)
    ctx.set('Cache-Control', 'no-store')
    ctx.status = 201
    ctx.body = await takeRole(needs.sts, { bearer, from: requestInfo(ctx), body })
  })

  router.post('/revocations', async (ctx) => {
    const caller = await apiCaller(needs, ctx)
    const body = await readBody(ctx, revocationRequest)
    ctx.set('Cache-Control', 'no-store')
    ctx.body = await revoke(needs.revoking, { ...caller, body })
  })

  analysisRoutes(router, needs)
  appRoutes(router, needs)
  organizationRoutes(router, needs)
  anywhereRoutes(router, needs)
  clusterRoutes(router, needs)
  return router
}
