import { z } from 'zod'
import type { Audit } from '#audit'
import type { Transaction } from '#database'
import type { Context, Router } from '#http'
import {
  attachGuardRail,
  callerIdentity,
  createAccount,
  createGuardRail,
  createUnit,
  deleteGuardRail,
  deleteUnit,
  demand,
  detachGuardRail,
  findOrganization,
  guardRailArn,
  guardRailsNow,
  listAccounts,
  listGuardRailAttachments,
  listGuardRails,
  listScpFullAccessDetached,
  listUnits,
  moveAccount,
  renameUnit,
  setScpFullAccess,
  unitPath,
  updateGuardRail,
} from '#iam'
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

const name = z
  .string()
  .regex(/^[^/\s](?:[^/]{0,126}[^/\s])?$/, 'a name without slashes, at most 128 characters')
const unitId = z.string().regex(/^ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}$/)
const newAccount = z.strictObject({
  name: z.string().min(1).max(50),
  account_id: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  unit_id: unitId.nullish(),
})
const placement = z.strictObject({ unit_id: unitId.nullable() })
const newUnit = z.strictObject({ name, parent_id: unitId.nullish() })
const unitChanges = z.strictObject({ name })
const document = z.union([z.string().max(20_480), z.record(z.string(), z.unknown())])
const newGuardRail = z.strictObject({
  type: z.enum(['scp', 'rcp']),
  name: z.string().regex(/^[ -~]{1,128}$/),
  description: z.string().max(512).optional(),
  document,
})
const guardRailChanges = newGuardRail.omit({ type: true }).partial()

/** AWS's id of the service control policy that every target starts with. */
const fullAccess = 'p-FullAWSAccess'

/**
 * `/api/v1/organization/…`: accounts, units and guard-rails. Each operation asks the policy engine for AWS Organizations'
 * action (`organizations:AttachPolicy` …) on the organization, which belongs to the home account.
 */
export function organizationRoutes(router: Router, needs: Needs): void {
  const { database, clock } = needs.sts

  router.get('/organization', async (ctx) => {
    const { organization } = await allowed(needs, ctx, 'DescribeOrganization')
    const [units, accounts, rails, attached, detached, standing] = await Promise.all([
      listUnits(database),
      listAccounts(database),
      listGuardRails(database),
      listGuardRailAttachments(database),
      listScpFullAccessDetached(database),
      guardRailsNow(database),
    ])
    ctx.body = {
      ...organization,
      units: units.map((unit) => ({
        id: unit.unitId,
        name: unit.name,
        parent_id: unit.parentId ?? null,
        path: unitPath(units, unit.unitId),
      })),
      accounts: accounts.map((account) => ({
        id: account.accountId,
        name: account.name,
        alias: account.alias ?? null,
        unit_id: /ou-[^/]+(?=\/$)/.exec(standing?.standingOf(account.accountId)?.path ?? '')?.[0] ?? null,
      })),
      guard_rails: rails.map((rail) => ({
        id: rail.policyId,
        arn: arnOf(organization, { id: rail.policyId, type: rail.type }),
        type: rail.type,
        name: rail.name,
        description: rail.description,
        version: rail.version,
        targets: attached
          .filter(({ policyId }) => policyId === rail.policyId)
          .map(({ targetId }) => targetId),
      })),
      full_access_detached: detached,
    }
  })

  router.post('/organization/accounts', async (ctx) => {
    const by = await allowed(needs, ctx, 'CreateAccount')
    const body = await readBody(ctx, newAccount)
    const accountId = await change(needs, by, 'CreateAccount', async (tx) => {
      const account = await createAccount(tx, clock, { name: body.name, accountId: body.account_id })
      if (typeof body.unit_id === 'string') await moveAccount(tx, account.accountId, body.unit_id)
      return {
        answer: account.accountId,
        parameters: { ...account, createdAt: undefined, unitId: body.unit_id },
      }
    })
    ctx.status = 201
    ctx.body = { id: accountId, name: body.name, unit_id: body.unit_id ?? null }
  })

  router.patch('/organization/accounts/:id', async (ctx) => {
    const by = await allowed(needs, ctx, 'MoveAccount')
    const { unit_id: unit } = await readBody(ctx, placement)
    const { id = '' } = ctx.params
    await change(needs, by, 'MoveAccount', async (tx) => {
      await moveAccount(tx, id, unit ?? undefined)
      return { parameters: { accountId: id, unitId: unit }, answer: undefined }
    })
    ctx.status = 204
  })

  router.post('/organization/units', async (ctx) => {
    const by = await allowed(needs, ctx, 'CreateOrganizationalUnit')
    const body = await readBody(ctx, newUnit)
    const unit = await change(needs, by, 'CreateOrganizationalUnit', async (tx) => {
      const made = await createUnit(tx, clock, { name: body.name, parentId: body.parent_id ?? undefined })
      return { answer: made, parameters: made }
    })
    ctx.status = 201
    ctx.body = { id: unit.unitId, name: unit.name, parent_id: unit.parentId ?? null }
  })

  router.patch('/organization/units/:id', async (ctx) => {
    const by = await allowed(needs, ctx, 'UpdateOrganizationalUnit')
    const body = await readBody(ctx, unitChanges)
    const { id = '' } = ctx.params
    await change(needs, by, 'UpdateOrganizationalUnit', async (tx) => {
      await renameUnit(tx, id, body.name)
      return { parameters: { unitId: id, name: body.name }, answer: undefined }
    })
    ctx.status = 204
  })

  router.delete('/organization/units/:id', async (ctx) => {
    const by = await allowed(needs, ctx, 'DeleteOrganizationalUnit')
    const { id = '' } = ctx.params
    await change(needs, by, 'DeleteOrganizationalUnit', async (tx) => {
      await deleteUnit(tx, id)
      return { parameters: { unitId: id }, answer: undefined }
    })
    ctx.status = 204
  })

  router.post('/organization/guard-rails', async (ctx) => {
    const by = await allowed(needs, ctx, 'CreatePolicy')
    const body = await readBody(ctx, newGuardRail)
    const text = textOf(body.document)
    const rail = await change(needs, by, 'CreatePolicy', async (tx) => {
      const made = await createGuardRail(tx, clock, { ...body, document: text })
      return { answer: made, parameters: { policyId: made.policyId, type: made.type, name: made.name } }
    })
    ctx.status = 201
    ctx.body = {
      id: rail.policyId,
      arn: arnOf(by.organization, { id: rail.policyId, type: rail.type }),
      findings: notesOn(text, rail.type),
    }
  })

  router.get('/organization/guard-rails/:id', async (ctx) => {
    await allowed(needs, ctx, 'DescribePolicy')
    const { id = '' } = ctx.params
    const rail = (await listGuardRails(database)).find(({ policyId }) => policyId === id)
    if (rail === undefined) return refuse('not-found', 'iam/no-guard-rail', 'There is no such guard-rail.')
    const { policyId, ...shown } = rail
    ctx.body = { id: policyId, ...shown, document: JSON.parse(rail.document) as unknown }
  })

  router.patch('/organization/guard-rails/:id', async (ctx) => {
    const by = await allowed(needs, ctx, 'UpdatePolicy')
    const body = await readBody(ctx, guardRailChanges)
    const { id = '' } = ctx.params
    const text = body.document === undefined ? undefined : textOf(body.document)
    await change(needs, by, 'UpdatePolicy', async (tx) => {
      await updateGuardRail(tx, clock, id, { ...body, document: text })
      return { parameters: { policyId: id, changed: Object.keys(body) }, answer: undefined }
    })
    ctx.status = 204
  })

  router.delete('/organization/guard-rails/:id', async (ctx) => {
    const by = await allowed(needs, ctx, 'DeletePolicy')
    const { id = '' } = ctx.params
    await change(needs, by, 'DeletePolicy', async (tx) => {
      await deleteGuardRail(tx, id)
      return { parameters: { policyId: id }, answer: undefined }
    })
    ctx.status = 204
  })

  for (const [method, action] of [
    ['put', 'AttachPolicy'],
    ['delete', 'DetachPolicy'],
  ] as const)
    router[method]('/organization/guard-rails/:id/targets/:target', async (ctx) => {
      const by = await allowed(needs, ctx, action)
      const { id = '', target = '' } = ctx.params
      await change(needs, by, action, async (tx) => {
        if (id === fullAccess) await setScpFullAccess(tx, target, method === 'put')
        else if (method === 'put') await attachGuardRail(tx, id, target)
        else if (!(await detachGuardRail(tx, id, target)))
          refuse('not-found', 'api/not-attached', 'This guard-rail is not attached there.')
        return { parameters: { policyId: id, targetId: target }, answer: undefined }
      })
      ctx.status = 204
    })
}

