import { contentSecurityPolicy } from '#http'
import type { Context, Pages } from '#http'
import type { SamlPages } from './pages.ts'

/** Answers with the page that posts a message to an app. */
export function deliverByPost(ctx: Context, pages: Pages, post: SamlPages['saml/post']): void {
  const target = new URL(post.action)
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw new Error('not a place to post to')
  // The app may redirect on from its ACS, and Chromium holds the whole chain against form-action: any https is fine.
  ctx.set('Content-Security-Policy', contentSecurityPolicy({ formAction: `${target.origin} https:` }))
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'text/html'
  ctx.body = pages.render('saml/post', post)
}
