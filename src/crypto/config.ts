import { z } from 'zod'
import type { PasswordHashSettings } from './passwords.ts'

/** `passwords:` in the settings: what one hash costs (argon2id, RFC 9106) and how many run at once. */
export const passwordSettings = z.strictObject({
  /** Memory of one hash, in KiB. */
  memory_kib: z.int().min(19_456).max(1_048_576).default(65_536),
  /** Passes over that memory. */
  passes: z.int().min(2).max(10).default(3),
  /** Hashes at the same time. */
  slots: z.int().min(1).max(64).default(2),
})

export type PasswordSettings = z.infer<typeof passwordSettings>

/** The settings as the hasher takes them, with the bounds of its queue: 50 callers, two seconds. */
export const passwordHashing = (settings: PasswordSettings): PasswordHashSettings => ({
  memoryKib: settings.memory_kib,
  passes: settings.passes,
  slots: settings.slots,
  queue: 50,
  waitMilliseconds: 2_000,
})
