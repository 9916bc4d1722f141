import { z } from 'zod'

/** `command_line:` in the settings. */
export const commandLineSettings = z.strictObject({
  /** An access token of `aws sso login`. The AWS CLI counts one as expired 15 minutes early: an hour at least. */
  portal_token_seconds: z.int().min(3_600).max(86_400).default(28_800),
  /** How long after a sign-in in the browser a command line may renew what it has. */
  session_seconds: z.int().min(3_600).max(7_776_000).default(43_200),
})

export type CommandLineSettings = z.infer<typeof commandLineSettings>
