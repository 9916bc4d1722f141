import { z } from 'zod'

/** `oidc:` in the settings. */
export const oidcSettings = z.strictObject({
  /** JWT access tokens cannot be revoked, so they never live longer than ten minutes. */
  jwt_access_token_seconds: z.int().min(60).max(600).default(600),
  /** Opaque access tokens die with their session or grant; this is the longest they live. */
  access_token_seconds: z.int().min(60).max(86_400).default(3_600),
  id_token_seconds: z.int().min(60).max(86_400).default(3_600),
  refresh_token_seconds: z.int().min(3_600).max(31_536_000).default(1_209_600),
  /** Hosts (`name` or `name:port`) of apps in the inner network: their keys and logout endpoints may be at private addresses. */
  allowed_hosts: z.array(z.string().min(1)).default([]),
})

export type OidcSettings = z.infer<typeof oidcSettings>
