import { randomBytes } from 'node:crypto'
import { hash as argonHash, verify as argonVerify } from '@node-rs/argon2'
import { type Clock, refuse } from '#kernel'

/** argon2id's cost, and how many hashes may run and wait at once. */
export type PasswordHashSettings = {
  readonly memoryKib: number
  readonly passes: number
  /** Hashes that run at the same time: more would starve DNS and files of the thread pool. */
  readonly slots: number
  /** Callers that wait for a slot; one more is refused. */
  readonly queue: number
  readonly waitMilliseconds: number
}

/** Hashing of what people choose. Never on the main thread, never more than `slots` at once. */
export type PasswordHasher = {
  /** The PHC string of a password (argon2id, RFC 9106), after NFKC. */
  hash(password: string): Promise<string>
  /**
   * Whether a password is the one. With no PHC string (an unknown user, a user without a password) it costs the same
   * and says no.
   *
   * @throws Failure throttled crypto/hashing-busy
   */
  verify(phc: string | undefined, password: string): Promise<boolean>
  /** Whether a PHC string was made with other parameters than today's. */
  needsRehash(phc: string): boolean
}

/** NFKC, no trimming, no case folding: what NIST SP 800-63B-4 asks for. */
const normalised = (password: string): string => password.normalize('NFKC')

/**
 * A hasher with its limiter.
 *
 * @param needs `clock` measures how long a caller waited
 */
export async function createPasswordHasher(
  needs: { clock: Clock },
  settings: PasswordHashSettings,
): Promise<PasswordHasher> {
  const options = { memoryCost: settings.memoryKib, timeCost: settings.passes, parallelism: 1, outputLen: 32 }
  const parameters = `$argon2id$v=19$m=${settings.memoryKib},t=${settings.passes},p=1$`
  const limited = limiter(needs.clock, settings)
  const dummy = await argonHash(randomBytes(16).toString('base64'), options)

  return {
    hash: (password) => limited(() => argonHash(normalised(password), options)),
    verify: (phc, password) =>
      limited(async () => {
        const matches = await argonVerify(phc ?? dummy, normalised(password))
        return phc !== undefined && matches
      }),
    needsRehash: (phc) => !phc.startsWith(parameters),
  }
}

function limiter(
  clock: Clock,
  { slots, queue, waitMilliseconds }: PasswordHashSettings,
): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0
  const waiting: { since: number; go(): void; late(): void }[] = []
  const now = () => clock().epochMilliseconds

  const busy = () =>
    refuse(
      'throttled',
      'crypto/hashing-busy',
      'Too many sign-ins at this moment. Try again in a few seconds.',
    )

  async function slot(): Promise<void> {
    if (running < slots) {
      running++
      return
    }
    if (waiting.length >= queue) busy()
    await new Promise<void>((go, reject) => {
      waiting.push({ since: now(), go, late: () => reject(new Error('late')) })
    }).catch(busy)
  }

  function release(): void {
    for (;;) {
      const next = waiting.shift()
      if (next === undefined) {
        running--
        return
      }
      if (now() - next.since <= waitMilliseconds) {
        next.go()
        return
      }
      next.late()
    }
  }

  return async (work) => {
    await slot()
    try {
      return await work()
    } finally {
      release()
    }
  }
}
