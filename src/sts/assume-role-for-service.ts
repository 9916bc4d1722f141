import type { RequestInfo } from '#http'
import type { ContextValue } from '#policy'

import { responseOf, type IssuedRoleSession } from './assume-role.ts'
import { audited } from './audited.ts'
import { roleSessionArn } from './callers.ts'
import type { SessionClaims, Tag } from './claims.ts'
import { federatedEpochId, type FederatedSubject } from './federated-subject.ts'
import { epochsOf, issue } from './issue.ts'
import type { StsNeeds } from './needs.ts'
import { checkTags, isSessionName, invalid, readSessionLimits, roleSessionSeconds } from './session-limits.ts'
import { requireTrust } from './trust.ts'

/** A service of ours takes a role for somebody whom it has proven by its own means. */
export type ServiceAssumption = {
  /** As trust policies name it: `rolesanywhere.amazonaws.com`. */
  readonly service: string
  readonly from: RequestInfo
  readonly region?: string | undefined
  readonly roleArn: string
  readonly sessionName: string
  readonly durationSeconds?: number | undefined
  readonly policy?: string | undefined
  readonly policyArns?: readonly string[] | undefined
  readonly tags: readonly Tag[]
  /** Keys of tags that the session hands on to roles that it takes; none where nothing is said. */
  readonly transitiveTagKeys?: readonly string[] | undefined
  readonly sourceIdentity?: string | undefined
  /** Condition keys that the service knows. */
  readonly context: readonly (readonly [string, ContextValue | undefined])[]
  /** For whom, so that one alone can be ended. */
  readonly subject: FederatedSubject
  /** Further things whose revocation ends the session (ids of kind `session`). */
  readonly family: readonly string[]
}

/**
 * Takes a role by the trust policy's word for a service. Audited, also when refused.
 *
 * @throws Failure forbidden `sts/not-authorized`; malformed `sts/invalid-request`, `sts/packed-policy-too-large`,
 * `iam/malformed-policy`
 */
export const assumeRoleForService = (
  needs: StsNeeds,
  request: ServiceAssumption,
): Promise<IssuedRoleSession> => {
  const { service, from, region, roleArn, sessionName, tags, sourceIdentity, context } = request
  const transitiveTagKeys = request.transitiveTagKeys ?? []
  return audited(
    needs,
    {
      name: 'AssumeRole',
      by: { type: 'AWSService', invokedBy: service },
      request: from,
      region,
      parameters: {
        roleArn,
        roleSessionName: sessionName,
        durationSeconds: request.durationSeconds,
        tags,
        sourceIdentity,
      },
      resources: [{ ARN: roleArn, type: 'AWS::IAM::Role' }],
    },
    async () => {
      if (!isSessionName(sessionName)) invalid(`The role session name ${sessionName} is not valid.`)
      checkTags(tags, transitiveTagKeys)
      const role = await requireTrust(needs, {
        by: { service },
        role: await needs.findRole(roleArn),
        action: 'sts:AssumeRole',
        from,
        region,
        sessionName,
        tags,
        transitiveTagKeys,
        sourceIdentity,
        context,
        refusal: (action) => `${service} is not authorized to perform: ${action} on resource: ${roleArn}`,
      })
      const claims: Omit<SessionClaims, 'issuedAt' | 'expiresAt'> = {
        accountId: role.accountId,
        principal: { kind: 'role', roleId: role.roleId, roleName: role.name, sessionName },
        epochs: epochsOf(
          needs,
          [],
          [
            ['account', role.accountId],
            ['role', role.roleId],
            ['federated', federatedEpochId(request.subject)],
            ...request.family.map((each) => ['session', each] as const),
          ],
        ),
        sourceIdentity,
        tags,
        transitiveTagKeys,
        ...(await readSessionLimits(needs, role.accountId, request)),
        mfaAt: undefined,
        federatedContext: [],
        chainDepth: 0,
      }
      const seconds = roleSessionSeconds(request.durationSeconds, {
        maxSessionSeconds: role.maxSessionSeconds,
        chained: false,
      })
      const result: IssuedRoleSession = {
        ...issue(needs, claims, { seconds }),
        role,
        assumedRoleId: `${role.roleId}:${sessionName}`,
        arn: roleSessionArn(role, sessionName),
      }
      return { result, told: { response: responseOf(result) } }
    },
  )
}
