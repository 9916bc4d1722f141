import { z } from 'zod'

/** `gateway:` in the settings. */
export const gatewaySettings = z.strictObject({
  /** The port of the gateway; 0: there is none. */
  port: z.int().min(0).max(65_535).default(0),
  /** How long a client or an app behind may say nothing in the middle of a request. */
  idle_seconds: z.int().min(1).max(3_600).default(60),
})

export type GatewaySettings = z.infer<typeof gatewaySettings>
