/**
 * SAML 2.0: the gate that every inbound message passes, what STS needs of an assertion, metadata, and the identity
 * provider for apps. Owns the tables `saml_request`, `saml_seen`, `saml_participant` and `saml_name_id`.
 *
 * URLs: `/saml/metadata`, `/saml/sso`, `/saml/continue/:id`, `/saml/slo`, `/saml/launch/:appId`.
 *
 * Sources: SAML 2.0 Core, Bindings, Profiles, Metadata (with errata), XML Signature, RFC 9231.
 */
export type { SamlCode } from './codes.ts'
export type { SamlNeeds } from './idp-needs.ts'
export { parseIdpMetadata, parseSpMetadata } from './metadata.ts'
export type { Endpoint, IdpMetadata, IndexedEndpoint, MetadataOptions, SpMetadata } from './metadata.ts'
export { cachedMetadataReader, verifyStsAssertion } from './sts-assertion.ts'
export type { StsAssertion, StsAssertionNeeds, StsAssertionRequest } from './sts-assertion.ts'
export { leaveApps, userOfNameId } from './own-sessions.ts'
export type { SamlPages } from './pages.ts'
export { createSamlIdp, launchPurpose } from './routes.ts'
export type { SamlIdp } from './routes.ts'
export type { SamlRequirement, SamlSignIn, SamlSignInResult } from './sign-in.ts'
export { sweepSaml } from './sweep.ts'
export { samlUrls } from './urls.ts'
export type { SamlUrls } from './urls.ts'
