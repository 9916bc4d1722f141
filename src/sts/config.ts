import { z } from 'zod'

/** `sts:` in the settings. */
export const stsSettings = z.strictObject({
  /**
   * Hosts (`name` or `name:port`) of OpenID issuers inside your own network: their keys may be fetched from private
   * addresses and by plain http. All other issuers must be public and https.
   */
  allowed_issuer_hosts: z
    .array(z.string().regex(/^[\w.[\]:-]{1,255}$/))
    .max(100)
    .default([]),
  /**
   * Whose role sessions get tokens that services can verify with public keys alone: `sigv4a` those who ask with SigV4A,
   * `always` all, `never` none.
   */
  verifiable_sessions: z.enum(['sigv4a', 'always', 'never']).default('sigv4a'),
})

export type StsSettings = z.infer<typeof stsSettings>
