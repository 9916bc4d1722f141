import type { RequestInfo } from '#http'
import { callerIdentity, demand, type Caller } from '#iam'

import { audited } from './audited.ts'
import type { SignedCaller } from './authenticate.ts'
import type { SessionClaims, SessionPrincipal, Tag } from './claims.ts'
import { federatedEpochId } from './federated-subject.ts'
import { epochsOf, issue, type Issued } from './issue.ts'
import type { StsNeeds } from './needs.ts'
import { checkTags, invalid, readSessionLimits } from './session-limits.ts'
import { refuseTrust } from './trust.ts'

/** GetSessionToken: who asks, and for how long. */
export type SessionTokenRequest = {
  readonly signed: SignedCaller
  readonly from: RequestInfo
  readonly durationSeconds?: number | undefined
  readonly mfa?: { readonly serialNumber: string; readonly code: string } | undefined
  readonly minimumSize?: number | undefined
}

/** GetFederationToken: who asks, for whom, and within which policies. */
export type FederationTokenRequest = Omit<SessionTokenRequest, 'mfa'> & {
  readonly name: string
  readonly policy?: string | undefined
  readonly policyArns?: readonly string[] | undefined
  readonly tags?: readonly Tag[] | undefined
}

/**
 * A session of the caller's own, with the state of the second factor. No permission is needed.
 *
 * STS API, GetSessionToken.
 *
 * @throws Failure forbidden `sts/not-authorized`, `mfa/wrong-code`; malformed `sts/invalid-request`; throttled
 * `mfa/too-many-tries`
 */
export const getSessionToken = (needs: StsNeeds, request: SessionTokenRequest): Promise<Issued> => {
  const { signed, from, durationSeconds, mfa, minimumSize } = request
  const { caller } = signed
  return audited(
    needs,
    {
      name: 'GetSessionToken',
      by: callerIdentity(caller),
      request: from,
      region: signed.region,
      parameters: { durationSeconds, serialNumber: mfa?.serialNumber },
    },
    async () => {
      requireLongTerm(signed, 'GetSessionToken')
      const seconds = secondsFor(caller, durationSeconds)
      if (mfa !== undefined && caller.type !== 'user') {
        return refuseTrust('MultiFactorAuthentication failed: only a user has an MFA device.')
      }
      const shown =
        mfa &&
        (await needs.verifyMfa({ userId: caller.userId, serialNumber: mfa.serialNumber, code: mfa.code }))
      const principal: SessionPrincipal =
        caller.type === 'user' ? { kind: 'user', userId: caller.userId } : { kind: 'root' }
      const issued = issue(
        needs,
        {
          ...bare(needs, signed),
          principal,
          mfaAt: shown?.at,
          tags: [],
          sessionPolicy: undefined,
          sessionPolicyArns: [],
        },
        { seconds, minimumSize },
      )
      return { result: issued, told: { response: responseOf(issued) } }
    },
  )
}

/**
 * A session for somebody else, with the caller's rights within the session policies: none passed means none.
 *
 * STS API, GetFederationToken.
 *
 * @throws Failure forbidden `sts/not-authorized`, `iam/denied`; malformed `sts/invalid-request`,
 * `iam/malformed-policy`, `sts/packed-policy-too-large`
 */
export const getFederationToken = (
  needs: StsNeeds,
  request: FederationTokenRequest,
): Promise<Issued & { readonly federatedUserId: string; readonly arn: string }> => {
  const { signed, from, durationSeconds, name, tags = [], minimumSize } = request
  const { caller } = signed
  return audited(
    needs,
    {
      name: 'GetFederationToken',
      by: callerIdentity(caller),
      request: from,
      region: signed.region,
      parameters: { name, durationSeconds, policy: request.policy, policyArns: request.policyArns, tags },
    },
    async () => {
      requireLongTerm(signed, 'GetFederationToken')
      const seconds = secondsFor(caller, durationSeconds)
      checkTags(tags, [])
      const arn = `arn:aws:sts::${caller.accountId}:federated-user/${name}`
      const context = [
        ['aws:RequestedRegion', signed.region] as const,
        ...tags.map(({ key, value }) => [`aws:RequestTag/${key}`, value] as const),
        ...(tags.length === 0 ? [] : [['aws:TagKeys', tags.map(({ key }) => key)] as const]),
      ]
      for (const action of ['sts:GetFederationToken', ...(tags.length === 0 ? [] : ['sts:TagSession'])]) {
        await demand(needs, { caller, action, resource: { arn }, from, context })
      }
      const own = bare(needs, signed)
      const issued = issue(
        needs,
        {
          ...own,
          principal: {
            kind: 'federated-user',
            name,
            ...(caller.type === 'user' ? { userId: caller.userId } : {}),
          },
          epochs: epochsOf(needs, own.epochs, [['federated', federatedEpochId({ federatedUserArn: arn })]]),
          mfaAt: undefined,
          tags,
          ...(await readSessionLimits(needs, caller.accountId, request)),
        },
        { seconds, minimumSize },
      )
      const federatedUserId = `${caller.accountId}:${name}`
      return {
        result: { ...issued, federatedUserId, arn },
        told: { response: { ...responseOf(issued), federatedUser: { federatedUserId, arn } } },
      }
    },
  )
}

/** What both kinds of session share. */
const bare = (
  needs: StsNeeds,
  { caller, accessKeyId }: SignedCaller,
): Pick<
  SessionClaims,
  'accountId' | 'epochs' | 'transitiveTagKeys' | 'federatedContext' | 'chainDepth' | 'sourceIdentity'
> => ({
  accountId: caller.accountId,
  epochs: epochsOf(
    needs,
    [],
    [
      ['account', caller.accountId],
      ['key', accessKeyId],
      ...(caller.type === 'user' ? [['user', caller.userId] as const] : []),
    ],
  ),
  transitiveTagKeys: [],
  federatedContext: [],
  chainDepth: 0,
  sourceIdentity: undefined,
})

function requireLongTerm({ session }: SignedCaller, operation: string): void {
  if (session !== undefined) refuseTrust(`Cannot call ${operation} with session credentials`)
}

/** Twelve hours for a user, one for root, unless asked otherwise. */
function secondsFor({ type }: Caller, asked: number | undefined): number {
  const most = type === 'root' ? 3_600 : 129_600
  if (asked !== undefined && asked > most) {
    invalid(
      `1 validation error detected: Value '${asked}' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to ${most}`,
    )
  }
  return asked ?? (type === 'root' ? 3_600 : 43_200)
}

const responseOf = ({ credentials }: Issued): object => ({
  credentials: { accessKeyId: credentials.accessKeyId, expiration: credentials.expiration.toString() },
})
