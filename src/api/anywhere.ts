import { z } from 'zod'
import type { Audit } from '#audit'
import type { Context, Router } from '#http'
import { demand, policyRefs, readPolicy } from '#iam'
import { refuse } from '#kernel'
import type { Oidc } from '#oidc'
import {
  type AnywhereProfile,
  findProfile,
  findTrustAnchor,
  listProfiles,
  listTrustAnchors,
  profileArn,
  putProfile,
  putTrustAnchor,
  removeProfile,
  removeTrustAnchor,
  type TrustAnchor,
  trustAnchorArn,
} from '#roles-anywhere'
import type { StsNeeds } from '#sts'
import { type ApiCaller, apiCaller, readBody } from './caller.ts'
import { changesOf, requirePassRole } from './own-account.ts'

type Needs = {
  readonly sts: StsNeeds
  readonly authenticateBearer: Oidc['authenticateBearer']
  readonly audit: Audit
}

const name = z.string().regex(/^[\w.-]{1,128}$/, 'letters, digits and _.- only, at most 128')
const newTrustAnchor = z.strictObject({
  name,
  /** PEM: one certificate of an authority, or several. */
  certificates: z.string().min(1).max(65_536),
  /** PEM: revocation lists of these authorities. */
  revocation_lists: z.string().max(1_048_576).default(''),
  enabled: z.boolean().default(true),
})
const newProfile = z.strictObject({
  name,
  /** ARNs of roles of the same account. */
  roles: z.array(z.string().min(20).max(2_048)).min(1).max(250),
  session_policies: z.array(z.string().min(20).max(2_048)).max(10).default([]),
  session_policy: z.string().max(2_048).nullable().default(null),
  max_session_seconds: z.int().min(900).max(43_200).default(3_600),
  accept_session_name: z.boolean().default(false),
  enabled: z.boolean().default(true),
})
/** Changes: no default stands in for a member that is not given. */
const trustAnchorChanges = z.strictObject({
  certificates: newTrustAnchor.shape.certificates.optional(),
  revocation_lists: newTrustAnchor.shape.revocation_lists.unwrap().optional(),
  enabled: z.boolean().optional(),
})
const profileChanges = z.strictObject({
  roles: newProfile.shape.roles.optional(),
  session_policies: newProfile.shape.session_policies.unwrap().optional(),
  session_policy: newProfile.shape.session_policy.unwrap().optional(),
  max_session_seconds: newProfile.shape.max_session_seconds.unwrap().optional(),
  accept_session_name: z.boolean().optional(),
  enabled: z.boolean().optional(),
})

/** As AWS's quotas are. */
const most = { trustAnchors: 50, profiles: 250 }

/**
 * `/api/v1/roles-anywhere/…`: the trust anchors and profiles of the caller's account. Each operation asks the policy engine
 * for the action of AWS's Roles Anywhere (`rolesanywhere:CreateTrustAnchor` …) on the ARN, and a profile for `iam:PassRole`
 * on each of its roles: what a certificate may open is what its maker may hand on.
 */
