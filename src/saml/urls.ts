/** Our own SAML addresses. The entityID is the metadata's URL and never changes. */
export type SamlUrls = {
  readonly entityId: string
  readonly sso: string
  readonly slo: string
}

/** The addresses under a public URL. */
export const samlUrls = (publicUrl: URL): SamlUrls => ({
  entityId: new URL('/saml/metadata', publicUrl).href,
  sso: new URL('/saml/sso', publicUrl).href,
  slo: new URL('/saml/slo', publicUrl).href,
})
