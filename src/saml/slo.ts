import { deflateRawSync } from 'node:zlib'
import { nobody } from '#audit'
import { requestInfo } from '#http'
import type { Context } from '#http'
import { refuseSaml } from './codes.ts'
import { deliverByPost } from './deliver.ts'
import { findPeer } from './idp-needs.ts'
import type { IdpNeeds } from './idp-needs.ts'
import { requestLife, verifyRequest } from './inbound-request.ts'
import type { Peer } from './inbound-request.ts'
import { readLogoutRequest } from './logout-request.ts'
import type { LogoutRequest } from './logout-request.ts'
import { dismissOthers, leaveSessions } from './participants.ts'
import { writeLogoutResponse } from './response-write.ts'
import { logoutEnvelope } from './samlify-adapter.ts'
import { firstSeen } from './seen.ts'
import { defaultSkew } from './semantics.ts'
import { signQuery } from './sign.ts'
import type { TransportedMessage } from './transport.ts'

/**
 * Takes a LogoutRequest of an app: ends the sessions it names and everything that hangs on them, and answers. An app
 * that names no session of its own hears Success and learns nothing.
 *
 * @throws Failure saml/… for a request that is not believed, saml/slo-no-endpoint when there is nowhere to answer
 */
export async function receiveLogoutRequest(
  ctx: Context,
  needs: IdpNeeds,
  message: TransportedMessage,
  binding: 'post' | 'redirect',
): Promise<void> {
  const now = needs.clock()
  const inbound = await verifyRequest(
    { findPeer: (entityId) => findPeer(needs.database, entityId), keysOf: needs.keysOf, now },
    message,
    { root: 'LogoutRequest', destination: needs.urls.slo, mustSign: () => true, unsigned: 'slo-unsigned' },
  )
  const request = readLogoutRequest(inbound.root)
  const { notOnOrAfter } = request
  if (notOnOrAfter && Temporal.Instant.compare(notOnOrAfter, now.subtract(defaultSkew)) <= 0)
    refuseSaml('slo-expired', { expected: now.toString(), found: notOnOrAfter.toString() })
  const seen = { scope: 'logout', peer: inbound.peer.provider.entityId, id: inbound.id } as const
  if (!(await firstSeen(needs.database, { ...seen, expiresAt: now.add(requestLife).add(requestLife) })))
    refuseSaml('slo-replay', { found: inbound.peer.app.name })
  // Nothing is ended for an app that could not hear so: it would believe its user still signed in.
  const endpoint = answerEndpoint(inbound.peer, binding)
  const untold = await endSessions(ctx, needs, inbound.peer, request)
  await answerLogout(ctx, needs, inbound.peer, endpoint, {
    id: inbound.id,
    relayState: message.relayState,
    untold,
  })
}

/** Ends what the request names; the answer is how many other apps were not told. */
async function endSessions(
  ctx: Context,
  needs: IdpNeeds,
  peer: Peer,
  request: LogoutRequest,
): Promise<number> {
  const current = await needs.sessions.current(ctx)
  const { families, dismissed } = await needs.database.transaction(async (tx) => {
    const ended = await leaveSessions(tx, peer.app.appId, request)
    const families = [...new Map(ended.map(({ family, userId }) => [family, userId]))]
    for (const [family, userId] of families) await needs.sessions.revoke(tx, userId, family)
    if (current && families.some(([family]) => family === current.family)) needs.jar.clear(ctx, 'session')
    const others = await dismissOthers(
      tx,
      families.map(([family]) => family),
    )
    await needs.audit.record(tx, {
      source: 'saml',
      name: 'Logout',
      by: families[0] === undefined ? nobody : { type: 'IAMUser', principalId: families[0][1] },
      request: requestInfo(ctx),
      accountId: peer.app.accountId,
      parameters: { entityId: peer.provider.entityId, namedSessions: request.sessionIndexes.length },
      response: { endedSessions: families.length, appsNotTold: others.length },
      resources: [{ ARN: peer.app.arn }],
      ...(families.length === 0 && {
        error: { code: 'saml/slo-no-session', message: 'No session of this app matched; nothing was ended.' },
      }),
    })
    return { families, dismissed: others.length }
  })
  const untold = await Promise.all(families.map(([family]) => needs.tellOthers(family)))
  return dismissed + untold.flat().length
}

type LogoutEndpoint = Peer['provider']['settings']['slo'][number]

/** Where the app hears answers: by the binding it asked with, where it has that one. */
const answerEndpoint = ({ app, provider }: Peer, asked: 'post' | 'redirect'): LogoutEndpoint =>
  provider.settings.slo.find(({ binding }) => binding === asked) ??
  provider.settings.slo[0] ??
  refuseSaml('slo-no-endpoint', { found: app.name })

/** Answers a LogoutRequest, signed as the binding wants it. */
async function answerLogout(
  ctx: Context,
  needs: IdpNeeds,
  peer: Peer,
  endpoint: LogoutEndpoint,
  request: { id: string; relayState: string | undefined; untold: number },
): Promise<void> {
  const destination = endpoint.responseUrl ?? endpoint.url
  const answer = { issuer: needs.urls.entityId, destination, inResponseTo: request.id, now: needs.clock() }
  const partial = request.untold > 0 ? 'PartialLogout' : undefined
  const signer = needs.keys.active('saml')
  if (endpoint.binding === 'post') {
    const xml = await writeLogoutResponse(answer, partial, signer)
    deliverByPost(ctx, needs.pages, {
      action: destination,
      field: 'SAMLResponse',
      message: await logoutEnvelope({ ...answer, xml, peer: peer.provider.entityId }),
      relayState: request.relayState ?? null,
      appName: peer.app.name,
    })
    return
  }
  const xml = await writeLogoutResponse(answer, partial, undefined)
  const query = await signQuery(
    'SAMLResponse',
    deflateRawSync(xml).toString('base64'),
    request.relayState,
    signer,
  )
  ctx.set('Cache-Control', 'no-store')
  ctx.status = 303
  ctx.redirect(`${destination}${destination.includes('?') ? '&' : '?'}${query}`)
}
