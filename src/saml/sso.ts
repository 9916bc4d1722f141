import type { User } from '#directory'
import type { Context } from '#http'
import { chooseAcs, defaultAcs } from './acs.ts'
import { answerError, answerSuccess } from './answer.ts'
import type { Answering } from './answer.ts'
import { contextDemand } from './authn-context.ts'
import { readAuthnRequest } from './authn-request.ts'
import type { AuthnRequest } from './authn-request.ts'
import { refuseSaml } from './codes.ts'
import { asTarget, findPeer, findPeerOfApp } from './idp-needs.ts'
import type { IdpNeeds } from './idp-needs.ts'
import { requestLife, verifyRequest } from './inbound-request.ts'
import type { InboundRequest, Peer } from './inbound-request.ts'
import { knownPersistentId, nameIdKind } from './name-id-give.ts'
import { nameIdFormats } from './names.ts'
import { claimParked, park, settleParked } from './parked.ts'
import type { Asked, Parked } from './parked.ts'
import { firstSeen } from './seen.ts'
import type { SamlRequirement, SamlSignInResult } from './sign-in.ts'
import type { TransportedMessage } from './transport.ts'

/** Where a waiting request goes on. A GET, so that the browser's Lax cookies come along even after a cross-site POST. */
const continuePath = (id: string): string => `/saml/continue/${id}`

/**
 * Takes an AuthnRequest: checks it, chooses where the answer will go, parks it, and sends the browser on. What can be
 * answered at once is answered at once.
 *
 * @throws Failure saml/… for what is refused before the answer's place is known; the page then says so
 */
export async function receiveAuthnRequest(
  ctx: Context,
  needs: IdpNeeds,
  message: TransportedMessage,
): Promise<void> {
  const now = needs.clock()
  const inbound = await verifyRequest(
    { findPeer: (entityId) => findPeer(needs.database, entityId), keysOf: needs.keysOf, now },
    message,
    {
      root: 'AuthnRequest',
      destination: needs.urls.sso,
      mustSign: ({ provider }) => provider.settings.requestsSigned,
      unsigned: 'req-unsigned',
    },
  )
  const request = readAuthnRequest(inbound.root)
  await requireFirst(needs, inbound, now)
  const { peer } = inbound
  const acs = chooseAcs(peer.provider.settings, request)
  const answering: Answering = {
    peer,
    asked: { id: inbound.id, acsUrl: acs.url },
    relayState: message.relayState,
  }
  if (acs.unsupported) return answerError(ctx, needs, answering, 'Requester', 'UnsupportedBinding')
  if (nameIdKind(peer.provider, request.nameIdPolicy) === undefined)
    return answerError(ctx, needs, answering, 'Requester', 'InvalidNameIDPolicy')
  if (!contextDemand(request.requestedContext).possible)
    return answerError(ctx, needs, answering, 'Responder', 'NoAuthnContext')
  const asked = askedOf(request, inbound.id, acs.url)
  const id = await park(needs.database, now, { appId: peer.app.appId, asked, relayState: message.relayState })
  ctx.status = 303
  ctx.redirect(continuePath(id))
}

/** A signed request counts once: whoever captured one cannot send it again. */
async function requireFirst(
  needs: IdpNeeds,
  { peer, id, isSigned }: InboundRequest,
  now: Temporal.Instant,
): Promise<void> {
  if (!isSigned) return
  const seen = {
    scope: 'authn',
    peer: peer.provider.entityId,
    id,
    expiresAt: now.add(requestLife).add(requestLife),
  } as const
  if (!(await firstSeen(needs.database, seen))) refuseSaml('req-replay', { found: peer.app.name })
}

const askedOf = (request: AuthnRequest, id: string, acsUrl: string): Asked => ({
  id,
  acsUrl,
  forceAuthn: request.forceAuthn,
  isPassive: request.isPassive,
  subject: request.subject,
  nameIdPolicy: request.nameIdPolicy,
  requestedContext: request.requestedContext,
})

/**
 * Begins a sign-in at an app that did not ask: from the portal, for apps that opted in.
 *
 * @throws Failure forbidden saml/peer-unknown, saml/peer-disabled, saml/peer-purpose; malformed saml/req-relay-state
 */
