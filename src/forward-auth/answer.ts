import { type Audit, nobody } from '#audit'
import { findProxyApp, type ProxyApp } from '#apps'
import { sha256 } from '#crypto'
import { groupsOf } from '#directory'
import type { RequestInfo } from '#http'
import { authorize, type Caller, callerIdentity, recalled } from '#iam'
import { isFailure, randomId } from '#kernel'
import { encodeId } from '#access'
import { cookieLine, cookieOf, flowCookie, siteCookie } from './cookies.ts'
import { type Identity, identify, type IdentifyNeeds } from './identify.ts'
import type { Original } from './original.ts'
import { fill, type Fit, fitOf, segmentsOf } from './paths.ts'
import { beginSiteSession, takeCode } from './sessions.ts'

/** What answering a proxy takes. */
export type ForwardAuthNeeds = IdentifyNeeds & {
  readonly audit: Pick<Audit, 'note'>
  readonly publicUrl: URL
}

/** What the proxy is to do. */
export type Outcome =
  | { readonly kind: 'allow'; readonly identity: Readonly<Record<IdentityHeader, string>> }
  /** The browser is to go elsewhere first. */
  | { readonly kind: 'go'; readonly location: string; readonly cookies: readonly string[] }
  | { readonly kind: 'deny'; readonly status: 400 | 401 | 403; readonly message: string }

/** What the app behind the proxy reads. All of them are in every answer, so that none is taken over from the client. */
export const identityHeaders = [
  'Remote-User',
  'Remote-Name',
  'Remote-Email',
  'Remote-Groups',
  'X-Signet-User-Id',
  'X-Signet-Account',
  'X-Signet-Arn',
  'X-Signet-Acr',
  'X-Signet-Decision',
] as const
export type IdentityHeader = (typeof identityHeaders)[number]

/** Paths of a protected host that are Signet's own. */
const ownPaths = '/.signet/'

/**
 * Decides about a request that a proxy received (host, path, method), for whoever makes it.
 *
 * A rule with an action asks the policy engine for it; before that, whoever may not sign in to the app is refused.
 */
export async function answerProxy(
  needs: ForwardAuthNeeds,
  request: { readonly original: Original; readonly from: RequestInfo },
): Promise<Outcome> {
  const { original, from } = request
  const proxied = await recalled(needs, `proxy ${original.host}`, () =>
    findProxyApp(needs.database, original.host),
  )
  if (proxied === undefined || !proxied.app.enabled)
    return deny(403, 'No app is registered for this host, or it is switched off.')
  const [path, query = ''] = cut(original.target, '?')
  if (path.startsWith(ownPaths)) return ownPath(needs, { ...request, proxied, path, query })
  const segments = segmentsOf(path)
  if (segments === undefined) return deny(400, 'This address can be read in more than one way.')
  const fit = fitOf(proxied.rules, original.method, segments)
  if (fit === undefined)
    return refused(needs, { ...request, proxied }, undefined, 'No rule is for this address.')

  const isOpen = fit.rule.access === 'anyone'
  let identity: Identity | undefined
  try {
    identity = await identify(needs, original, {
      origin: proxied.origin,
      services: proxied.signedFor,
    })
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.kind === 'unavailable') throw thrown
    if (!isOpen) return deny(thrown.kind === 'forbidden' ? 403 : 401, thrown.message)
  }
  if (isOpen) return { kind: 'allow', identity: await headersOf(needs, identity) }
  if (identity === undefined) return askToSignIn(needs, { original, proxied })

  const entry = await mayEnter(needs, { caller: identity.caller, proxied, from })
  const verdict =
    entry.state === 'allowed' && fit.rule.action !== undefined
      ? await decideRule(needs, { caller: identity.caller, proxied, fit, original, from })
      : entry
  if (verdict.state === 'allowed')
    return { kind: 'allow', identity: await headersOf(needs, identity, verdict.decisionId) }
  if (verdict.state === 'needs-mfa' && identity.by === 'cookie')
    return askToSignIn(needs, {
      original,
      proxied,
      mfa: identity.caller.mfaAt === undefined ? 'once' : 'again',
    })
  return refused(needs, { ...request, proxied }, identity.caller, verdict.because)
}

const deny = (status: 400 | 401 | 403, message: string): Outcome => ({ kind: 'deny', status, message })

