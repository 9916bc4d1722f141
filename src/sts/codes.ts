import { awsErrorOf, sts, type AwsError } from '#aws-wire'
import type { Failure } from '#kernel'

/** The code of STS for each reason to refuse; what is absent follows from the front door and the kind. */
const codes: Readonly<Record<string, string>> = {
  'sts/missing-authentication': 'MissingAuthenticationToken',
  'sts/invalid-token': 'InvalidClientTokenId',
  'sts/session-expired': 'ExpiredToken',
  'sts/not-authorized': 'AccessDenied',
  'sts/invalid-request': 'ValidationError',
  'sts/invalid-value': 'InvalidParameterValue',
  'sts/not-offered': 'InvalidAction',
  'sts/packed-policy-too-large': 'PackedPolicyTooLarge',
  'sts/invalid-identity-token': 'InvalidIdentityToken',
  'sts/identity-token-expired': 'ExpiredTokenException',
  'sts/assertion-used-up': 'ExpiredTokenException',
  'sts/issuer-unreachable': 'IDPCommunicationError',
  'sts/invalid-authorization-message': 'InvalidAuthorizationMessageException',
  'sts/outbound-federation-disabled': 'OutboundWebIdentityFederationDisabledException',
  'sts/session-duration-escalation': 'SessionDurationEscalationException',
  'sts/jwt-too-large': 'JWTPayloadSizeExceededException',
  'iam/malformed-policy': 'MalformedPolicyDocument',
  'iam/policy-too-large': 'PackedPolicyTooLarge',
  'mfa/wrong-code': 'AccessDenied',
  'http/too-large': 'RequestEntityTooLarge',
}

/** A refusal as STS tells it, on the wire and in the audit event. */
export function stsErrorOf(failure: Failure): AwsError {
  if (failure.reason.startsWith('saml/'))
    return awsErrorOf(sts, failure, { [failure.reason]: samlCode(failure) })
  if (failure.kind === 'malformed' && failure.reason.startsWith('sts/identity-token-'))
    return awsErrorOf(sts, failure, { [failure.reason]: 'InvalidIdentityToken' })
  const error = awsErrorOf(sts, failure, codes)
  // The words by which command lines know that they should ask for a code again.
  return failure.reason === 'mfa/wrong-code'
    ? { ...error, message: 'MultiFactorAuthentication failed with invalid MFA one time pass code.' }
    : error
}

/** A status other than Success is the provider's own no, times are expired, the rest is no good. */
const samlCode = ({ kind, reason }: Failure): string => {
  if (reason === 'saml/ctx-status') return 'IDPRejectedClaim'
  if (reason === 'saml/ctx-nameid' || reason === 'saml/peer-disabled') return 'AccessDenied'
  return kind === 'expired' ? 'ExpiredTokenException' : 'InvalidIdentityToken'
}
