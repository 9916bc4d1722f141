import { generate } from 'otplib'

import type { Database } from '#database'
import type { User } from '#directory'
import { addTotp, newTotpSeed } from '#mfa'

/** An authenticator app of a user, at the test's clock. */
export async function authenticator(
  database: Database,
  needs: Parameters<typeof addTotp>[1],
  user: User,
): Promise<{ serialNumber: string; code: () => Promise<string> }> {
  const seed = newTotpSeed()
  const { serialNumber } = await addTotp(database, needs, { user, seed })
  return {
    serialNumber,
    code: () =>
      generate({ secret: seed.reveal(), epoch: Math.floor(needs.clock().epochMilliseconds / 1000) }),
  }
}
