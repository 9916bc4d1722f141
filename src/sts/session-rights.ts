import type { SignedCaller } from './authenticate.ts'
import { refuseTrust } from './trust.ts'

/**
 * What the kinds of temporary credentials may call at all (IAM User Guide, "Compare AWS STS credentials"): a session
 * of GetSessionToken of STS only AssumeRole and GetCallerIdentity, and of IAM anything with a second factor; a
 * federated user nothing but GetCallerIdentity.
 *
 * @throws Failure forbidden `sts/not-authorized`
 */
export function requireSessionRight(
  { session, caller }: SignedCaller,
  service: string,
  action: string,
): void {
  if (session === undefined || (service === 'sts' && action === 'GetCallerIdentity')) return
  const { kind } = session.principal
  const may =
    kind === 'role' ||
    (kind !== 'federated-user' &&
      (service === 'iam' ? session.mfaAt !== undefined : service === 'sts' && action === 'AssumeRole'))
  if (!may) {
    refuseTrust(
      action.startsWith('Get') && service === 'sts'
        ? `Cannot call ${action} with session credentials`
        : `User: ${caller.arn} is not authorized to perform: ${service}:${action} with these session credentials`,
    )
  }
}
