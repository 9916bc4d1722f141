import type { RequestInfo } from '#http'
import { callerIdentity, type UserCaller } from '#iam'

import { audited } from './audited.ts'
import { epochsOf, issue, type Issued } from './issue.ts'
import type { StsNeeds } from './needs.ts'

/**
 * A session of the user's own from a sign-in in a browser (`aws login`): what GetSessionToken gives for a long-term key,
 * with the second factor of that sign-in. Audited.
 *
 * @param request `family`: the sessions it is taken from; it ends when one of them is revoked
 */
export const beginUserSession = (
  needs: StsNeeds,
  request: {
    readonly by: UserCaller
    readonly family: readonly string[]
    readonly from: RequestInfo
    readonly seconds: number
  },
): Promise<Issued> => {
  const { by, family, from, seconds } = request
  return audited(
    needs,
    {
      name: 'GetSessionToken',
      by: callerIdentity(by),
      request: from,
      parameters: { durationSeconds: seconds },
    },
    async () => {
      const issued = issue(
        needs,
        {
          accountId: by.accountId,
          principal: { kind: 'user', userId: by.userId },
          epochs: epochsOf(
            needs,
            [],
            [
              ['account', by.accountId],
              ['user', by.userId],
              ...family.map((each) => ['session', each] as const),
            ],
          ),
          tags: [],
          transitiveTagKeys: [],
          sessionPolicy: undefined,
          sessionPolicyArns: [],
          mfaAt: by.mfaAt,
          federatedContext: [],
          chainDepth: 0,
        },
        { seconds },
      )
      const { accessKeyId, expiration } = issued.credentials
      return {
        result: issued,
        told: { response: { credentials: { accessKeyId, expiration: expiration.toString() } } },
      }
    },
  )
}