type Named = {
  readonly organization_id: string
  readonly root_id: string
  readonly name: string
  readonly home_account_id: string
}
type Allowed = ApiCaller & { readonly organization: Named; readonly arn: string }

const arnOf = (organization: Named, rail: Parameters<typeof guardRailArn>[1]): string =>
  guardRailArn(organization, rail)

/** The caller, when a policy allows this action on the organization. */
async function allowed(needs: Needs, ctx: Context, action: string): Promise<Allowed> {
  const by = await apiCaller(needs, ctx)
  ctx.set('Cache-Control', 'no-store')
  const [found, rails] = await Promise.all([
    findOrganization(needs.sts.database),
    guardRailsNow(needs.sts.database),
  ])
  if (found === undefined || rails === undefined)
    return refuse('conflict', 'iam/no-organization', 'Nobody has claimed this instance yet.')
  const accountId = found.homeAccountId
  const arn = `arn:aws:organizations::${accountId}:organization/${rails.organizationId}`
  await demand(needs.sts, { ...by, action: `organizations:${action}`, resource: { arn, accountId } })
  return {
    ...by,
    arn,
    organization: {
      organization_id: rails.organizationId,
      root_id: rails.rootId,
      name: found.name,
      home_account_id: accountId,
    },
  }
}

/** A change and its event, together or not at all. */
async function change<Answer>(
  { sts, audit }: Needs,
  { caller, from, organization, arn }: Allowed,
  event: string,
  work: (tx: Transaction) => Promise<{ readonly parameters: object; readonly answer: Answer }>,
): Promise<Answer> {
  return sts.database.transaction(async (tx) => {
    const { parameters, answer } = await work(tx)
    await audit.record(tx, {
      source: 'organizations',
      name: event,
      by: callerIdentity(caller),
      request: from,
      accountId: organization.home_account_id,
      parameters,
      resources: [{ ARN: arn }],
    })
    return answer
  })
}

const textOf = (written: z.infer<typeof document>): string =>
  typeof written === 'string' ? written : JSON.stringify(written, null, 2)

/** What the validator says of a document that it lets pass. */
const notesOn = (text: string, type: 'scp' | 'rcp') =>
  validatePolicy(text, type).findings.map(({ code, severity, message, path, line, column }) => ({
    code,
    severity,
    message,
    path,
    line,
    column,
  }))
