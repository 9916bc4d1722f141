import { z } from 'zod'

/** `federation:` in the settings. */
export const federationSettings = z.strictObject({
  /** Hosts (`name` or `name:port`) of upstreams in the inner network: plain http and private addresses are allowed there. */
  allowed_hosts: z.array(z.string().min(1)).default([]),
})

export type FederationSettings = z.infer<typeof federationSettings>
