import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { z } from 'zod'
import {
  accountOfSubject,
  type ActionCatalogue,
  type AnalyzerNeeds,
  decideFor,
  findSubject,
  generatePolicy,
  knownActions,
  openWhoCan,
  serviceLastAccessed,
  simulateFor,
  unusedAccess,
  type UseLog,
} from '#analyzer'
import { type Context, readQuery, type Router } from '#http'
import { demand, findOrganization, judgeOf } from '#iam'
import { refuse } from '#kernel'
import type { Oidc } from '#oidc'
import {
  type AccessFinding,
  checkAccessNotGranted,
  checkNoNewAccess,
  checkNoPublicAccess,
  type ContextValue,
  type DocumentType,
  type Policy,
  redundantStatements,
  validatePolicy,
  whatCan,
} from '#policy'
import type { StsNeeds } from '#sts'
import { type ApiCaller, apiCaller, readBody } from './caller.ts'

/** What analysis over the API stands on. */
export type AnalysisNeeds = AnalyzerNeeds & {
  readonly actions: ActionCatalogue
  readonly uses: Pick<UseLog, 'flush'>
}

type Needs = {
  readonly sts: StsNeeds
  readonly authenticateBearer: Oidc['authenticateBearer']
  readonly analyzer: AnalysisNeeds
}

const document = z.union([z.string().max(1_000_000), z.record(z.string(), z.unknown())])
const documents = z.array(document).max(50)
const levels = z.array(documents).max(10)
const principal = z.string().max(2_048)
const action = z.string().regex(/^[\w-]{1,64}:[\w*?-]{1,128}$/, 'write an action as service:Name')
const resource = z.string().min(1).max(2_048)
const scalar = z.union([z.string().max(4_096), z.number(), z.boolean()])
const context = z.record(z.string().max(256), z.union([scalar, z.array(scalar).max(200)])).default({})
const documentType = z.enum(['identity', 'boundary', 'session', 'resource', 'trust', 'scp', 'rcp'])

const asked = {
  actions: z.array(action).min(1).max(1_000),
  resources: z.array(resource).max(1_000).default([]),
  context,
  resource_owner: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
}

/** The body of `POST /api/v1/simulations`. */
const simulationBody = z.strictObject({
  principal,
  ...asked,
  policies: documents.default([]),
  boundary: document.nullish(),
  session_policies: documents.optional(),
  resource_policy: document.optional(),
  scp_levels: levels.optional(),
  rcp_levels: levels.optional(),
})

const matrixBody = z.strictObject({ principals: z.array(principal).min(1).max(5_000), ...asked })
const validationBody = z.strictObject({ document, type: documentType })
const comparison = z.strictObject({
  type: documentType.default('identity'),
  existing: documents.min(1),
  new: documents.min(1),
})
const notGranted = z.strictObject({
  type: documentType.default('identity'),
  policies: documents.min(1),
  actions: z.array(z.string().max(200)).min(1).max(100),
  resources: z.array(resource).min(1).max(100).optional(),
})
const single = z.strictObject({ type: documentType, policy: document })
const whoBody = z.strictObject({
  action,
  resource,
  context,
  account_id: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  from: z.int().min(0).default(0),
  limit: z.int().min(1).max(1_000).default(100),
})
const whatBody = z.strictObject({ principal, actions: z.array(action).min(1).max(2_000).optional() })
const generateBody = z.strictObject({ principal, days: z.int().min(1).max(400).default(90) })

/** Results of one simulation. */
const mostResults = 10_000
/** Decisions of one matrix. */
const mostDecisions = 1_000_000
/** Matrices that are worked on at one time; the others wait their turn or are refused. */
const mostMatrices = 4

/**
 * `/api/v1/…`: simulation, checks and reports about access. Each operation asks the policy engine for its action
 * (`signet:SimulateAccess` …), on the principal's ARN where it is about one. Callers of the home account may ask about every
 * account of the organization, others about their own.
 */
