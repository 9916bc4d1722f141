import type { ServiceProviderSettings } from '#apps'
import type { AuthnRequest } from './authn-request.ts'
import { refuseSaml } from './codes.ts'
import { bindings } from './names.ts'

/** Where the answer goes. `unsupported`: a binding was asked for that we do not offer, which the answer says. */
export type ChosenAcs = { readonly url: string; readonly unsupported: boolean }

type Acs = ServiceProviderSettings['acs'][number]

/**
 * Chooses the assertion consumer service: by index, or by a URL that is registered as exactly this string, or the
 * default (SAML Metadata §2.4.4.1: isDefault, else the first not marked false, else the first).
 *
 * @throws Failure malformed saml/req-conflict, saml/req-acs-index, saml/req-acs
 */
export function chooseAcs(
  settings: ServiceProviderSettings,
  request: Pick<AuthnRequest, 'acsUrl' | 'acsIndex' | 'protocolBinding'>,
): ChosenAcs {
  const { acsUrl, acsIndex, protocolBinding } = request
  if (acsIndex !== undefined && (acsUrl !== undefined || protocolBinding !== undefined))
    refuseSaml('req-conflict', { expected: 'an index, or a URL and a binding' })
  const offered = settings.acs.filter(({ binding }) => binding === 'post')
  if (acsIndex !== undefined) {
    const found = offered.find(({ index }) => index === acsIndex)
    return found ? { url: found.url, unsupported: false } : refuseSaml('req-acs-index', { found: acsIndex })
  }
  if (acsUrl !== undefined && !settings.acs.some(({ url }) => url === acsUrl))
    refuseSaml('req-acs', { expected: offered.map(({ url }) => url), found: acsUrl.slice(0, 200) })
  const isOffered = acsUrl === undefined || offered.some(({ url }) => url === acsUrl)
  const unsupported = !isOffered || (protocolBinding ?? bindings.post) !== bindings.post
  if (acsUrl !== undefined && !unsupported) return { url: acsUrl, unsupported }
  const fallback =
    defaultOf(offered) ?? refuseSaml('req-acs', { expected: 'a registered endpoint by HTTP-POST' })
  return { url: fallback.url, unsupported }
}

const defaultOf = (offered: readonly Acs[]): Acs | undefined =>
  offered.find(({ isDefault }) => isDefault === true) ??
  offered.find(({ isDefault }) => isDefault !== false) ??
  offered[0]

/** The default assertion consumer service of a provider, for answers that nobody asked for. */
export const defaultAcs = (settings: ServiceProviderSettings): string =>
  chooseAcs(settings, { acsUrl: undefined, acsIndex: undefined, protocolBinding: undefined }).url
