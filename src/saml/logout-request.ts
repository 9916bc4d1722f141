import type { XmlElement } from '#xml'
import { readNameId } from './name-id.ts'
import type { NameId } from './name-id.ts'
import { ns } from './names.ts'
import { checkAttributes, inOrder, leafText, many, one, optional, timeOf } from './shape.ts'

/** Whose sessions a service provider wants ended (SAML Core §3.7.1). No index: all it has of this subject. */
export type LogoutRequest = {
  readonly nameId: NameId
  readonly sessionIndexes: readonly string[]
  readonly notOnOrAfter: Temporal.Instant | undefined
}

/**
 * Gate step 3 for a LogoutRequest.
 *
 * @throws Failure malformed saml/shape-…
 */
export function readLogoutRequest(root: XmlElement): LogoutRequest {
  checkAttributes(root, {
    required: ['ID', 'Version', 'IssueInstant'],
    optional: ['Destination', 'Consent', 'Reason', 'NotOnOrAfter'],
  })
  const parts = inOrder(
    root,
    one(ns.saml, 'Issuer'),
    optional(ns.ds, 'Signature'),
    optional(ns.samlp, 'Extensions'),
    one(ns.saml, 'NameID', 'shape-nameid'),
    many(ns.samlp, 'SessionIndex'),
  )
  return {
    nameId: readNameId(parts.get('NameID')),
    sessionIndexes: parts.all('SessionIndex').map((index) => leafText(index)),
    notOnOrAfter: timeOf(root, 'NotOnOrAfter'),
  }
}
