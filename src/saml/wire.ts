import { nobody } from '#audit'
import type { Audit } from '#audit'
import { requestInfo } from '#http'
import type { Context, Pages, Wire } from '#http'
import type { Failure, FailureKind } from '#kernel'

const statusOf: Readonly<Record<FailureKind, number>> = {
  malformed: 400,
  unauthenticated: 403,
  forbidden: 403,
  'not-found': 404,
  conflict: 400,
  expired: 400,
  throttled: 429,
  unavailable: 503,
}

/** Longest explanation in an audit event, in characters of JSON. */
const maxExplanation = 2_000

/**
 * How this slice says no in a browser: one page with the code and the request id, nothing of the message and no
 * redirect anywhere. Why stands in the audit event.
 */
export function samlWire(needs: { readonly pages: Pages; readonly audit: Audit }): Wire {
  const page = (ctx: Context, status: number, title: string, message: string): void => {
    ctx.status = status
    ctx.set('Cache-Control', 'no-store')
    ctx.type = 'text/html'
    ctx.body = needs.pages.render('http/error', {
      title,
      message,
      side: status < 500 ? 'request' : 'server',
      requestId: requestInfo(ctx).id,
      action: null,
    })
  }
  const t = needs.pages.messages.translate('en')
  return {
    async refuse(ctx, failure) {
      page(
        ctx,
        statusOf[failure.kind],
        t('saml.refused-title'),
        t('saml.refused-text', { code: failure.reason }),
      )
      await needs.audit.recordSoon({
        source: 'saml',
        name: ctx.path.startsWith('/saml/slo') ? 'Logout' : 'Federate',
        by: nobody,
        request: requestInfo(ctx),
        error: { code: failure.reason, message: failure.message },
        additional: { explanation: explain(failure) },
      })
    },
    crash(ctx) {
      page(ctx, 500, t('error.title'), t('saml.crashed-text'))
    },
  }
}

const explain = ({ detail }: Failure): string => JSON.stringify(detail ?? {}).slice(0, maxExplanation)
