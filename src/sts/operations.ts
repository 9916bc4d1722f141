import {
  readInput,
  sts,
  writeJson,
  writeXml,
  type InputOf,
  type OperationName,
  type OutputOf,
  type ParameterNode,
} from '#aws-wire'
import { findAccessKey } from '#directory'
import type { RequestInfo } from '#http'
import { callerIdentity, demand } from '#iam'

import { assumeRole } from './assume-role.ts'
import { assumeRoleWithSaml } from './assume-role-with-saml.ts'
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts'
import { audited } from './audited.ts'
import type { SignedCaller } from './authenticate.ts'
import { decodeAuthorizationMessage } from './authorization-message.ts'
import { issuedOutput } from './issue.ts'
import { getWebIdentityToken } from './get-web-identity-token.ts'
import type { StsNeeds } from './needs.ts'
import { accountOfSessionKeyId } from './session-key-id.ts'
import { getFederationToken, getSessionToken } from './session-for-user.ts'
import { invalid } from './session-limits.ts'

/** One call, read from the wire but not validated yet. */
export type Call<Signed> = {
  readonly signed: Signed
  readonly from: RequestInfo
  readonly parameters: ParameterNode
  readonly format: 'xml' | 'json'
}

/** Validates, runs and writes one operation. */
type Run<Signed> = (needs: StsNeeds, call: Call<Signed>) => Promise<string>

type Sts = typeof sts

function operation<Name extends OperationName<Sts>, Signed>(
  name: Name,
  run: (needs: StsNeeds, call: Call<Signed>, input: InputOf<Sts, Name>) => Promise<OutputOf<Sts, Name>>,
): readonly [Name, Run<Signed>] {
  return [
    name,
    async (needs, call) => {
      const output = await run(needs, call, readInput(sts, name, call.parameters))
      return (call.format === 'json' ? writeJson : writeXml)(sts, name, output, call.from.id)
    },
  ]
}

/** The session policies as all inputs have them. */
const limits = (input: {
  readonly Policy?: string | undefined
  readonly PolicyArns?: readonly { readonly arn?: string | undefined }[] | undefined
}): { readonly policy: string | undefined; readonly policyArns: readonly string[] } => ({
  policy: input.Policy,
  policyArns: (input.PolicyArns ?? []).flatMap(({ arn }) => arn ?? invalid('A policy ARN is missing.')),
})

const tagsOf = (
  tags: readonly { readonly Key: string; readonly Value: string }[] | undefined,
): readonly { readonly key: string; readonly value: string }[] | undefined =>
  tags?.map(({ Key, Value }) => ({ key: Key, value: Value }))

function mfaOf({
  SerialNumber,
  TokenCode,
}: {
  readonly SerialNumber?: string | undefined
  readonly TokenCode?: string | undefined
}): { readonly serialNumber: string; readonly code: string } | undefined {
  if (SerialNumber === undefined && TokenCode === undefined) return undefined
  if (SerialNumber === undefined || TokenCode === undefined) {
    return invalid(
      'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.',
    )
  }
  return { serialNumber: SerialNumber, code: TokenCode }
}

/** Operations that need no signature: the token or assertion is the proof. */
export const unsignedOperations: ReadonlyMap<string, Run<undefined>> = new Map<string, Run<undefined>>([
  operation('AssumeRoleWithWebIdentity', async (needs, { from }, input) => {
    if (input.ProviderId !== undefined)
      invalid('ProviderId is for OAuth 2.0 access tokens, which are not offered.')
    const issued = await assumeRoleWithWebIdentity(needs, {
      from,
      roleArn: input.RoleArn,
      sessionName: input.RoleSessionName,
      token: input.WebIdentityToken,
      durationSeconds: input.DurationSeconds,
      minimumSize: input.MinimumSessionTokenSize,
      ...limits(input),
    })
    return {
      ...issuedOutput(issued),
      AssumedRoleUser: { AssumedRoleId: issued.assumedRoleId, Arn: issued.arn },
      SubjectFromWebIdentityToken: issued.identity.subject,
      Provider: issued.identity.provider.issuer,
      Audience: issued.identity.audience,
      SourceIdentity: issued.claims.sourceIdentity,
    }
  }),
  operation('AssumeRoleWithSAML', async (needs, { from }, input) => {
    const issued = await assumeRoleWithSaml(needs, {
      from,
      roleArn: input.RoleArn,
      principalArn: input.PrincipalArn,
      assertion: input.SAMLAssertion,
      durationSeconds: input.DurationSeconds,
      minimumSize: input.MinimumSessionTokenSize,
      ...limits(input),
    })
    const { identity } = issued
    return {
      ...issuedOutput(issued),
      AssumedRoleUser: { AssumedRoleId: issued.assumedRoleId, Arn: issued.arn },
      Subject: identity.subject,
      SubjectType: identity.subjectType,
      Issuer: identity.issuer,
      Audience: identity.audience,
      NameQualifier: identity.nameQualifier,
      SourceIdentity: issued.claims.sourceIdentity,
    }
  }),
])

