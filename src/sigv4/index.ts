/**
 * AWS Signature Version 4, with a shared secret (SigV4) or a key pair derived from it (SigV4A): the canonical form of a request, signing it (header and presigned), and verifying it in
 * three steps, so that the expensive look-up of a secret comes after the cheap checks:
 * `parseAuthorization` → `checkFreshness` → (the caller finds the secret) → `verifySignature`.
 *
 * A pure engine: no I/O, no clock, no tables. Specification: the AWS General Reference, "Signature Version 4 signing
 * process"; what real clients send is recorded in the tests.
 */
export { parseAuthorization } from './authorization.ts'
export type { Authorization, SigningAlgorithm } from './authorization.ts'
export { checkFreshness } from './freshness.ts'
export type { FreshnessRules } from './freshness.ts'
export { parseX509Authorization, verifyX509Signature } from './x509.ts'
export { verifySignature } from './verify.ts'
export type { VerifyRules } from './verify.ts'
export { canonicalRequest } from './canonical.ts'
export { encodePath, encodeRfc3986, queryPairs } from './encoding.ts'
export { lowerCase, payloadHash } from './request.ts'
export { chunkChain, chunkVerifier } from './chunks.ts'
export type { ChunkChain, ChunkVerifier } from './chunks.ts'
export type { Body, HeaderPairs, SignableRequest } from './request.ts'
export { hmacSha256 } from './hmac.ts'
export type { Mac } from './hmac.ts'
export { dayKeyCache, signingKey } from './signing-key.ts'
export type { DayKeyCache } from './signing-key.ts'
export { sigv4aJwk, sigv4aKey, sigv4aPublicKey } from './sigv4a-key.ts'
export type { Sigv4aKey } from './sigv4a-key.ts'
export { signHeadersV4a } from './sign-v4a.ts'
export { presign, signHeaders } from './sign.ts'
export type { SigningCredentials, SigningScope } from './sign.ts'
