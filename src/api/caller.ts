import type { z } from 'zod'
import { type Context, headerPairs, readJson, readRaw, requestInfo, type RequestInfo } from '#http'
import type { Caller } from '#iam'
import { refuse } from '#kernel'
import type { Oidc } from '#oidc'
import { authenticate, type StsNeeds } from '#sts'
import { personOf } from './person.ts'

/** Whoever calls the JSON API, and from where. */
export type ApiCaller = { readonly caller: Caller; readonly from: RequestInfo }

type Needs = { readonly sts: StsNeeds; readonly authenticateBearer: Oidc['authenticateBearer'] }

/** The largest body of the JSON API. */
const mostBytes = 2_097_152

/**
 * Who calls: a person by the access token of `signet login` (or any with the scope `api`), or a user, role session or root
 * by a SigV4 signature for the service `signet`.
 *
 * @throws Failure unauthenticated api/no-token, those of `authenticate`; forbidden api/not-a-person, api/scope
 */
export async function apiCaller(needs: Needs, ctx: Context): Promise<ApiCaller> {
  const from = requestInfo(ctx)
  if (!ctx.get('authorization').startsWith('AWS4-')) {
    const { caller } = personOf(await needs.authenticateBearer(bearerToken(ctx)), from)
    return { caller, from }
  }
  const headers = headerPairs(ctx.req.rawHeaders)
  const { caller } = await authenticate(
    needs.sts,
    { method: ctx.method, rawUrl: ctx.req.url ?? '/', headers, body: await readRaw(ctx, mostBytes) },
    { services: ['signet'] },
  )
  return { caller, from }
}

/** The token of `Authorization: Bearer …`. @throws Failure unauthenticated api/no-token */
export function bearerToken(ctx: Context): string {
  const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(ctx.get('authorization')) ?? []
  return token ?? refuse('unauthenticated', 'api/no-token', 'Send an access token: Authorization: Bearer …')
}

/** A JSON body of a shape. @throws Failure malformed api/body, naming the member that is wrong */
export async function readBody<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const read = schema.safeParse(await readJson(ctx, { limit: mostBytes }))
  if (read.success) return read.data
  const [issue] = read.error.issues
  return refuse(
    'malformed',
    'api/body',
    `${issue?.path.map(String).join('.') || 'body'}: ${issue?.message ?? 'not understood'}`,
  )
}
