import { z } from 'zod'
import type { RequestInfo } from '#http'
import { authorize, type Caller } from '#iam'
import { isFailure } from '#kernel'
import type { HeaderPairs, SignableRequest } from '#sigv4'
import { authenticate, type AuthenticateNeeds, stsErrorOf } from '#sts'
import type { EnforcementPoint } from './caller.ts'
import { recordDecision } from './decide.ts'
import {
  addKeys,
  authorityKeys,
  type Key,
  requireArn,
  requireOwnAction,
  resourceArn,
  resourceOfArn,
} from './mapping.ts'
import { elsewhere, isKnown, resourcePolicyOf, type SittingNeeds, storedResources } from './sitting.ts'

const properties = z.record(z.string(), z.unknown())
const header = z.string().max(16_384)

/** A request as the service received it. */
export const signedRequest = z.object({
  method: z.string().regex(/^[A-Z]{1,20}$/),
  /** Path and query exactly as on the request line; a full URL is cut down to that. */
  url: z.string().min(1).max(16_384),
  /** As received: a mapping, or pairs where a name may come twice. */
  headers: z.union([
    z.array(z.tuple([z.string().max(256), header])).max(200),
    z.record(z.string().max(256), z.union([header, z.array(header).max(20)])),
  ]),
  /** SHA-256 of the body in lower-case hex; of no body when it is absent. */
  body_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})

/** `POST /access/v1/authorize-request`: a request that a service received, signed with SigV4, and what it would do. */
export const authorizeRequestBody = z.object({
  request: signedRequest,
  action: z.string().max(200),
  resource: z.union([
    z.string().max(2_048),
    z.object({
      type: z.string().regex(/^[\w-]{1,64}$/),
      id: z.string().min(1).max(1_024),
      properties: properties.optional(),
    }),
  ]),
  context: properties.optional(),
})

export type AuthorizeRequestBody = z.infer<typeof authorizeRequestBody>

/** Who signed, as the service may show and log it. */
export type Principal = {
  readonly type: Caller['type']
  readonly arn: string
  readonly account_id: string
  /** `AIDA…`, or `AROA…:session-name`. */
  readonly unique_id: string
  readonly session_name?: string | undefined
  readonly source_identity?: string | undefined
}

/** The answer, always with status 200: `decision: false` is an answer, not an error. */
export type AuthorizeRequestAnswer = {
  readonly decision: boolean
  readonly decision_id: string
  /** Absent when the signature proves nobody. */
  readonly principal?: Principal | undefined
  /** One plain sentence. */
  readonly because: string
  readonly layer?: string | undefined
  readonly statements: readonly object[]
  /** What an AWS client expects to read when the request is refused. */
  readonly error?: { readonly code: string; readonly message: string; readonly status: number } | undefined
  /** Set when a fresh second factor is all that is missing. */
  readonly missing?: { readonly kind: 'mfa' } | undefined
}

const emptyBody = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * Verifies a signature that a service received, and decides whether who made it may do this. The signature must be for this
 * service (its prefix in the credential scope), so that no service can use requests that were meant for another.
 *
 * @throws Failure forbidden access/foreign-action; malformed access/action, access/resource
 */
export async function authorizeRequest(
  needs: SittingNeeds & AuthenticateNeeds,
  asked: { point: EnforcementPoint; from: RequestInfo; body: AuthorizeRequestBody },
): Promise<AuthorizeRequestAnswer> {
  const { point, from, body } = asked
  const action = requireOwnAction(point, body.action)
  const { resource } = body
  const arn =
    typeof resource === 'string' ? requireArn(resource) : resourceArn(point, resource.type, resource.id)
  const about = { event: 'AuthorizeRequest', point, from } as const

  let caller: Caller
  try {
    const signed = await authenticate(needs, signable(body.request), { services: [point.prefix] })
    caller = signed.caller
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.kind === 'unavailable') throw thrown
    const { code, message, status } = stsErrorOf(thrown)
    const verdict = { action, resource: arn, ignored: [] }
    const id = await recordDecision(needs, about, verdict, { code, message })
    return {
      decision: false,
      decision_id: id,
      because: message,
      statements: [],
      error: { code, message, status },
    }
  }

  const named = resourceOfArn(point, arn)
  const stored = named && (await storedResources(needs, point, [named])).get(`${named.type}\n${named.id}`)
  const keys: Key[] = []
  const ignored: string[] = []
  if (typeof resource !== 'string') addKeys(point, 'resource', resource.properties, keys, ignored)
  addKeys(point, 'context', body.context, keys, ignored)
  addKeys(point, 'subject', caller.tags, keys, ignored)
  if (stored !== undefined) addKeys(point, 'resource', stored.properties, keys, ignored)
  keys.push(...authorityKeys(point, body.context, (name) => isKnown(caller, name)))
  const decision = await authorize(needs, {
    caller,
    action,
    resource: { arn },
    from: elsewhere(from),
    context: keys,
    resourcePolicy: stored && resourcePolicyOf(arn, stored),
  })
  const id = await recordDecision(needs, about, { action, resource: arn, caller, decision, ignored })
  const isAllowed = decision.effect === 'Allow'
  return {
    decision: isAllowed,
    decision_id: id,
    principal: principalOf(caller),
    because: decision.because,
    layer: decision.layer,
    statements: decision.statements,
    error: isAllowed
      ? undefined
      : {
          code: 'AccessDenied',
          message: `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${arn}`,
          status: 403,
        },
    missing: decision.missing,
    ...(ignored.length === 0 ? {} : { ignored }),
  }
}

/** The request as its signature covers it. */
export const signable = (request: z.infer<typeof signedRequest>): SignableRequest => ({
  method: request.method,
  rawUrl: pathAndQuery(request.url),
  headers: pairs(request.headers),
  body: { sha256: request.body_sha256 ?? emptyBody },
})

export const principalOf = (caller: Caller): Principal => ({
  type: caller.type,
  arn: caller.arn,
  account_id: caller.accountId,
  unique_id: caller.userId,
  session_name: caller.type === 'role-session' ? caller.sessionName : undefined,
  source_identity: caller.sourceIdentity,
})

/** Cut, not parsed: a parser would repair what the client had signed as it was. */
const pathAndQuery = (url: string): string => {
  const rest = url.replace(/^https?:\/\/[^/?#]*/i, '')
  return rest.startsWith('/') ? rest : `/${rest}`
}

const pairs = (headers: z.infer<typeof signedRequest>['headers']): HeaderPairs =>
  Array.isArray(headers)
    ? headers
    : Object.entries(headers).flatMap(([name, value]) =>
        (typeof value === 'string' ? [value] : value).map((each) => [name, each] as const),
      )
