import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  answerProxy,
  type ForwardAuthNeeds,
  identityHeaders,
  type Original,
  type Outcome,
  siteCookies,
} from '#forward-auth'
import { type Context, readRaw } from '#http'
import { refuse } from '#kernel'
import type { HeaderPairs } from '#sigv4'
import { endToEnd, type Forwarding } from './forward.ts'
import type { Arrival } from './needs.ts'
import { checkHash, holdBack } from './passing.ts'
import { hasBody } from './payload.ts'

/** What standing before an HTTP API takes. */
export type HttpAppNeeds = ForwardAuthNeeds & { readonly forwarding: Pick<Forwarding, 'send'> }

/** A body that is signed without saying its hash is read whole before: so much of it. */
const heldBytes = 1_048_576

/**
 * One request to an HTTP API: forward-auth decides about it, and who it is goes on in forward-auth's headers. The body that
 * was signed is held against its hash as it passes.
 *
 * @returns the app's answer, or what is to be said instead
 */
export async function answerHttpApp(
  needs: HttpAppNeeds,
  ctx: Context,
  { app, original, from }: Arrival,
): Promise<IncomingMessage | Exclude<Outcome, { kind: 'allow' }>> {
  const value = (wanted: string): string =>
    original.headers.find(([name]) => name === wanted)?.[1].trim() ?? ''
  const isSigned = value('authorization').startsWith('AWS4-') || /[?&]X-Amz-Signature=/.test(original.target)
  const said = value('x-amz-content-sha256')
  if (isSigned && said.startsWith('STREAMING-'))
    refuse('malformed', 'gateway/not-implemented', 'This gateway takes no chunked payload for this app.')
  const override = original.headers.find(([name]) => overriding.has(spelled(name)))
  if (override !== undefined)
    refuse(
      'malformed',
      'gateway/override',
      `This gateway takes no ${override[0]}: it would ask for something else than was decided on.`,
    )
  if (value('expect') !== '') ctx.res.writeContinue()
  // Signed without saying the hash: the signature can be verified only over the whole body.
  const whole = isSigned && said === '' ? await readRaw(ctx, heldBytes) : undefined
  const asked: Original =
    whole === undefined
      ? original
      : { ...original, bodySha256: createHash('sha256').update(whole).digest('hex') }
  const outcome = await answerProxy(needs, { original: asked, from })
  if (outcome.kind !== 'allow') return outcome
  const isHashed = isSigned && /^[0-9a-f]{64}$/.test(said)
  return needs.forwarding.send(app.upstream.url, {
    method: original.method,
    path: withoutSignature(original.target),
    headers: [
      ...passedHeaders(ctx.req, app.origin),
      ...Object.entries(outcome.identity).filter(([, each]) => each !== ''),
      ['host', app.upstream.url.host],
      ['x-forwarded-host', original.host],
      ['x-forwarded-proto', new URL(app.origin).protocol.slice(0, -1)],
      ['x-forwarded-for', from.ip],
      ...framing(ctx.req, whole),
    ],
    // Without one, a request that only reads may be sent again where a kept connection turns out to be closed.
    body:
      isHashed || hasBody(ctx.req)
        ? (whole ?? { from: ctx.req, steps: isHashed ? [checkHash(said), holdBack()] : [] })
        : undefined,
  })
}

/** Our own cookies and proofs stay here; what a client wrote under the identity's names is thrown away. */
const ours = new Set([
  'authorization',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  ...identityHeaders.map((name) => name.toLowerCase()),
])

/** Who and where the client is, in the words of other proxies: an app may believe any of them before ours. */
const ofProxies =
  /^(?:x-forwarded(?:-.+)?|x-original-(?:forwarded-for|host)|x-real-ip|(?:x-|true-|x-cluster-|fastly-)?client-ip|cf-connecting-ip)$/

/** Frameworks take these for the request's own method or address. */
const overriding = new Set([
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
])

/** Many apps read `Remote_User` as `Remote-User`, some every character that is no letter. */
const spelled = (name: string): string => name.replaceAll(/[^a-z0-9]/g, '-')

function passedHeaders(request: IncomingMessage, origin: string): HeaderPairs {
  return endToEnd(request.rawHeaders).flatMap(([name, value]): HeaderPairs => {
    if (ours.has(spelled(name)) || ofProxies.test(spelled(name))) return []
    if (name !== 'cookie') return [[name, value]]
    const kept = value
      .split(';')
      .map((each) => each.trim())
      .filter((each) => !siteCookies(origin).includes(each.split('=', 1)[0] ?? ''))
    return kept.length === 0 ? [] : [[name, kept.join('; ')]]
  })
}

/** How long the body is, for the app: as it came, or as it was read. */
function framing(request: IncomingMessage, whole: Buffer | undefined): HeaderPairs {
  const length = whole === undefined ? request.headers['content-length'] : String(whole.length)
  if (length !== undefined) return [['content-length', length]]
  return request.headers['transfer-encoding'] === undefined ? [] : [['transfer-encoding', 'chunked']]
}

const signature = /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Security-Token|Signature)=/

/** The address without what signed it: a session token is not for the app. */
function withoutSignature(target: string): string {
  const at = target.indexOf('?')
  if (at < 0) return target
  const kept = target
    .slice(at + 1)
    .split('&')
    .filter((part) => !signature.test(part))
    .join('&')
  return kept === '' ? target.slice(0, at) : `${target.slice(0, at)}?${kept}`
}
