import type { Context, Middleware } from 'koa'
import { statusOf, type Wire } from './answering.ts'
import { languageOf } from './language.ts'
import type { HttpPages, Pages, Render } from './pages.ts'
import { requestInfo } from './request.ts'

/** Refusals as pages: what happened, whose side it is on, the request id, one way on. */
export function htmlWire(pages: Pages): Wire {
  const render: Render<HttpPages> = (name, props, shell) => pages.render(name, props, shell)
  const show = (ctx: Context, side: 'request' | 'server', message: string) => {
    const language = languageOf(ctx, pages.messages)
    const t = pages.messages.translate(language)
    sendPage(
      ctx,
      render(
        'http/error',
        {
          title: t('error.title'),
          message,
          side,
          requestId: requestInfo(ctx).id,
          action: { href: '/', label: t('error.home') },
        },
        { language, theme: 'system' },
      ),
    )
  }
  return {
    refuse(ctx, failure) {
      ctx.status = statusOf[failure.kind]
      if (failure.kind === 'throttled') ctx.set('Retry-After', '5')
      const id = `problem.${failure.reason}`
      const t = pages.messages.translate(languageOf(ctx, pages.messages))
      const message = pages.messages.has(id) ? t(id) : failure.message
      show(ctx, failure.kind === 'unavailable' ? 'server' : 'request', message)
    },
    crash(ctx) {
      ctx.status = 500
      const t = pages.messages.translate(languageOf(ctx, pages.messages))
      show(ctx, 'server', t('error.crash'))
    },
  }
}

/** Sends a page: never cached, since every page is somebody's. */
export function sendPage(ctx: Context, html: string): void {
  ctx.type = 'text/html'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = html
}

/** The last middleware: nothing answered, so there is no such page. JSON for those who do not read HTML. */
export const notFound =
  (pages: Pages): Middleware =>
  (ctx) => {
    ctx.status = 404
    if (ctx.accepts('html', 'json') === 'html') {
      const props: HttpPages['http/not-found'] = { requestId: requestInfo(ctx).id }
      sendPage(
        ctx,
        pages.render('http/not-found', props, { language: languageOf(ctx, pages.messages), theme: 'system' }),
      )
    } else {
      ctx.type = 'application/problem+json'
      ctx.body = JSON.stringify({
        title: 'There is nothing here.',
        status: 404,
        code: 'http/not-found',
        request_id: requestInfo(ctx).id,
      })
    }
  }

/**
 * A browser that opened another name than PUBLIC_URL would lose its cookies and be refused by its own forms: say so
 * instead. Only pages are checked; programs say what they mean.
 */
export const publicHostOnly = (pages: Pages, publicUrl: URL): Middleware => {
  return async (ctx, next) => {
    const isPage = ctx.method === 'GET' && ctx.get('accept').includes('text/html')
    if (!isPage || ctx.host === publicUrl.host) return next()
    const language = languageOf(ctx, pages.messages)
    const t = pages.messages.translate(language)
    const props: HttpPages['http/error'] = {
      title: t('error.other-host-title'),
      message: t('error.other-host', { opened: ctx.host, set: publicUrl.origin }),
      side: 'request',
      requestId: requestInfo(ctx).id,
      action: { href: `${publicUrl.origin}/`, label: t('error.other-host-open', { set: publicUrl.origin }) },
    }
    ctx.status = 421
    sendPage(ctx, pages.render('http/error', props, { language, theme: 'system' }))
  }
}
