import { awsErrorOf, iam, type AwsError } from '#aws-wire'
import type { Failure } from '#kernel'

/**
 * The code of IAM for each reason to refuse. What is absent follows from the front door and the kind: malformed is
 * ValidationError, forbidden AccessDenied, not-found NoSuchEntity, conflict EntityAlreadyExists.
 */
const codes: Readonly<Record<string, string>> = {
  'iam-api/not-offered': 'InvalidAction',
  'iam-api/invalid-input': 'InvalidInput',
  'iam-api/no-such-status': 'InvalidInput',
  'iam-api/limit-exceeded': 'LimitExceeded',
  'iam-api/delete-conflict': 'DeleteConflict',
  'iam-api/not-attachable': 'PolicyNotAttachable',
  'iam-api/unmodifiable': 'UnmodifiableEntity',
  'iam-api/concurrent-modification': 'ConcurrentModification',
  'iam-api/password-policy': 'PasswordPolicyViolation',
  'iam-api/service-not-supported': 'NotSupportedService',
  'iam-api/invalid-user-type': 'InvalidUserType',
  'iam-api/feature-enabled': 'FeatureEnabled',
  'iam-api/feature-disabled': 'FeatureDisabled',
  'iam-api/report-in-progress': 'ReportInProgress',
  'iam-api/report-not-present': 'ReportNotPresent',
  'iam-api/report-expired': 'ReportExpired',
  'iam/instance-profile-full': 'LimitExceeded',
  'iam/instance-profile-in-use': 'DeleteConflict',
  'iam/malformed-certificate': 'MalformedCertificate',
  'iam/key-pair-mismatch': 'KeyPairMismatch',
  'iam/duplicate-certificate': 'DuplicateCertificate',
  'iam/invalid-public-key': 'InvalidPublicKey',
  'iam/duplicate-ssh-key': 'DuplicateSSHPublicKey',
  'mfa/device-enabled': 'DeleteConflict',
  'mfa/wrong-code': 'InvalidAuthenticationCode',
  'iam/malformed-policy': 'MalformedPolicyDocument',
  'iam/invalid-principal': 'MalformedPolicyDocument',
  'iam/policy-too-large': 'LimitExceeded',
  'iam/policy-in-use': 'DeleteConflict',
  'iam/role-in-use': 'DeleteConflict',
  'directory/user-in-use': 'DeleteConflict',
  'directory/group-in-use': 'DeleteConflict',
  'directory/access-key-limit': 'LimitExceeded',
  'sts/missing-authentication': 'MissingAuthenticationToken',
}

/** A refusal as IAM tells it, on the wire and in the audit event. */
export const iamErrorOf = (failure: Failure): AwsError => awsErrorOf(iam, failure, codes)
