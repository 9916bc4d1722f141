/**
 * Signing keys for OIDC and SAML, sealed in the database, published by their public part. Owns the table
 * `signing_key`.
 */
export { openKeys } from './keys.ts'
export { signJwt } from './sign-jwt.ts'
export type { KeyPurpose, Keys, SigningAlg, SigningKey } from './keys.ts'