export function analysisRoutes(router: Router, needs: Needs): void {
  const { analyzer } = needs
  const whoCan = openWhoCan(analyzer)
  let matrices = 0

  router.post('/simulations', async (ctx) => {
    const by = await caller(needs, ctx)
    const body = await readBody(ctx, simulationBody)
    await allowed(needs, by, 'SimulateAccess', body.principal)
    if (body.actions.length * Math.max(1, body.resources.length) > mostResults) tooMany(mostResults)
    const refs = (list: readonly z.infer<typeof document>[] | undefined, type: DocumentType) =>
      list?.map((each, index) => ({
        id: `${type}.${index + 1}`,
        policy: policyOf(each, type),
        text: textOf(each),
      }))
    const subject = await findSubject(analyzer, body.principal)
    const results = await simulateFor(analyzer, subject, askedOf(body), {
      identity: refs(body.policies, 'identity'),
      boundary: body.boundary == null ? body.boundary : refs([body.boundary], 'boundary')?.[0],
      session: refs(body.session_policies, 'session'),
      resource: refs(body.resource_policy === undefined ? [] : [body.resource_policy], 'resource')?.[0],
      scpLevels: body.scp_levels?.map((level) => refs(level, 'scp') ?? []),
      rcpLevels: body.rcp_levels?.map((level) => refs(level, 'rcp') ?? []),
    })
    ctx.body = {
      results: results.map((each) => ({
        action: each.action,
        resource: each.resource,
        decision: each.decision,
        layer: each.layer,
        because: each.because,
        matched_statements: each.matchedStatements.map(({ policy, layer, sid, index, start, end }) => ({
          policy,
          layer,
          sid,
          index,
          start,
          end,
        })),
        missing_context_values: each.missingContextValues,
        allowed_by_organizations: each.allowedByOrganizations,
        allowed_by_permissions_boundary: each.allowedByPermissionsBoundary,
        decision_details: each.decisionDetails,
      })),
    }
  })

  router.post('/access-matrix', async (ctx) => {
    const by = await caller(needs, ctx)
    const body = await readBody(ctx, matrixBody)
    const resources = body.resources.length === 0 ? ['*'] : body.resources
    const total = body.principals.length * body.actions.length * resources.length
    if (total > mostDecisions) tooMany(mostDecisions)
    await allowedAll(needs, by, 'SimulateAccess', body.principals)
    if (matrices >= mostMatrices)
      refuse('throttled', 'api/busy', 'Other matrices are being worked on. Try again in a moment.')
    matrices++
    const out = new PassThrough()
    ctx.type = 'application/x-ndjson'
    ctx.set('Cache-Control', 'no-store')
    ctx.body = out
    // The answer begins before the work is done: what goes wrong from here on is a line of it.
    void matrix(analyzer, { ...body, resources }, total, out)
      .catch(() => out.write(`${JSON.stringify({ type: 'failed' })}\n`))
      .finally(() => {
        matrices--
        out.end()
      })
  })

  router.post('/policy-validations', async (ctx) => {
    await allowed(needs, await caller(needs, ctx), 'ValidatePolicy')
    const { document: given, type } = await readBody(ctx, validationBody)
    const { policy, findings } = validatePolicy(textOf(given), type)
    ctx.body = { valid: policy !== undefined, findings }
  })

  router.post('/policy-checks/no-new-access', async (ctx) => {
    await allowed(needs, await caller(needs, ctx), 'CheckPolicy')
    const body = await readBody(ctx, comparison)
    const all = (list: readonly z.infer<typeof document>[]) => list.map((each) => policyOf(each, body.type))
    ctx.body = shown(checkNoNewAccess(all(body.existing), all(body.new)))
  })

  router.post('/policy-checks/access-not-granted', async (ctx) => {
    await allowed(needs, await caller(needs, ctx), 'CheckPolicy')
    const { type, policies, actions, resources } = await readBody(ctx, notGranted)
    const all = policies.map((each) => policyOf(each, type))
    ctx.body = shown(checkAccessNotGranted(all, { actions, resources }))
  })

  router.post('/policy-checks/no-public-access', async (ctx) => {
    await allowed(needs, await caller(needs, ctx), 'CheckPolicy')
    const { type, policy } = await readBody(ctx, single)
    ctx.body = shown(checkNoPublicAccess(policyOf(policy, type)))
  })

  router.post('/policy-checks/redundant-statements', async (ctx) => {
    await allowed(needs, await caller(needs, ctx), 'CheckPolicy')
    const { type, policy } = await readBody(ctx, single)
    const read = policyOf(policy, type)
    if (read.statements.length > 100) tooMany(100)
    ctx.body = redundantStatements(read)
  })

  router.post('/who-can', async (ctx) => {
    const by = await caller(needs, ctx)
    const body = await readBody(ctx, whoBody)
    const accountId = body.account_id ?? by.caller.accountId
    await allowed(needs, by, 'SearchAccess', `arn:aws:iam::${accountId}:root`)
    const found = await whoCan({ ...body, accountId, context: contextOf(body.context) })
    ctx.body = {
      count: found.count,
      principals: found.principals,
      next_from: found.next ?? null,
      as_of: found.asOf.toString({ smallestUnit: 'second' }),
    }
  })

  router.post('/what-can', async (ctx) => {
    const by = await caller(needs, ctx)
    const body = await readBody(ctx, whatBody)
    await allowed(needs, by, 'SearchAccess', body.principal)
    const subject = await findSubject(analyzer, body.principal)
    const actions =
      body.actions ?? (await knownActions(analyzer.database, analyzer.actions, subject.accountId))
    const held = {
      identity: subject.identity.map(({ policy }) => policy),
      boundary: subject.boundary?.policy,
    }
    const permissions = whatCan(held, actions)
    ctx.body =
      permissions === undefined
        ? { result: 'UNKNOWN', because: 'a policy cannot be read, or the patterns combine in too many ways' }
        : { result: 'COMPLETE', permissions }
  })

  router.get('/last-accessed', async (ctx) => {
    const by = await caller(needs, ctx)
    const arn =
      readQuery(ctx).get('principal') ?? refuse('malformed', 'api/query', 'Say of whom: ?principal=…')
    await allowed(needs, by, 'GetLastAccessed', arn)
    const subject = await findSubject(analyzer, arn)
    await analyzer.uses.flush()
    const { accountId } = subject
    const services = await serviceLastAccessed(analyzer.database, { accountId, accessors: [subject] })
    ctx.body = {
      services: services.map(({ service, lastAt, region, actions }) => ({
        service,
        last_at: lastAt,
        region,
        actions: actions.map((each) => ({
          action: each.action,
          last_at: each.lastAt,
          last_allowed_at: each.allowedAt ?? null,
          region: each.region,
        })),
      })),
    }
  })

  router.get('/unused-access', async (ctx) => {
    const by = await caller(needs, ctx)
    const query = readQuery(ctx)
    const accountId = query.get('account_id') ?? by.caller.accountId
    await allowed(needs, by, 'GetUnusedAccess', `arn:aws:iam::${accountId}:root`)
    const days = whole(query.get('days') ?? '90', 1, 400)
    const limit = whole(query.get('limit') ?? '50', 1, 200)
    await analyzer.uses.flush()
    const since = analyzer.clock().subtract({ hours: 24 * days })
    const actions = await knownActions(analyzer.database, analyzer.actions, accountId)
    const { findings, next } = await unusedAccess(analyzer, {
      accountId,
      since,
      actions,
      after: query.get('after'),
      limit,
    })
    ctx.body = {
      since: since.toString({ smallestUnit: 'second' }),
      findings: findings.map(({ arn, createdAt, lastAt, services, unknown }) => ({
        principal: arn,
        created_at: createdAt,
        last_at: lastAt ?? null,
        ...(unknown ? { unknown } : {}),
        services: services.map((each) => ({ ...each, lastAt: undefined, last_at: each.lastAt ?? null })),
      })),
      next_after: next ?? null,
    }
  })

  router.post('/generated-policies', async (ctx) => {
    const by = await caller(needs, ctx)
    const { principal: arn, days } = await readBody(ctx, generateBody)
    await allowed(needs, by, 'GeneratePolicy', arn)
    const subject = await findSubject(analyzer, arn)
    const since = analyzer.clock().subtract({ hours: 24 * days })
    const made = await generatePolicy(analyzer, subject, since)
    ctx.body = {
      document: made.document,
      no_new_access: shown(made.check),
      events: made.events,
      complete: made.isComplete,
    }
  })
}

