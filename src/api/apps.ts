import { z } from 'zod'
import type { Audit } from '#audit'
import {
  type App,
  appAction,
  type AppResource,
  appResource,
  appResourceType,
  findAppByName,
  findAppResources,
  findRegistration,
  listAppResources,
  putAppResources,
  putRegistration,
  removeAppResource,
} from '#apps'
import type { Transaction } from '#database'
import { type Context, readQuery, type Router } from '#http'
import { callerIdentity, demand, readPolicy } from '#iam'
import { refuse } from '#kernel'
import type { Oidc } from '#oidc'
import { validatePolicy } from '#policy'
import type { StsNeeds } from '#sts'
import { type ApiCaller, apiCaller, readBody } from './caller.ts'

type Needs = {
  readonly sts: StsNeeds
  readonly authenticateBearer: Oidc['authenticateBearer']
  readonly audit: Audit
}

const registration = z.strictObject({
  actions: z.array(appAction).max(2_000),
  resource_types: z.array(appResourceType).max(200),
})
const policyText = z.union([z.string().max(20_480), z.record(z.string(), z.unknown())])
const storedResource = appResource.extend({ policy: policyText.nullish() })
const resources = z.strictObject({ resources: z.array(storedResource).min(1).max(1_000) })

/**
 * `/api/v1/apps/:name/…`: what the decision point knows of an app. Each operation asks the policy engine for its action
 * (`signet:PutAppResources` …) on the app's ARN.
 */
export function appRoutes(router: Router, needs: Needs): void {
  router.get('/apps/:name/registration', async (ctx) => {
    const { app } = await allowed(needs, ctx, 'GetAppRegistration')
    const { actions, resourceTypes } = await findRegistration(needs.sts.database, app.appId)
    ctx.body = {
      service_prefix: app.servicePrefix ?? null,
      authority_for: app.authorityFor,
      actions: actions.map(({ name, resourceTypes: types, description }) => ({
        name,
        resource_types: types,
        ...(description === undefined ? {} : { description }),
      })),
      resource_types: resourceTypes,
    }
  })

  router.put('/apps/:name/registration', async (ctx) => {
    const { app, by } = await allowed(needs, ctx, 'PutAppRegistration')
    const wanted = await readBody(ctx, registration)
    await change(needs, by, app, 'PutAppRegistration', async (tx) => {
      await putRegistration(tx, app.appId, {
        actions: wanted.actions.map(({ name, resource_types: resourceTypes, description }) => ({
          name,
          resourceTypes,
          ...(description === undefined ? {} : { description }),
        })),
        resourceTypes: wanted.resource_types,
      })
      return { actions: wanted.actions.length, resourceTypes: wanted.resource_types.map(({ name }) => name) }
    })
    ctx.status = 204
  })

  router.get('/apps/:name/resources', async (ctx) => {
    const { app } = await allowed(needs, ctx, 'ListAppResources')
    const query = readQuery(ctx)
    const type = query.get('type')
    if (type === undefined) return refuse('malformed', 'api/query', 'Say which resources: ?type=…')
    const limit = Math.min(Number(query.get('limit') ?? 100) || 100, 1_000)
    const after = query.get('after')
    const found = await listAppResources(needs.sts.database, { appId: app.appId, type, after, limit })
    ctx.body = {
      resources: found.map(shown),
      next_after: found.length === limit ? (found.at(-1)?.id ?? null) : null,
    }
  })

  router.put('/apps/:name/resources', async (ctx) => {
    const { app, by } = await allowed(needs, ctx, 'PutAppResources')
    const body = await readBody(ctx, resources)
    if (body.resources.some(({ policy }) => policy !== undefined && policy !== null))
      await demandFor(needs, by, app, 'PutAppResourcePolicy')
    const notes: object[] = []
    const { appId } = app
    await change(needs, by, app, 'PutAppResources', async (tx) => {
      const before = new Map(
        (await findAppResources(tx, appId, body.resources)).map((each) => [`${each.type}\n${each.id}`, each]),
      )
      const wanted = body.resources.map((each): AppResource => {
        const known = before.get(`${each.type}\n${each.id}`)
        return {
          type: each.type,
          id: each.id,
          properties: each.properties ?? known?.properties ?? {},
          // Left out: as it is. null: none any more, which takes nobody's right to more than what was there.
          policy:
            each.policy === undefined
              ? known?.policy
              : each.policy === null
                ? undefined
                : checkedPolicy(each.policy, each, notes),
        }
      })
      await putAppResources(tx, needs.sts.clock, appId, wanted)
      return { resources: wanted.slice(0, 100).map(({ type, id }) => `${type}/${id}`), count: wanted.length }
    })
    ctx.body = { stored: body.resources.length, findings: notes }
  })

  router.delete('/apps/:name/resources/:type/:id', async (ctx) => {
    const { app, by } = await allowed(needs, ctx, 'DeleteAppResource')
    const { type = '', id = '' } = ctx.params
    await change(needs, by, app, 'DeleteAppResource', async (tx) => {
      if (!(await removeAppResource(tx, app.appId, type, id)))
        refuse('not-found', 'api/no-resource', 'There is no such resource.')
      return { resource: `${type}/${id}` }
    })
    ctx.status = 204
  })
}

const shown = ({ type, id, properties, policy }: AppResource) => ({
  type,
  id,
  properties,
  policy: policy === undefined ? null : (JSON.parse(policy) as unknown),
})

/** A resource policy that the validator lets pass, as text; its warnings go to `notes`. */
function checkedPolicy(
  written: z.infer<typeof policyText>,
  { type, id }: { readonly type: string; readonly id: string },
  notes: object[],
): string {
  const text = typeof written === 'string' ? written : JSON.stringify(written, null, 2)
  readPolicy(text, 'resource')
  for (const { code, severity, message, path, line, column } of validatePolicy(text, 'resource').findings)
    notes.push({ resource: `${type}/${id}`, code, severity, message, path, line, column })
  return text
}

/** The app of the path, for a caller whom a policy allows this action on it. */
async function allowed(
  needs: Needs,
  ctx: Context,
  action: string,
): Promise<{ readonly app: App; readonly by: ApiCaller }> {
  const by = await apiCaller(needs, ctx)
  ctx.set('Cache-Control', 'no-store')
  const { name = '' } = (ctx as Context & { params: Record<string, string> }).params
  const { accountId } = by.caller
  const app = await findAppByName(needs.sts.database, accountId, name)
  // By the name as it is stored: a policy's Deny is not got round by another case. Who may not ask does not learn whether
  // there is such an app.
  const arn = app?.arn ?? `arn:aws:signet::${accountId}:app/${name}`
  await demand(needs.sts, { ...by, action: `signet:${action}`, resource: { arn, accountId } })
  return { app: app ?? refuse('not-found', 'api/no-app', 'There is no app of this name.'), by }
}

async function demandFor(needs: Needs, by: ApiCaller, app: App, action: string): Promise<void> {
  await demand(needs.sts, {
    ...by,
    action: `signet:${action}`,
    resource: { arn: app.arn, accountId: app.accountId },
  })
}

/** A change and its event, together or not at all. */
async function change(
  { sts, audit }: Needs,
  { caller, from }: ApiCaller,
  app: App,
  name: string,
  work: (tx: Transaction) => Promise<object>,
): Promise<void> {
  await sts.database.transaction(async (tx) => {
    const parameters = { appName: app.name, ...(await work(tx)) }
    await audit.record(tx, {
      source: 'apps',
      name,
      by: callerIdentity(caller),
      request: from,
      accountId: app.accountId,
      parameters,
      resources: [{ ARN: app.arn }],
    })
  })
}
