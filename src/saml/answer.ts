import type { KeyObject } from 'node:crypto'
import { userIdentity } from '#audit'
import type { User } from '#directory'
import { requestInfo } from '#http'
import type { Context } from '#http'
import { random } from '#kernel'
import { signedIn } from '#sessions'
import type { BrowserSession } from '#sessions'
import { attributesFor } from './attributes.ts'
import { contextClass } from './authn-context.ts'
import { refuseSaml } from './codes.ts'
import { deliverByPost } from './deliver.ts'
import type { IdpNeeds } from './idp-needs.ts'
import type { Peer } from './inbound-request.ts'
import { giveNameId } from './name-id-give.ts'
import type { StatusName } from './names.ts'
import { takeParked } from './parked.ts'
import type { Asked } from './parked.ts'
import { joinSession } from './participants.ts'
import { writeError, writeResponse } from './response-write.ts'
import type { Answer, Statement } from './response-write.ts'
import { newId } from './sign.ts'

/** A request that is being answered, and the id it waits under when it was parked. */
export type Answering = {
  readonly peer: Peer
  readonly asked: Pick<Asked, 'id' | 'acsUrl'> & Partial<Asked>
  readonly relayState: string | undefined
  readonly parkedId?: string
}

const answerOf = (needs: IdpNeeds, { asked }: Answering): Answer => ({
  issuer: needs.urls.entityId,
  destination: asked.acsUrl,
  inResponseTo: asked.id,
  now: needs.clock(),
})

function send(ctx: Context, needs: IdpNeeds, answering: Answering, xml: string): void {
  deliverByPost(ctx, needs.pages, {
    action: answering.asked.acsUrl,
    field: 'SAMLResponse',
    message: Buffer.from(xml).toString('base64'),
    relayState: answering.relayState ?? null,
    appName: answering.peer.app.name,
  })
}

/**
 * Tells an app why nobody is signed in (SAML Core §3.2.2.2). The waiting request, if any, is over.
 *
 * @throws Failure conflict saml/req-replay when the request was answered already
 */
export async function answerError(
  ctx: Context,
  needs: IdpNeeds,
  answering: Answering,
  top: 'Requester' | 'Responder',
  second: StatusName,
  user?: User,
): Promise<void> {
  await needs.database.transaction(async (tx) => {
    if (answering.parkedId !== undefined && !(await takeParked(tx, answering.parkedId)))
      refuseSaml('req-replay', { found: 'answered already' })
    await needs.audit.record(tx, {
      source: 'saml',
      name: 'Federate',
      by: user ? userIdentity(user) : { type: 'Unknown' },
      request: requestInfo(ctx),
      accountId: answering.peer.app.accountId,
      error: { code: second, message: `The app was told ${top}/${second}.` },
      resources: [{ ARN: answering.peer.app.arn }],
    })
  })
  const xml = await writeError(answerOf(needs, answering), top, second, needs.keys.active('saml'))
  send(ctx, needs, answering, xml)
}

/** The key that an app wants its assertions encrypted for. @throws Failure forbidden saml/peer-no-key */
function encryptionKey(needs: IdpNeeds, { app, provider: { settings } }: Peer): KeyObject | undefined {
  if (!settings.encrypt) return undefined
  const pinned = needs.keysOf(settings.encryptionCertificates)
  const found = pinned.find(({ key }) => key.asymmetricKeyType === 'rsa')
  return found?.key ?? refuseSaml('peer-no-key', { found: app.name, expected: 'an RSA key for encryption' })
}

/**
 * Tells an app who is signed in: once per request, and written down in the same transaction.
 *
 * @throws Failure conflict saml/req-replay when the request was answered already
 */
export async function answerSuccess(
  ctx: Context,
  needs: IdpNeeds,
  answering: Answering,
  user: User,
  session: BrowserSession,
): Promise<void> {
  const { peer, asked, parkedId } = answering
  const proofs = signedIn(session)
  const stated = contextClass(asked.requestedContext, proofs)
  if (stated === undefined) return answerError(ctx, needs, answering, 'Responder', 'NoAuthnContext', user)
  const answer = answerOf(needs, answering)
  const encryptFor = encryptionKey(needs, peer)
  const statement = await needs.database.transaction(async (tx): Promise<Statement | undefined> => {
    const naming = { tx, now: answer.now, newId, entityId: answer.issuer }
    const nameId = await giveNameId(naming, peer.provider, user, asked.nameIdPolicy)
    if (nameId === undefined) return undefined
    if (parkedId !== undefined && !(await takeParked(tx, parkedId)))
      refuseSaml('req-replay', { found: 'answered already' })
    const sessionIndex = await joinSession(
      tx,
      {
        family: session.family,
        appId: peer.app.appId,
        nameId: nameId.value,
        nameIdFormat: nameId.format,
        sessionIndex: `_${random(16).toString('hex')}`,
        userId: user.userId,
      },
      { createdAt: answer.now, expiresAt: session.expiresAt },
    )
    const attributes = await attributesFor(tx, user, peer.provider.settings)
    await needs.audit.record(tx, {
      source: 'saml',
      name: 'Federate',
      by: userIdentity(user, { createdAt: session.createdAt, mfaAuthenticated: proofs.mfaAt !== undefined }),
      request: requestInfo(ctx),
      parameters: { entityId: peer.provider.entityId, unsolicited: asked.id === undefined },
      response: { nameIdFormat: nameId.format, contextClass: stated, attributes: [...attributes.keys()] },
      resources: [{ ARN: peer.app.arn }],
    })
    return {
      audience: peer.provider.entityId,
      nameId,
      sessionIndex,
      authnInstant: proofs.authTime,
      sessionNotOnOrAfter: session.expiresAt,
      contextClass: stated,
      attributes,
    }
  })
  if (!statement) return answerError(ctx, needs, answering, 'Requester', 'InvalidNameIDPolicy', user)
  const { sign } = peer.provider.settings
  const xml = await writeResponse(answer, statement, sign, needs.keys.active('saml'), encryptFor)
  send(ctx, needs, answering, xml)
}