async function caller(needs: Needs, ctx: Context): Promise<ApiCaller> {
  const by = await apiCaller(needs, ctx)
  ctx.set('Cache-Control', 'no-store')
  return by
}

/** Asks the engine. Of the home account's callers every account's principals are their own to look at: it manages the others. */
async function allowed({ sts }: Needs, by: ApiCaller, name: string, arn?: string): Promise<void> {
  const resource = { arn: arn ?? '*', accountId: await ownerFor(sts, by, arn) }
  await demand(sts, { ...by, action: `signet:${name}`, resource })
  if (arn !== undefined && !arn.endsWith(':root')) accountOfSubject(arn)
}

/** As `allowed` for each of many, with one look at the caller's policies. */
async function allowedAll(needs: Needs, by: ApiCaller, name: string, arns: readonly string[]): Promise<void> {
  const judge = await judgeOf(needs.sts, by)
  const owners = new Map<string, string>()
  for (const arn of arns) {
    const account = accountOfSubject(arn)
    const accountId = owners.get(account) ?? (await ownerFor(needs.sts, by, arn))
    owners.set(account, accountId)
    const { effect } = judge({ action: `signet:${name}`, resource: { arn, accountId } })
    if (effect === 'Deny') await allowed(needs, by, name, arn)
  }
}