/** Operations for a caller that has proven itself. */
export const signedOperations: ReadonlyMap<string, Run<SignedCaller>> = new Map<string, Run<SignedCaller>>([
  operation('AssumeRole', async (needs, { signed, from }, input) => {
    if (input.ProvidedContexts !== undefined) invalid('ProvidedContexts is not offered.')
    const issued = await assumeRole(needs, {
      by: signed.caller,
      session: signed.session,
      algorithm: signed.algorithm,
      from,
      region: signed.region,
      roleArn: input.RoleArn,
      sessionName: input.RoleSessionName,
      durationSeconds: input.DurationSeconds,
      tags: tagsOf(input.Tags),
      transitiveTagKeys: input.TransitiveTagKeys,
      externalId: input.ExternalId,
      sourceIdentity: input.SourceIdentity,
      mfa: mfaOf(input),
      minimumSize: input.MinimumSessionTokenSize,
      ...limits(input),
    })
    return {
      ...issuedOutput(issued),
      AssumedRoleUser: { AssumedRoleId: issued.assumedRoleId, Arn: issued.arn },
      SourceIdentity: issued.claims.sourceIdentity,
    }
  }),
  operation('GetSessionToken', async (needs, { signed, from }, input) => {
    const issued = await getSessionToken(needs, {
      signed,
      from,
      durationSeconds: input.DurationSeconds,
      mfa: mfaOf(input),
      minimumSize: input.MinimumSessionTokenSize,
    })
    return issuedOutput(issued)
  }),
  operation('GetFederationToken', async (needs, { signed, from }, input) => {
    const issued = await getFederationToken(needs, {
      signed,
      from,
      name: input.Name,
      durationSeconds: input.DurationSeconds,
      tags: tagsOf(input.Tags),
      minimumSize: input.MinimumSessionTokenSize,
      ...limits(input),
    })
    return {
      ...issuedOutput(issued),
      // Told here in any case, unlike the other operations.
      PackedPolicySize: issued.packedPolicySize ?? 0,
      FederatedUser: { FederatedUserId: issued.federatedUserId, Arn: issued.arn },
    }
  }),
  operation('GetCallerIdentity', (needs, { signed: { caller, region }, from }) =>
    audited(
      needs,
      { name: 'GetCallerIdentity', by: callerIdentity(caller), request: from, region, readOnly: true },
      async () => ({ result: { UserId: caller.userId, Account: caller.accountId, Arn: caller.arn } }),
    ),
  ),
  operation('GetAccessKeyInfo', (needs, { signed: { caller, region }, from }, { AccessKeyId }) =>
    audited(
      needs,
      {
        name: 'GetAccessKeyInfo',
        by: callerIdentity(caller),
        request: from,
        region,
        readOnly: true,
        parameters: { accessKeyId: AccessKeyId },
      },
      async () => {
        const account =
          accountOfSessionKeyId(AccessKeyId) ??
          (await findAccessKey(needs.database, needs.vault, AccessKeyId))?.accountId ??
          invalid(`The access key ID ${AccessKeyId} is not known.`)
        return { result: { Account: account } }
      },
    ),
  ),
  operation('DecodeAuthorizationMessage', (needs, { signed: { caller, region }, from }, input) =>
    audited(
      needs,
      {
        name: 'DecodeAuthorizationMessage',
        by: callerIdentity(caller),
        request: from,
        region,
        readOnly: true,
      },
      async () => {
        await demand(needs, {
          caller,
          action: 'sts:DecodeAuthorizationMessage',
          resource: { arn: '*' },
          from,
          context: [['aws:RequestedRegion', region]],
        })
        const DecodedMessage = decodeAuthorizationMessage(needs, caller.accountId, input.EncodedMessage)
        return { result: { DecodedMessage } }
      },
    ),
  ),
  operation('GetWebIdentityToken', async (needs, { signed, from }, input) => {
    const { token, expiresAt } = await getWebIdentityToken(needs, {
      signed,
      from,
      audience: input.Audience,
      algorithm: input.SigningAlgorithm,
      durationSeconds: input.DurationSeconds,
      tags: tagsOf(input.Tags),
    })
    return { WebIdentityToken: token, Expiration: expiresAt }
  }),
])
