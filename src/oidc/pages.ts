import type { HttpPages } from '#http'
import type { SigninPages } from '#signin'

/** A form of oidc-provider's own making, with its token: our buttons belong to it by the `form` attribute. */
export type LibraryForm = { readonly markup: string }

/** The pages that the OpenID provider renders, and what each is given. */
export type OidcPages = {
  'oidc/consent': {
    readonly action: string
    readonly csrf: string
    readonly app: { readonly name: string }
    readonly userName: string
    /** Message ids under `consent.scope-`; what a person reads of each scope. */
    readonly scopes: readonly ('openid' | 'profile' | 'email' | 'groups' | 'offline_access')[]
    /** Single claims asked for by name. */
    readonly claims: readonly string[]
  }
  'oidc/device-code': {
    readonly action: string
    readonly xsrf: string
    readonly userCode: string
    readonly problem: 'none' | 'missing' | 'wrong' | 'stopped' | 'failed'
  }
  'oidc/device-confirm': {
    readonly form: LibraryForm
    readonly app: { readonly name: string }
    readonly userCode: string
    readonly device: { readonly ip: string; readonly userAgent: string }
  }
  'oidc/device-done': { readonly app: { readonly name: string } }
  'oidc/sign-out': { readonly form: LibraryForm; readonly app: { readonly name: string } | null }
  'signin/go': SigninPages['signin/go']
  'signin/signed-out': SigninPages['signin/signed-out']
  'http/error': HttpPages['http/error']
}
