import type { Context } from 'koa'
import { refuse } from '#kernel'
import type { CookieJar } from './cookies.ts'
import { type Form, readForm } from './readers.ts'

/** Cross-site request forgery: every form of ours carries a token, and every state change proves it. */
export type FormGuard = {
  /**
   * The token for a form's hidden field `_csrf`, bound to this browser and to what the form is for.
   *
   * @param binding another secret of this browser than its id, where each tab has its own
   */
  token(ctx: Context, purpose: string, binding?: string): string
  /**
   * Reads a posted form and proves that our own page sent it: Sec-Fetch-Site, Origin and token.
   *
   * @throws Failure forbidden http/cross-site, forbidden http/form-token
   */
  read(ctx: Context, purpose: string, options?: { limit?: number; binding?: string }): Promise<Form>
}

/**
 * @param needs `mac` is the vault's; `equal` compares in constant time; `publicUrl` is the one origin we believe
 */
export function formGuard(needs: {
  jar: CookieJar
  publicUrl: URL
  mac(label: string, text: string): string
  equal(left: string, right: string): boolean
}): FormGuard {
  const tokenFor = (browser: string, purpose: string) => needs.mac('form', `${browser}\n${purpose}`)
  return {
    token: (ctx, purpose, binding = needs.jar.browser(ctx)) => tokenFor(binding, purpose),
    async read(ctx, purpose, options) {
      const site = ctx.get('sec-fetch-site')
      const origin = ctx.get('origin')
      // Under our Referrer-Policy, no-referrer, a browser sends `Origin: null` from our own pages too (Fetch §3.2). What a
      // sandboxed frame sends looks the same, but is cross-site.
      const isOurs =
        origin === '' || origin === needs.publicUrl.origin || (origin === 'null' && site === 'same-origin')
      if ((site !== '' && site !== 'same-origin' && site !== 'none') || !isOurs)
        refuse('forbidden', 'http/cross-site', 'This form was sent from another site.', { site, origin })
      const form = await readForm(ctx, options)
      const browser = options?.binding ?? needs.jar.read(ctx, 'browser') ?? ''
      if (browser === '' || !needs.equal(form.get('_csrf') ?? '', tokenFor(browser, purpose)))
        refuse(
          'forbidden',
          'http/form-token',
          'This form is too old, or cookies are blocked. Go back, reload the page and send it again.',
        )
      return form
    },
  }
}
