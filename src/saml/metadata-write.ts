import type { SigningKey } from '#keys'
import { element } from '#xml'
import { bindings, nameIdFormats, ns } from './names.ts'
import { keyInfo, newId, signElement, timeText } from './sign.ts'
import type { SamlUrls } from './urls.ts'

/** A peer may keep our metadata this long without asking again. */
const validity = Temporal.Duration.from({ hours: 24 * 7 })

/**
 * Our metadata as identity provider (SAML Metadata §2.4.3), in the schema's order and signed with its own key.
 *
 * Every published signing key is in it, the next one too, so that peers know it before it is used.
 *
 * @param keys all published SAML keys; the active first
 */
export async function writeMetadata(
  urls: SamlUrls,
  keys: readonly SigningKey[],
  metadataKey: SigningKey,
  now: Temporal.Instant,
): Promise<string> {
  const both = (name: string, location: string) =>
    [bindings.redirect, bindings.post].map((binding) =>
      element(name, { Binding: binding, Location: location }),
    )
  const template = element(
    'md:EntityDescriptor',
    { ID: newId(), entityID: urls.entityId, validUntil: timeText(now.add(validity)), cacheDuration: 'PT6H' },
    element(
      'md:IDPSSODescriptor',
      // Whether an app must sign is registered per app, so we cannot ask it of all.
      { WantAuthnRequestsSigned: 'false', protocolSupportEnumeration: ns.samlp },
      ...keys.map(({ certificate }) =>
        element(
          'md:KeyDescriptor',
          { use: 'signing' },
          certificate === undefined ? undefined : keyInfo(certificate),
        ),
      ),
      ...both('md:SingleLogoutService', urls.slo),
      ...[nameIdFormats.persistent, nameIdFormats.transient, nameIdFormats.emailAddress].map((format) =>
        element('md:NameIDFormat', {}, format),
      ),
      ...both('md:SingleSignOnService', urls.sso),
    ),
  )
  const { canonical } = await signElement(template, metadataKey, 0)
  return `<?xml version="1.0" encoding="UTF-8"?>\n${canonical}\n`
}