export async function launch(
  ctx: Context,
  needs: IdpNeeds,
  request: { readonly appId: string; readonly relayState: string | undefined },
): Promise<void> {
  const peer = (await findPeerOfApp(needs.database, request.appId)) ?? refuseSaml('peer-unknown')
  if (!peer.app.enabled) refuseSaml('peer-disabled', { found: peer.app.name })
  const { settings } = peer.provider
  if (!settings.idpInitiated) refuseSaml('peer-purpose', { found: peer.app.name })
  if (request.relayState !== undefined && !settings.relayStates.includes(request.relayState))
    refuseSaml('req-relay-state', { expected: settings.relayStates })
  const asked: Asked = {
    id: undefined,
    acsUrl: defaultAcs(settings),
    forceAuthn: false,
    isPassive: false,
    subject: undefined,
    nameIdPolicy: undefined,
    requestedContext: undefined,
  }
  const id = await park(needs.database, needs.clock(), {
    appId: request.appId,
    asked,
    relayState: request.relayState ?? settings.relayStates[0],
  })
  ctx.status = 303
  ctx.redirect(continuePath(id))
}

/**
 * Goes on with a waiting request: whether this browser is signed in well enough decides between the app and signin.
 *
 * @throws Failure not-found saml/req-gone for one that is over, was answered, or belongs to another browser
 */
export async function continueRequest(ctx: Context, needs: IdpNeeds, id: string): Promise<void> {
  const parked = await claimParked(needs.database, needs.clock(), id, needs.jar.browser(ctx))
  if (!parked) return refuseSaml('req-gone')
  const peer = (await findPeerOfApp(needs.database, parked.appId)) ?? refuseSaml('peer-unknown')
  if (!peer.app.enabled) refuseSaml('peer-disabled', { found: peer.app.name })
  const { asked, relayState, outcome } = parked
  const answering: Answering = { peer, asked, relayState, parkedId: id }
  if (outcome === 'denied') return answerError(ctx, needs, answering, 'Responder', 'RequestDenied')
  if (outcome === 'cancelled') return answerError(ctx, needs, answering, 'Responder', 'AuthnFailed')

  const requirement = requirementOf(peer, parked)
  const assessed = await needs.signIn.assess(ctx, requirement)
  if (assessed.state === 'denied') return answerError(ctx, needs, answering, 'Responder', 'RequestDenied')
  if (assessed.state === 'satisfied') {
    const { user, session } = assessed
    if (!(await isExpected(needs, peer, asked, user)))
      return answerError(ctx, needs, answering, 'Responder', 'UnknownPrincipal', user)
    return answerSuccess(ctx, needs, answering, user, session)
  }
  if (asked.isPassive) return answerError(ctx, needs, answering, 'Responder', 'NoPassive')
  const path = await needs.signIn.begin(ctx, { kind: 'saml', reference: id, requirement })
  ctx.status = 303
  ctx.redirect(path)
}

/** Where a browser goes on after the sign-in that a waiting request began. */
export async function resumeRequest(
  needs: IdpNeeds,
  reference: string,
  result: SamlSignInResult,
): Promise<string> {
  if (result.state !== 'signed-in') await settleParked(needs.database, reference, result.state)
  return continuePath(reference)
}

function requirementOf({ app }: Peer, { asked, createdAt }: Parked): SamlRequirement {
  const demand = contextDemand(asked.requestedContext)
  return {
    app: asTarget(app),
    requireMfa: app.requireMfa || (demand.possible && demand.requireMfa),
    ...(asked.forceAuthn && { forceSince: createdAt }),
    ...(asked.subject && isReadable(asked.subject.format) && { loginHint: asked.subject.value }),
  }
}

/** Only these formats hold what a person would type. */
const isReadable = (format: string): boolean =>
  format === nameIdFormats.emailAddress || format === nameIdFormats.unspecified

/** Whether the user who signed in is the one the app named, if it named one: never a silent swap. */
async function isExpected(
  needs: IdpNeeds,
  { provider }: Peer,
  { subject }: Asked,
  user: User,
): Promise<boolean> {
  if (!subject) return true
  const sameText = (text: string | undefined): boolean =>
    text !== undefined &&
    text.normalize('NFKC').toLowerCase() === subject.value.normalize('NFKC').toLowerCase()
  switch (subject.format) {
    case nameIdFormats.persistent:
      return (await knownPersistentId(needs.database, user.userId, provider.entityId)) === subject.value
    case nameIdFormats.emailAddress:
      return user.mailVerified && sameText(user.mail)
    case nameIdFormats.unspecified:
      return sameText(user.name) || (user.mailVerified && sameText(user.mail))
    default:
      return false
  }
}
