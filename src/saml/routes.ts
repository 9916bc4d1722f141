import { answering, limitByAddress, readRaw, Router } from '#http'
import type { Context, Middleware } from '#http'
import { refuseSaml } from './codes.ts'
import type { IdpNeeds, SamlNeeds } from './idp-needs.ts'
import { writeMetadata } from './metadata-write.ts'
import { keyCache } from './pinned-keys.ts'
import type { SamlSignInResult } from './sign-in.ts'
import { receiveLogoutRequest } from './slo.ts'
import { continueRequest, launch, receiveAuthnRequest, resumeRequest } from './sso.ts'
import { readPostBinding, readRedirectBinding } from './transport.ts'
import type { TransportedMessage } from './transport.ts'
import { samlUrls } from './urls.ts'
import { samlWire } from './wire.ts'

/** The identity provider, ready to be mounted. */
export type SamlIdp = {
  readonly router: Router
  /** Where a browser goes on after a sign-in that this slice began (kind `saml`). */
  readonly resume: (reference: string, result: SamlSignInResult) => Promise<string>
}

/** What the launch form of the portal is for, in its token: one per app. */
export const launchPurpose = (appId: string): string => `saml-launch ${appId}`

/** Longest form body: a message of 64 KiB in base64, escaped, and a RelayState. */
const maxBody = 300_000

/** Makes the identity provider's routes. */
export function createSamlIdp(given: SamlNeeds): SamlIdp {
  const needs: IdpNeeds = { ...given, urls: samlUrls(given.publicUrl), keysOf: keyCache() }
  const router = new Router({ prefix: '/saml' })
  const byQuery = (ctx: Context): TransportedMessage => readRedirectBinding(ctx.querystring)
  const byForm = async (ctx: Context): Promise<TransportedMessage> => {
    if (ctx.is('application/x-www-form-urlencoded') !== 'application/x-www-form-urlencoded')
      refuseSaml('in-binding')
    return readPostBinding(await readRaw(ctx, maxBody))
  }
  const sso = async (ctx: Context, message: TransportedMessage): Promise<void> => {
    if (message.kind !== 'SAMLRequest') refuseSaml('in-binding', { found: message.kind })
    await receiveAuthnRequest(ctx, needs, message)
  }
  const slo = async (
    ctx: Context,
    message: TransportedMessage,
    binding: 'post' | 'redirect',
  ): Promise<void> => {
    // We ask nobody to log out yet, so an answer to that is an answer to nothing.
    if (message.kind !== 'SAMLRequest') refuseSaml('slo-unsolicited')
    await receiveLogoutRequest(ctx, needs, message, binding)
  }

  router.use(answering(samlWire(needs)), limitByAddress({ points: 300, seconds: 60 }))
  router
    .get('/metadata', metadata(needs))
    .get('/sso', async (ctx) => sso(ctx, byQuery(ctx)))
    .post('/sso', async (ctx) => sso(ctx, await byForm(ctx)))
    .get('/slo', async (ctx) => slo(ctx, byQuery(ctx), 'redirect'))
    .post('/slo', async (ctx) => slo(ctx, await byForm(ctx), 'post'))
    .get('/continue/:id', async (ctx) => continueRequest(ctx, needs, ctx.params['id'] ?? ''))
    .post('/launch/:appId', async (ctx) => {
      const appId = ctx.params['appId'] ?? ''
      const form = await needs.guard.read(ctx, launchPurpose(appId))
      await launch(ctx, needs, { appId, relayState: form.get('relay_state') })
    })
  return {
    router,
    resume: (reference, result) => resumeRequest(needs, reference, result),
  }
}

/** Our metadata, signed anew when a key changed and every hour. */
function metadata(needs: IdpNeeds): Middleware {
  let kept: { readonly xml: string; readonly keys: string; readonly until: Temporal.Instant } | undefined
  return async (ctx) => {
    const now = needs.clock()
    const [signing, own] = [needs.keys.list('saml'), needs.keys.active('saml-metadata')]
    const keys = [...signing, own].map(({ kid }) => kid).join(' ')
    if (kept?.keys !== keys || Temporal.Instant.compare(kept.until, now) <= 0)
      kept = { xml: await writeMetadata(needs.urls, signing, own, now), keys, until: now.add({ hours: 1 }) }
    ctx.type = 'application/samlmetadata+xml'
    ctx.set('Cache-Control', 'public, max-age=3600')
    ctx.body = kept.xml
  }
}
