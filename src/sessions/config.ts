import { z } from 'zod'

/** `sessions:` in the settings. */
export const sessionSettings = z.strictObject({
  /** The longest a browser stays signed in. */
  absolute_seconds: z.int().min(300).max(86_400).default(43_200),
  /** Without a request for this long, it is over earlier. */
  idle_seconds: z.int().min(60).max(86_400).default(3_600),
  /** How long a node may have heard nothing of revocations before it asks the database, or refuses. */
  revocation_bound_seconds: z.int().min(1).max(60).default(5),
})

export type SessionSettings = z.infer<typeof sessionSettings>
