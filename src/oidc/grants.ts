import type { Database } from '#database'
import { randomId } from '#kernel'
import type { BrowserSession, Epochs } from '#sessions'
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { isRevoked, newGrantId, personClaims, scopes } from './account.ts'
import type { Browser } from './browser.ts'
import type { Clients } from './clients.ts'
import { type Consent, findConsent } from './consent.ts'
import type { Provider } from './library.ts'
import { participate, participationsOf } from './participation.ts'

/** What a grant is made from. */
export type GrantNeeds = {
  readonly database: Database
  readonly epochs: Epochs
  readonly clients: Clients
  readonly browser: Browser
}

type Providing = InstanceType<typeof Provider>

const everything: Consent = { scopes: [...scopes], claims: [...personClaims] }

/**
 * The grant by which a client is answered without asking anybody: our own apps are granted every scope (a token still
 * holds only what was requested), an app that asks for consent what the user allowed it before.
 */
export async function loadExistingGrant(
  needs: GrantNeeds,
  ctx: KoaContextWithOIDC,
): Promise<Grant | undefined> {
  const { client, account, session, provider } = ctx.oidc
  const browser = await needs.browser(ctx)
  if (client === undefined || account === undefined || session === undefined || browser === undefined)
    return undefined
  if (browser.userId !== account.accountId) return undefined
  const known = await needs.clients.find(client.clientId)
  if (known === undefined) return undefined
  const allowed = known.consent
    ? await findConsent(needs.database, browser.userId, client.clientId)
    : everything
  if (allowed === undefined) return undefined

  const { grant, sid } = await grantFor(needs, provider, browser, client.clientId, allowed)
  session.sidFor(client.clientId, sid)
  session.grantIdFor(client.clientId, grant.jti)
  return grant
}

/** The one grant of a browser session and a client; made when there is none or the old one is dead. */
async function grantFor(
  needs: GrantNeeds,
  provider: Providing,
  browser: BrowserSession,
  clientId: string,
  allowed: Consent,
): Promise<{ readonly grant: Grant; readonly sid: string }> {
  const present = (await participationsOf(needs.database, browser.family)).find(
    (each) => each.clientId === clientId,
  )
  if (present !== undefined && !isRevoked(needs.epochs, browser.userId, present.grantId)) {
    const grant = await provider.Grant.find(present.grantId)
    if (grant !== undefined) {
      if (!covers(grant, allowed)) {
        allow(grant, allowed)
        await grant.save()
      }
      return { grant, sid: present.sid }
    }
  }
  const grant = new provider.Grant({
    jti: newGrantId(needs.epochs, browser.userId),
    accountId: browser.userId,
    clientId,
  } as unknown as ConstructorParameters<typeof provider.Grant>[0])
  allow(grant, allowed)
  await grant.save()
  const settled = await participate(needs.database, {
    family: browser.family,
    clientId,
    userId: browser.userId,
    grantId: grant.jti,
    sid: randomId(),
    expiresAt: browser.expiresAt,
    replaces: present?.grantId,
  })
  if (settled.grantId === grant.jti) return { grant, sid: settled.sid }
  // Another tab was first: go on by its grant.
  await grant.destroy()
  const winner = await provider.Grant.find(settled.grantId)
  if (winner === undefined) throw new Error('The grant of a participation is gone.')
  return { grant: winner, sid: settled.sid }
}

function allow(grant: Grant, allowed: Consent): void {
  grant.addOIDCScope(allowed.scopes.join(' '))
  grant.addOIDCClaims([...allowed.claims])
}

function covers(grant: Grant, allowed: Consent): boolean {
  const granted = new Set(grant.getOIDCScope().split(' '))
  const claims = new Set(grant.getOIDCClaims())
  return allowed.scopes.every((each) => granted.has(each)) && allowed.claims.every((each) => claims.has(each))
}
