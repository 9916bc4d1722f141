import { awsErrorOf, iam, type AwsError } from '#aws-wire'
import type { Failure } from '#kernel'

/**
 * The code of IAM for each reason to refuse. What is absent follows from the front door and the kind: malformed is
 * ValidationError, forbidden AccessDenied, not-found NoSuchEntity, conflict EntityAlreadyExists.
 */
const codes: Readonly<Record<string, string>> = {
  'iam-api/not-offered': 'InvalidAction',
  'iam-api/invalid-input': 'InvalidInput',
  'iam-api/limit-exceeded': 'LimitExceeded',
  'iam-api/delete-conflict': 'DeleteConflict',
  'iam-api/not-attachable': 'PolicyNotAttachable',
  'iam-api/unmodifiable': 'UnmodifiableEntity',
  'iam-api/concurrent-modification': 'ConcurrentModification',
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