const cut = (text: string, at: string): readonly [string, string?] => {
  const index = text.indexOf(at)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

type About = {
  readonly original: Original
  readonly from: RequestInfo
  readonly proxied: ProxyApp
}

type Verdict =
  | { readonly state: 'allowed'; readonly decisionId?: string | undefined }
  | { readonly state: 'needs-mfa' | 'denied'; readonly because: string }

/** Whether a caller may sign in to the app at all: `signet:SignIn` on it, its own rule about MFA. */
async function mayEnter(
  needs: ForwardAuthNeeds,
  { caller, proxied, from }: Pick<About, 'proxied' | 'from'> & { readonly caller: Caller },
): Promise<Verdict> {
  const { app } = proxied
  if (app.requireMfa && caller.mfaAt === undefined)
    return { state: 'needs-mfa', because: 'The app asks for a second factor.' }
  const decision = await authorize(needs, {
    caller,
    action: 'signet:SignIn',
    resource: { arn: app.arn, accountId: app.accountId },
    from,
  })
  if (decision.effect === 'Allow') return { state: 'allowed' }
  // An app for everyone needs no Allow; a Deny counts all the same.
  const isEveryone = app.access === 'everyone' && caller.accountId === app.accountId && caller.type === 'user'
  if (isEveryone && !decision.explicit) return { state: 'allowed' }
  return { state: decision.missing === undefined ? 'denied' : 'needs-mfa', because: decision.because }
}

async function decideRule(
  needs: ForwardAuthNeeds,
  { caller, proxied, fit, original, from }: About & { readonly caller: Caller; readonly fit: Fit },
): Promise<Verdict> {
  const { app } = proxied
  const prefix = app.servicePrefix ?? ''
  const action = `${prefix}:${fit.rule.action ?? ''}`
  const named = new Map([...fit.names].map(([name, value]) => [name, encodeId(value)]))
  const arn = `arn:aws:${prefix}::${app.accountId}:${fill(fit.rule.resource ?? '', named)}`
  const decision = await authorize(needs, {
    caller,
    action,
    resource: { arn, accountId: app.accountId },
    from,
    context: [
      [`${prefix}:context/method`, original.method],
      [`${prefix}:context/host`, original.host],
      [`${prefix}:context/path`, cut(original.target, '?')[0]],
    ],
  })
  const decisionId = randomId().slice(0, 22)
  await needs.audit.note({
    source: 'forward-auth',
    name: 'AuthorizeProxied',
    by: { ...callerIdentity(caller), invokedBy: app.arn },
    request: from,
    accountId: app.accountId,
    parameters: { action, resource: arn, method: original.method, host: original.host },
    response: {
      decisionId,
      decision: decision.effect,
      layer: decision.layer,
      statements: decision.statements,
    },
    resources: [{ ARN: arn }],
    readOnly: true,
    ...(decision.effect === 'Allow' ? {} : { error: { code: 'AccessDenied', message: decision.because } }),
  })
  if (decision.effect === 'Allow') return { state: 'allowed', decisionId }
  return { state: decision.missing === undefined ? 'denied' : 'needs-mfa', because: decision.because }
}

async function refused(
  needs: ForwardAuthNeeds,
  { original, proxied, from }: About,
  caller: Caller | undefined,
  because: string,
): Promise<Outcome> {
  await needs.audit.note({
    source: 'forward-auth',
    name: 'RefuseProxied',
    by: caller === undefined ? nobody : callerIdentity(caller),
    request: from,
    accountId: proxied.app.accountId,
    parameters: { host: original.host, method: original.method, path: cut(original.target, '?')[0] },
    error: { code: 'AccessDenied', message: because },
    resources: [{ ARN: proxied.app.arn }],
    readOnly: true,
  })
  return deny(403, `You are not allowed to do this here. Request ${from.id}.`)
}

/** Browsers that open a page are sent to sign in; everything else is told that it is nobody. */
function askToSignIn(
  { publicUrl }: ForwardAuthNeeds,
  request: { original: Original; proxied: ProxyApp; mfa?: 'once' | 'again' },
): Outcome {
  const { original, proxied, mfa } = request
  if (!opensPage(original))
    return mfa === undefined
      ? deny(401, 'Sign in first.')
      : deny(401, 'This needs a second factor. Open the page in a browser.')
  // Kept through parallel tabs: each of them comes back with the same one.
  const kept = cookieOf(original, flowCookie(proxied.origin))
  const flow = kept !== undefined && /^[\w-]{43}$/.test(kept) ? kept : randomId()
  const start = new URL('/forward-auth/start', publicUrl)
  start.searchParams.set('to', `${proxied.origin}${original.target}`)
  start.searchParams.set('flow', sha256(flow).toString('base64url'))
  if (mfa !== undefined) start.searchParams.set('mfa', mfa)
  return {
    kind: 'go',
    location: start.href,
    cookies: [cookieLine(proxied.origin, flowCookie(proxied.origin), flow, { maxAgeSeconds: 3_600 })],
  }
}

function opensPage({ method, headers }: Original): boolean {
  const value = (wanted: string) => headers.find(([name]) => name === wanted)?.[1] ?? ''
  const mode = value('sec-fetch-mode')
  return (
    (method === 'GET' || method === 'HEAD') &&
    value('accept').includes('text/html') &&
    (mode === '' || mode === 'navigate')
  )
}

/** `/.signet/callback` takes the session over; `/.signet/signout` ends it, and with it the one at Signet. */
async function ownPath(
  needs: ForwardAuthNeeds,
  request: About & { readonly path: string; readonly query: string },
): Promise<Outcome> {
  const { original, proxied, path, query } = request
  if (path === `${ownPaths}signout`)
    return { kind: 'go', location: new URL('/signout', needs.publicUrl).href, cookies: [] }
  if (path !== `${ownPaths}callback` || original.method !== 'GET') return deny(403, 'There is nothing here.')
  const parameters = new URLSearchParams(query)
  const code = parameters.get('code') ?? ''
  const to = parameters.get('to') ?? '/'
  const flow = cookieOf(original, flowCookie(proxied.origin)) ?? ''
  const { host } = original
  // A path of this host and nothing else: `//elsewhere` is another host.
  const back = /^\/(?![/\\])[\x21-\x7e]*$/.test(to) ? to : '/'
  const arrival = await takeCode(needs.database, needs.clock, { code, host, flow })
  // Used, late, or another browser's: the page itself is tried again, and asks anew when it must.
  if (arrival === undefined) return { kind: 'go', location: `${proxied.origin}${back}`, cookies: [] }
  const id = await beginSiteSession(needs.database, needs.clock, { ...arrival, host })
  const { origin } = proxied
  return {
    kind: 'go',
    location: `${origin}${back}`,
    cookies: [
      cookieLine(origin, siteCookie(origin), id),
      cookieLine(origin, flowCookie(origin), '', { maxAgeSeconds: 0 }),
    ],
  }
}

const noHeaders = Object.fromEntries(identityHeaders.map((name) => [name, ''])) as Record<
  IdentityHeader,
  string
>

/** Who it is, for the app behind the proxy. */
async function headersOf(
  needs: ForwardAuthNeeds,
  identity: Identity | undefined,
  decisionId = '',
): Promise<Readonly<Record<IdentityHeader, string>>> {
  if (identity === undefined) return noHeaders
  const { caller, user } = identity
  const groups =
    user === undefined
      ? []
      : await recalled(needs, `groups ${user.userId}`, () => groupsOf(needs.database, user.userId))
  return {
    'Remote-User': headerText(user?.name ?? (caller.type === 'role-session' ? caller.sessionName : '')),
    'Remote-Name': headerText(user?.displayName ?? user?.name ?? ''),
    'Remote-Email': user?.mailVerified === true ? headerText(user.mail ?? '') : '',
    'Remote-Groups': headerText(groups.map(({ name }) => name).join(',')),
    'X-Signet-User-Id': caller.userId,
    'X-Signet-Account': caller.accountId,
    'X-Signet-Arn': headerText(caller.arn),
    'X-Signet-Acr': caller.mfaAt === undefined ? 'urn:signet:aal:1' : 'urn:signet:aal:2',
    'X-Signet-Decision': decisionId,
  }
}

/** A header holds printable ASCII; other characters and the percent sign are percent-encoded as UTF-8. */
const headerText = (text: string): string =>
  text.toWellFormed().replaceAll(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character))
