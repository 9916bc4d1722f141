import { nobody } from '#audit'
import {
  awsErrorOf,
  callNameOf,
  iam,
  internalFailure,
  operationNamed,
  readParameterBytes,
  readParameters,
  strangerAnswer,
  sts,
  writeErrorJson,
  writeErrorXml,
  type AwsAnswer,
  type AwsError,
  type CallName,
  type ParameterNode,
} from '#aws-wire'
import {
  limitByAddress,
  readRaw,
  requestInfo,
  requestLog,
  type Context,
  type Middleware,
  type RequestInfo,
} from '#http'
import { callerIdentity } from '#iam'
import { endOfTurn, isFailure, refuse, type Failure } from '#kernel'
import { lowerCase, type SignableRequest } from '#sigv4'

import { wasAudited } from './audited.ts'
import { authenticate, findCredentials, type SignedCaller } from './authenticate.ts'
import { bareCallOf } from './bare-calls.ts'
import { stsErrorOf } from './codes.ts'
import type { StsNeeds } from './needs.ts'
import { signedOperations, unsignedOperations } from './operations.ts'
import { requireSessionRight } from './session-rights.ts'
import { signedServiceOf } from './signed-service.ts'

/** The IAM Query API, which shares the origin's root with STS. Handed in by who has it. */
export type IamApi = {
  readonly call: (call: {
    readonly signed: SignedCaller
    readonly name: CallName
    readonly parameters: ParameterNode
    readonly from: RequestInfo
    readonly format: 'xml' | 'json'
  }) => Promise<string>
  readonly errorOf: (failure: Failure) => AwsError
}

const unsignedBytes = 262_144
const signedBytes = 12_582_912
const noBody = new Uint8Array()

/**
 * The Query API at the root of the origin: `POST /` with a form, `GET /?Action=…`, presigned or signed by header.
 * What other services of `AWS_ENDPOINT_URL` send here is refused in their own wire; everything else is passed on.
 */
export function stsRoutes(needs: StsNeeds & { readonly iamApi?: IamApi | undefined }): Middleware {
  // Verifying tokens and assertions costs, and anybody may ask for it.
  const throttle = limitByAddress({ points: 1_200, seconds: 60 })

  return async (ctx, next) => {
    const arrival = arrivalOf(ctx)
    if (arrival.kind === 'other') {
      await next()
      return
    }
    const { id } = requestInfo(ctx)
    ctx.res.setHeader('x-amzn-RequestId', id)
    if (arrival.kind === 'stranger') {
      send(ctx, strangerAnswer({ ...arrival, requestId: id }))
      return
    }
    const format = jsonWanted(ctx) ? 'json' : 'xml'
    const contentType = format === 'json' ? 'application/json' : 'text/xml'
    const call: Partial<Progress> = { service: arrival.service }
    try {
      const body = await answer(needs, ctx, { format, throttle, call })
      send(ctx, { status: 200, contentType, body })
    } catch (thrown) {
      const error = await errorOf(needs, ctx, call, thrown)
      const body =
        format === 'json'
          ? writeErrorJson(error, id)
          : writeErrorXml(call.service === 'iam' ? iam : sts, error, id)
      send(ctx, { status: error.status, contentType, body })
    }
  }
}

/** What is known of a call so far, for the words of a refusal and its audit event. */
type Progress = { service: string; name: CallName; signed: SignedCaller }

type Arrival =
  | { readonly kind: 'query'; readonly service: string }
  | { readonly kind: 'stranger'; readonly target?: string | undefined; readonly query: boolean }
  | { readonly kind: 'other' }

/** Faces of ours at other paths than the root (`signet`: the JSON API). */
const otherFaces = new Set(['signet', 'awsssoportal', 'sso-oauth', 'signin', 'rolesanywhere', 'eks-auth'])

function arrivalOf(ctx: Context): Arrival {
  const { headers } = ctx.req
  const service = signedServiceOf(ctx.req.url ?? '', headers.authorization ?? '')
  const target = headerOf(ctx, 'x-amz-target')
  if (ctx.path === '/' && target === '') {
    const form = ctx.req.method === 'POST' && isForm(ctx)
    const named = !form && /(?:^|&)Action=/.test(ctx.querystring)
    if (form || (ctx.req.method === 'GET' && (named || service !== undefined))) {
      return service === undefined || service === 'sts' || service === 'iam'
        ? { kind: 'query', service: service ?? '' }
        : { kind: 'stranger', query: form || named }
    }
  }
  if (target !== '' && ctx.path === '/') return { kind: 'stranger', target, query: false }
  if (service === undefined || otherFaces.has(service)) return { kind: 'other' }
  return { kind: 'stranger', query: false }
}

const formType = 'application/x-www-form-urlencoded'
const isForm = (ctx: Context): boolean =>
  ctx.req.headers['content-type']?.startsWith(formType) === true || ctx.is(formType) !== false

