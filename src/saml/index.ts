/**
 * SAML 2.0: the gate that every inbound message passes, what STS needs of an assertion, and metadata. Tables:
 * saml_request, saml_seen, saml_participant, saml_name_id.
 *
 * Sources: SAML 2.0 Core, Bindings, Profiles, Metadata (with errata), XML Signature, RFC 9231.
 */
export type { SamlCode } from './codes.ts'
export { parseIdpMetadata, parseSpMetadata } from './metadata.ts'
export type { Endpoint, IdpMetadata, IndexedEndpoint, MetadataOptions, SpMetadata } from './metadata.ts'
export { cachedMetadataReader, verifyStsAssertion } from './sts-assertion.ts'
export type { StsAssertion, StsAssertionNeeds, StsAssertionRequest } from './sts-assertion.ts'
