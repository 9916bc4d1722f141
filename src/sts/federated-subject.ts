import { hash } from 'node:crypto'

/**
 * Who holds a session without being a user here: the subject of a token, an assertion or a certificate that an identity
 * provider (or trust anchor) vouched for, or a federated user.
 */
export type FederatedSubject =
  | { readonly providerArn: string; readonly subject: string }
  /** `arn:aws:sts::ACCOUNT:federated-user/NAME`. */
  | { readonly federatedUserArn: string }

/**
 * The id of their revocation epoch (kind `federated`). A hash, since what providers write in a subject has any length and
 * any characters; 22 characters, since it stands in every token of theirs. Subjects compare exactly: case and spaces
 * count, as they do in the claim `sub` (OpenID Connect Core §5.7) and in a NameID.
 */
export function federatedEpochId(who: FederatedSubject): string {
  const name =
    'subject' in who ? ['subject', who.providerArn, who.subject] : ['federated-user', who.federatedUserArn]
  return hash('sha256', JSON.stringify(name), 'buffer').subarray(0, 16).toString('base64url')
}