async function answer(
  needs: StsNeeds & { readonly iamApi?: IamApi | undefined },
  ctx: Context,
  { format, throttle, call }: { format: 'xml' | 'json'; throttle: Middleware; call: Partial<Progress> },
): Promise<string> {
  const from = requestInfo(ctx)
  const { request, parameters } = await readCall(needs, ctx, call.service ?? '')
  // Calls that came together are verified one after the other: a tenth less processor time each.
  await endOfTurn()
  const name = callNameOf(parameters) ?? { action: '', version: '' }
  call.name = name
  const unsigned = name.version === sts.version ? unsignedOperations.get(name.action) : undefined
  if (unsigned !== undefined) {
    call.service = 'sts'
    await throttle(ctx, async () => {})
    return unsigned(needs, { signed: undefined, from, parameters, format })
  }
  if (call.service === '') call.service = name.version === iam.version ? 'iam' : 'sts'
  const signed = await authenticate(needs, request, { services: [call.service ?? 'sts'] })
  call.signed = signed
  if (signed.service === 'iam') {
    requireSessionRight(signed, 'iam', operationNamed(iam, name))
    return needs.iamApi === undefined
      ? refuse('malformed', 'sts/not-offered', `The operation ${name.action} is known and not offered yet.`)
      : needs.iamApi.call({ signed, name, parameters, from, format })
  }
  const operation = operationNamed(sts, name)
  const run = signedOperations.get(operation)
  if (run === undefined) {
    return refuse('malformed', 'sts/not-offered', `The operation ${operation} is known and not offered.`)
  }
  requireSessionRight(signed, 'sts', operation)
  return run(needs, { signed, from, parameters, format })
}

/** The request as it was signed, and what it says. A body past the small limit is read only for a key that exists. */
async function readCall(
  needs: StsNeeds,
  ctx: Context,
  service: string,
): Promise<{ readonly request: SignableRequest; readonly parameters: ParameterNode }> {
  const { rawHeaders: raw } = ctx.req
  const headers: [string, string][] = []
  // In lower case, as a signature names them: each is looked for several times.
  for (let index = 0; index < raw.length; index += 2)
    headers.push([lowerCase(raw[index] ?? ''), raw[index + 1] ?? ''])
  const { method = '' } = ctx.req
  const head = { method, rawUrl: ctx.req.url ?? '/', headers }
  if (method === 'GET')
    return { request: { ...head, body: noBody }, parameters: readParameters(ctx.querystring) }
  const large = service === 'iam' && Number(ctx.get('content-length')) > unsignedBytes
  if (large) await findCredentials(needs, head, { services: ['iam'] })
  const bytes = await readRaw(ctx, large ? signedBytes : unsignedBytes)
  const { body, parameters } = bareCallOf(bytes) ?? { body: bytes, parameters: readParameterBytes(bytes) }
  return { request: { method, rawUrl: head.rawUrl, headers, body }, parameters }
}

/** A header that came once or joined; empty where it is absent. */
function headerOf(ctx: Context, name: 'accept' | 'x-amz-target'): string {
  const value = ctx.req.headers[name]
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

const jsonWanted = (ctx: Context): boolean =>
  headerOf(ctx, 'accept').split(',', 1)[0]?.trim() === 'application/json'

function send(ctx: Context, { status, contentType, body }: AwsAnswer): void {
  ctx.res.statusCode = status
  // The wire's clients look at this type to the letter.
  ctx.res.setHeader('Content-Type', contentType)
  ctx.res.setHeader('Cache-Control', 'no-store')
  // The text is whole: Node counts it, and what Koa would find out about it costs as much as sending it.
  ctx.respond = false
  ctx.res.end(body)
}

/** The refusal in the words of the service, logged, and audited where the operation has not done it. */
async function errorOf(
  needs: StsNeeds & { readonly iamApi?: IamApi | undefined },
  ctx: Context,
  call: Partial<Progress>,
  thrown: unknown,
): Promise<AwsError> {
  if (!isFailure(thrown)) {
    requestLog(ctx).error({ err: thrown }, 'a bug')
    return internalFailure
  }
  const { reason, detail } = thrown
  requestLog(ctx).info({ reason, detail }, 'refused')
  const error =
    call.service !== 'iam'
      ? stsErrorOf(thrown)
      : needs.iamApi !== undefined && call.signed !== undefined
        ? needs.iamApi.errorOf(thrown)
        : awsErrorOf(iam, thrown, iamFrontCodes)
  // What names no operation says nothing about anybody and may come in floods.
  if (call.name !== undefined && call.name.action !== '' && !wasAudited(thrown)) {
    const accessKeyId = call.signed?.accessKeyId
    await needs.audit.recordSoon({
      source: call.service ?? 'sts',
      name: call.name.action.slice(0, 128),
      by: call.signed === undefined ? { ...nobody, accessKeyId } : callerIdentity(call.signed.caller),
      request: requestInfo(ctx),
      region: call.signed?.region,
      error: { code: error.code, message: error.message.slice(0, 1_024) },
      additional: { reason },
    })
  }
  return error
}

/** Refusals of this slice that reach the caller in IAM's name. */
const iamFrontCodes: Readonly<Record<string, string>> = {
  'sts/missing-authentication': 'MissingAuthenticationToken',
  'sts/not-offered': 'InvalidAction',
  'http/too-large': 'RequestEntityTooLarge',
}