export function anywhereRoutes(router: Router, needs: Needs): void {
  const { database, clock } = needs.sts

  router.get('/roles-anywhere/trust-anchors', async (ctx) => {
    const { caller } = await allowed(needs, ctx, 'ListTrustAnchors')
    const found = await listTrustAnchors(database, caller.accountId)
    ctx.body = { trust_anchors: found.map(shownAnchor) }
  })

  router.post('/roles-anywhere/trust-anchors', async (ctx) => {
    const by = await apiCaller(needs, ctx)
    const body = await readBody(ctx, newTrustAnchor)
    const { accountId } = by.caller
    const arn = trustAnchorArn(accountId, body.name)
    await allowed(needs, ctx, 'CreateTrustAnchor', { arn, by })
    const wanted = {
      accountId,
      name: body.name,
      certificates: body.certificates,
      revocationLists: body.revocation_lists,
      enabled: body.enabled,
    }
    await change(needs, by, 'CreateTrustAnchor', arn, { enabled: body.enabled }, async (tx) => {
      if ((await listTrustAnchors(tx, accountId)).length >= most.trustAnchors) tooMany(most.trustAnchors)
      await putTrustAnchor(tx, clock, wanted, 'create')
    })
    ctx.status = 201
    ctx.body = shownAnchor({ ...wanted, arn })
  })

  router.get('/roles-anywhere/trust-anchors/:name', async (ctx) => {
    const { arn } = await allowed(needs, ctx, 'GetTrustAnchor', { of: trustAnchorArn })
    ctx.body = shownAnchor((await findTrustAnchor(database, arn)) ?? missing(arn))
  })

  router.patch('/roles-anywhere/trust-anchors/:name', async (ctx) => {
    const { arn, ...by } = await allowed(needs, ctx, 'UpdateTrustAnchor', { of: trustAnchorArn })
    const body = await readBody(ctx, trustAnchorChanges)
    const changed = { changed: Object.keys(body) }
    ctx.body = await change(needs, by, 'UpdateTrustAnchor', arn, changed, async (tx) => {
      const found = (await findTrustAnchor(tx, arn, 'change')) ?? missing(arn)
      const wanted = {
        ...found,
        certificates: body.certificates ?? found.certificates,
        revocationLists: body.revocation_lists ?? found.revocationLists,
        enabled: body.enabled ?? found.enabled,
      }
      await putTrustAnchor(tx, clock, wanted)
      return shownAnchor(wanted)
    })
  })

  router.delete('/roles-anywhere/trust-anchors/:name', async (ctx) => {
    const { arn, ...by } = await allowed(needs, ctx, 'DeleteTrustAnchor', { of: trustAnchorArn })
    await change(needs, by, 'DeleteTrustAnchor', arn, {}, async (tx) => {
      if (!(await removeTrustAnchor(tx, by.caller.accountId, nameIn(ctx)))) missing(arn)
    })
    ctx.status = 204
  })

  router.get('/roles-anywhere/profiles', async (ctx) => {
    const { caller } = await allowed(needs, ctx, 'ListProfiles')
    ctx.body = { profiles: (await listProfiles(database, caller.accountId)).map(shownProfile) }
  })

  router.post('/roles-anywhere/profiles', async (ctx) => {
    const by = await apiCaller(needs, ctx)
    const body = await readBody(ctx, newProfile)
    const { accountId } = by.caller
    const arn = profileArn(accountId, body.name)
    await allowed(needs, ctx, 'CreateProfile', { arn, by })
    const wanted = {
      accountId,
      name: body.name,
      roles: body.roles,
      policyArns: body.session_policies,
      sessionPolicy: body.session_policy ?? undefined,
      maxSessionSeconds: body.max_session_seconds,
      acceptsSessionName: body.accept_session_name,
      enabled: body.enabled,
    }
    await requireUsable(needs, by, wanted, wanted.roles)
    await change(needs, by, 'CreateProfile', arn, { roleArns: body.roles }, async (tx) => {
      if ((await listProfiles(tx, accountId)).length >= most.profiles) tooMany(most.profiles)
      await putProfile(tx, clock, wanted, 'create')
    })
    ctx.status = 201
    ctx.body = shownProfile({ ...wanted, arn })
  })

  router.get('/roles-anywhere/profiles/:name', async (ctx) => {
    const { arn } = await allowed(needs, ctx, 'GetProfile', { of: profileArn })
    ctx.body = shownProfile((await findProfile(database, arn)) ?? missing(arn))
  })

  router.patch('/roles-anywhere/profiles/:name', async (ctx) => {
    const { arn, ...by } = await allowed(needs, ctx, 'UpdateProfile', { of: profileArn })
    const body = await readBody(ctx, profileChanges)
    const wantedOf = (found: AnywhereProfile) => ({
      ...found,
      roles: body.roles ?? found.roles,
      policyArns: body.session_policies ?? found.policyArns,
      sessionPolicy:
        body.session_policy === undefined ? found.sessionPolicy : (body.session_policy ?? undefined),
      maxSessionSeconds: body.max_session_seconds ?? found.maxSessionSeconds,
      acceptsSessionName: body.accept_session_name ?? found.acceptsSessionName,
      enabled: body.enabled ?? found.enabled,
    })
    const found = (await findProfile(database, arn)) ?? missing(arn)
    // Whoever changes a profile in any way answers for all that it opens.
    await requireUsable(needs, by, wantedOf(found), wantedOf(found).roles)
    ctx.body = await change(needs, by, 'UpdateProfile', arn, { changed: Object.keys(body) }, async (tx) => {
      const now = (await findProfile(tx, arn, 'change')) ?? missing(arn)
      if (JSON.stringify(now.roles) !== JSON.stringify(found.roles))
        refuse(
          'conflict',
          'api/changed',
          'Somebody else has just changed this profile. Look at it and try again.',
        )
      await putProfile(tx, clock, wantedOf(now))
      return shownProfile(wantedOf(now))
    })
  })

  router.delete('/roles-anywhere/profiles/:name', async (ctx) => {
    const { arn, ...by } = await allowed(needs, ctx, 'DeleteProfile', { of: profileArn })
    await change(needs, by, 'DeleteProfile', arn, {}, async (tx) => {
      if (!(await removeProfile(tx, by.caller.accountId, nameIn(ctx)))) missing(arn)
    })
    ctx.status = 204
  })
}

