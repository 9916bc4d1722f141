import { z } from 'zod'

/** `sessions:` in the settings. */
export const sessionSettings = z.strictObject({
  /** The longest a browser stays signed in. */
  absolute_seconds: z.int().min(300).max(86_400).default(43_200),
  /** Without a request for this long, it is over earlier. */
  idle_seconds: z.int().min(60).max(86_400).default(3_600),
})

export type SessionSettings = z.infer<typeof sessionSettings>
