import { z } from 'zod'
import type { Audit } from '#audit'
import type { Context, Router } from '#http'
import { demand } from '#iam'
import { refuse } from '#kernel'
import type { Oidc } from '#oidc'
import { type Cluster, clusterArn, findCluster, listClusters, putCluster, removeCluster } from '#pod-identity'
import type { StsNeeds } from '#sts'
import { type ApiCaller, apiCaller, readBody } from './caller.ts'
import { changesOf, requirePassRole } from './own-account.ts'

type Needs = {
  readonly sts: StsNeeds
  readonly authenticateBearer: Oidc['authenticateBearer']
  readonly audit: Audit
}

const name = z.string().regex(/^[A-Za-z0-9][\w-]{0,99}$/)
const cluster = z.strictObject({
  /** The issuer of its service accounts' tokens, exactly as they name it. */
  issuer: z.url({ protocol: /^https?$/ }).max(2_048),
  associations: z
    .array(
      z.strictObject({
        namespace: z.string().regex(/^[a-z0-9-]{1,63}$/),
        service_account: z.string().regex(/^[a-z0-9.-]{1,253}$/),
        /** ARN of a role of the same account. */
        role: z.string().min(20).max(2_048),
      }),
    )
    .max(5_000)
    .default([]),
  enabled: z.boolean().default(true),
})

const most = 100

/**
 * `/api/v1/clusters/…`: the Kubernetes clusters of the caller's account, and which role the pods of a service account get. Each
 * operation asks the policy engine for the action of Amazon EKS (`eks:RegisterCluster` …) on the ARN, and for `iam:PassRole`
 * on every role: what a pod may open is what the cluster's maker may hand on.
 */
export function clusterRoutes(router: Router, needs: Needs): void {
  const { database, clock } = needs.sts

  router.get('/clusters', async (ctx) => {
    const { caller } = await allowed(needs, ctx, 'ListClusters')
    ctx.body = { clusters: (await listClusters(database, caller.accountId)).map(shown) }
  })

  router.get('/clusters/:name', async (ctx) => {
    const { caller, arn } = await allowed(needs, ctx, 'DescribeCluster', nameIn(ctx))
    ctx.body = shown((await findCluster(database, caller.accountId, nameIn(ctx))) ?? missing(arn))
  })

  router.put('/clusters/:name', async (ctx) => {
    const { arn, ...by } = await allowed(needs, ctx, 'RegisterCluster', nameIn(ctx))
    const body = await readBody(ctx, cluster)
    const { accountId } = by.caller
    const associations = body.associations.map(({ namespace, service_account: serviceAccount, role }) => ({
      namespace,
      serviceAccount,
      roleArn: role,
    }))
    if (
      new Set(associations.map((each) => `${each.namespace}/${each.serviceAccount}`)).size <
      associations.length
    )
      refuse('malformed', 'api/body', 'associations: A service account stands in the list twice.')
    await requireRoles(needs, by, new Set(associations.map(({ roleArn }) => roleArn)))
    const wanted = { accountId, name: nameIn(ctx), issuer: body.issuer, associations, enabled: body.enabled }
    ctx.body = await change(needs, by, 'RegisterCluster', arn, { ...body }, async (tx) => {
      const known = await listClusters(tx, accountId)
      if (known.length >= most && !known.some((each) => each.arn.toLowerCase() === arn.toLowerCase()))
        refuse('conflict', 'api/too-many', `An account can have at most ${most} of these.`)
      return shown(await putCluster(tx, clock, wanted))
    })
  })

  router.delete('/clusters/:name', async (ctx) => {
    const { arn, ...by } = await allowed(needs, ctx, 'DeregisterCluster', nameIn(ctx))
    await change(needs, by, 'DeregisterCluster', arn, {}, async (tx) => {
      if (!(await removeCluster(tx, by.caller.accountId, nameIn(ctx)))) missing(arn)
    })
    ctx.status = 204
  })
}

const shown = ({ arn, name: called, issuer, associations, enabled }: Cluster) => ({
  arn,
  name: called,
  issuer,
  associations: associations.map(({ id, namespace, serviceAccount, roleArn }) => ({
    id,
    namespace,
    service_account: serviceAccount,
    role: roleArn,
  })),
  enabled,
})

const missing = (arn: string): never => refuse('not-found', 'api/not-found', `There is no ${arn} here.`)

/** The name in the path. What could be no name is as good as one that is not there. */
function nameIn(ctx: Context): string {
  const { name: given = '' } = ctx['params'] as Record<string, string>
  return name.safeParse(given).success ? given : missing(given.slice(0, 200))
}

/** The caller, when a policy allows this action on a cluster, or in general. */
async function allowed(
  needs: Needs,
  ctx: Context,
  action: string,
  of?: string,
): Promise<ApiCaller & { readonly arn: string }> {
  const by = await apiCaller(needs, ctx)
  ctx.set('Cache-Control', 'no-store')
  const { accountId } = by.caller
  const arn = of === undefined ? '*' : clusterArn(accountId, of)
  await demand(needs.sts, { ...by, action: `eks:${action}`, resource: { arn, accountId } })
  return { ...by, arn }
}

async function requireRoles(needs: Needs, by: ApiCaller, arns: ReadonlySet<string>): Promise<void> {
  for (const arn of arns)
    await requirePassRole(needs, by, { arn, service: 'pods.eks.amazonaws.com', member: 'associations' })
}

const change = changesOf('eks')
