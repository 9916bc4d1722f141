import { requestInfo } from '#http'
import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from './library.ts'
import type { OidcNeeds } from './needs.ts'

type ScreenNeeds = Pick<OidcNeeds, 'show'>

/** A hidden field's value in a form that the library made. */
const hidden = (markup: string, name: string): string =>
  new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(markup)?.[1] ??
  new RegExp(`value="([^"]*)"[^>]* name="${name}"`).exec(markup)?.[1] ??
  ''

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const nameOf = (client: { clientName?: string | undefined; clientId: string } | undefined): string =>
  client?.clientName ?? client?.clientId ?? ''

/** Sign-out asked for by an app: the person confirms (OpenID RP-Initiated Logout §2). */
export async function signOutPage(needs: ScreenNeeds, ctx: KoaContextWithOIDC, form: string): Promise<void> {
  const { client } = ctx.oidc
  needs.show(ctx, 'oidc/sign-out', {
    form: { markup: form },
    app: client === undefined ? null : { name: nameOf(client) },
  })
}

/** After sign-out, when the app named no place to go on to. */
export async function signedOutPage(needs: ScreenNeeds, ctx: KoaContextWithOIDC): Promise<void> {
  needs.show(ctx, 'signin/signed-out', { told: [], notTold: [] })
}

/** Where a person types the code that a device shows (RFC 8628 §3.3). */
export async function deviceCodePage(
  needs: ScreenNeeds,
  ctx: KoaContextWithOIDC,
  form: string,
  out?: ErrorOut,
  error?: Error & { readonly userCode?: string | undefined },
): Promise<void> {
  const problem =
    error === undefined
      ? 'none'
      : error.name === 'NoCodeError'
        ? 'missing'
        : error.name === 'AbortedError'
          ? 'stopped'
          : error.userCode === undefined
            ? 'failed'
            : 'wrong'
  needs.show(
    ctx,
    'oidc/device-code',
    {
      action: ctx.oidc.urlFor('code_verification'),
      xsrf: hidden(form, 'xsrf'),
      userCode: error?.userCode ?? '',
      problem,
    },
    out === undefined || ctx.status !== 200 ? ctx.status : 400,
  )
}

/** The code again, with the app and where the device is: the person compares before going on (RFC 8628 §5.4). */
export async function deviceConfirmPage(
  needs: ScreenNeeds,
  ctx: KoaContextWithOIDC,
  form: string,
  client: { clientName?: string | undefined; clientId: string },
  device: Readonly<Record<string, unknown>>,
  userCode: string,
): Promise<void> {
  needs.show(ctx, 'oidc/device-confirm', {
    form: { markup: form },
    app: { name: nameOf(client) },
    userCode,
    device: { ip: text(device['ip']), userAgent: text(device['ua']) },
  })
}

/** The device may go on; the person is done. */
export async function deviceDonePage(needs: ScreenNeeds, ctx: KoaContextWithOIDC): Promise<void> {
  needs.show(ctx, 'oidc/device-done', { app: { name: nameOf(ctx.oidc.client) } })
}

/** What a person reads of the OAuth errors that cannot be sent back to the app. */
const titles: Readonly<Record<string, string>> = {
  invalid_redirect_uri: 'The app sent a wrong return address',
  invalid_client: 'This app is not known here',
  access_denied: 'You have no access',
}

/**
 * The page of an error that no app is told. The code and the library's own description, never its detail or another
 * error's message.
 */
export async function errorPage(
  needs: ScreenNeeds,
  ctx: KoaContextWithOIDC,
  out: ErrorOut,
  error: Error,
): Promise<void> {
  const known = error instanceof errors.OIDCProviderError && error.expose
  const description = typeof out.error_description === 'string' ? out.error_description : ''
  needs.show(
    ctx,
    'http/error',
    {
      title: titles[out.error] ?? (known ? 'The app’s request cannot be answered' : 'Something went wrong'),
      message: known ? `${description} (${out.error})`.trim() : 'The request could not be finished.',
      side: known ? 'request' : 'server',
      requestId: requestInfo(ctx).id,
      action: null,
    },
    ctx.status,
  )
}