const shownAnchor = (anchor: TrustAnchor) => ({
  arn: anchor.arn,
  name: anchor.name,
  certificates: anchor.certificates,
  revocation_lists: anchor.revocationLists,
  enabled: anchor.enabled,
})

const shownProfile = (profile: AnywhereProfile) => ({
  arn: profile.arn,
  name: profile.name,
  roles: profile.roles,
  session_policies: profile.policyArns,
  session_policy: profile.sessionPolicy ?? null,
  max_session_seconds: profile.maxSessionSeconds,
  accept_session_name: profile.acceptsSessionName,
  enabled: profile.enabled,
})

const missing = (arn: string): never => refuse('not-found', 'api/not-found', `There is no ${arn} here.`)
const tooMany = (limit: number): never =>
  refuse('conflict', 'api/too-many', `An account can have at most ${limit} of these.`)

/** The name in the path. What could be no name is as good as one that is not there. */
function nameIn(ctx: Context): string {
  const { name: given = '' } = ctx['params'] as Record<string, string>
  return name.safeParse(given).success ? given : missing(given.slice(0, 200))
}

/** The caller, when a policy allows this action: on an ARN, on the one that the path names, or in general. */
async function allowed(
  needs: Needs,
  ctx: Context,
  action: string,
  on: {
    readonly arn?: string
    readonly by?: ApiCaller
    readonly of?: (accountId: string, name: string) => string
  } = {},
): Promise<ApiCaller & { readonly arn: string }> {
  const by = on.by ?? (await apiCaller(needs, ctx))
  ctx.set('Cache-Control', 'no-store')
  const { accountId } = by.caller
  const arn = on.of === undefined ? (on.arn ?? '*') : on.of(accountId, nameIn(ctx))
  await demand(needs.sts, { ...by, action: `rolesanywhere:${action}`, resource: { arn, accountId } })
  return { ...by, arn }
}

/** Refuses a profile that names what is not there, or a role that its maker may not hand on. */
async function requireUsable(
  needs: Needs,
  by: ApiCaller,
  profile: Pick<AnywhereProfile, 'policyArns' | 'sessionPolicy'>,
  roles: readonly string[],
): Promise<void> {
  const { accountId } = by.caller
  for (const arn of roles)
    await requirePassRole(needs, by, { arn, service: 'rolesanywhere.amazonaws.com', member: 'roles' })
  const { policyArns, sessionPolicy } = profile
  if (sessionPolicy !== undefined) readPolicy(sessionPolicy, 'session')
  const found = await policyRefs(needs.sts.database, needs.sts.builtInPolicies, policyArns)
  const own = `arn:aws:iam::${accountId}:policy/`
  const lost = policyArns.find(
    (arn) =>
      !(arn.startsWith(own) || arn.startsWith('arn:aws:iam::aws:policy/')) ||
      !found.some(({ id }) => id === arn),
  )
  if (lost !== undefined)
    refuse('malformed', 'api/body', `session_policies: There is no policy ${lost} in this account.`)
}

const change = changesOf('rolesanywhere')