/** To whom a principal belongs for this caller. */
async function ownerFor(
  sts: StsNeeds,
  { caller: { accountId } }: ApiCaller,
  arn: string | undefined,
): Promise<string> {
  const owner = arn?.split(':')[4] ?? accountId
  if (owner === accountId) return owner
  const organization = await findOrganization(sts.database)
  return organization?.homeAccountId === accountId ? accountId : owner
}

const tooMany = (most: number): never => refuse('malformed', 'api/too-many', `At most ${most} at one time.`)

function whole(text: string, least: number, most: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most
    ? number
    : refuse('malformed', 'api/query', `Write a whole number from ${least} to ${most}.`)
}

const textOf = (given: z.infer<typeof document>): string =>
  typeof given === 'string' ? given : JSON.stringify(given, null, 2)

/** @throws Failure malformed api/policy with the first error */
function policyOf(given: z.infer<typeof document>, type: DocumentType): Policy {
  const { policy, findings } = validatePolicy(textOf(given), type)
  if (policy) return policy
  const first = findings.find(({ severity }) => severity === 'error')
  return refuse(
    'malformed',
    'api/policy',
    `The policy cannot be read: ${first?.message ?? 'it has errors'} (${first?.path ?? '$'}, line ${first?.line ?? 1}).`,
  )
}

const text = (value: z.infer<typeof scalar>): string => String(value)

const contextOf = (given: z.infer<typeof context>): ReadonlyMap<string, ContextValue> =>
  new Map(
    Object.entries(given).map(([key, value]) => [key, Array.isArray(value) ? value.map(text) : text(value)]),
  )

const askedOf = (
  body: Pick<z.infer<typeof simulationBody>, 'actions' | 'resources' | 'context' | 'resource_owner'>,
) => ({
  actions: body.actions,
  resources: body.resources,
  context: contextOf(body.context),
  resourceOwner: body.resource_owner,
})

/** A finding of a check as the API writes it. */
function shown(found: AccessFinding): object {
  if (found.result !== 'FAIL') return found
  const { action: name, resource: arn, context: keys, principal: who } = found.counterexample
  return {
    result: 'FAIL',
    counterexample: { action: name, resource: arn, context: Object.fromEntries(keys), principal: who },
  }
}

/**
 * Writes the decisions line by line: for each principal and action one line with the decisions in the order of the resources, and
 * how far it is at least once a second's work. Who hangs up ends the work.
 */
async function matrix(
  analyzer: AnalyzerNeeds,
  body: z.infer<typeof matrixBody>,
  total: number,
  out: PassThrough,
): Promise<void> {
  const say = async (line: object): Promise<void> => {
    if (!out.destroyed && !out.write(`${JSON.stringify(line)}\n`))
      await Promise.race([once(out, 'drain'), once(out, 'close')])
  }
  let done = 0
  let told = 0
  await say({ type: 'started', total, resources: body.resources })
  for (const arn of body.principals) {
    const subject = await findSubject(analyzer, arn).catch(() => undefined)
    if (subject === undefined) {
      await say({ type: 'unknown-principal', principal: arn })
      done += body.actions.length * body.resources.length
      continue
    }
    const decide = await decideFor(analyzer, subject, askedOf(body))
    for (const name of body.actions) {
      if (out.destroyed) return
      await say({
        type: 'row',
        principal: arn,
        action: name,
        decisions: body.resources.map((each) => decide(name, each)),
      })
      done += body.resources.length
      if (done - told < 5_000) continue
      told = done
      await say({ type: 'progress', done, total })
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await say({ type: 'done', done, total })
}
