import { attributeOf, childElements, isElement } from '#xml'
import type { XmlElement } from '#xml'
import { readAssertion } from './assertion.ts'
import type { Assertion } from './assertion.ts'
import { refuseSaml } from './codes.ts'
import { readIssuer } from './name-id.ts'
import { ns, statuses } from './names.ts'
import {
  checkAttributes,
  checkVersion,
  expectRoot,
  inOrder,
  leafText,
  many,
  one,
  optional,
  requiredTimeOf,
} from './shape.ts'

/** The status of an answer: the top-level code and the second-level one, if any (SAML Core §3.2.2.2). */
type Status = { readonly code: string; readonly second: string | undefined }

/** What a Response says about itself, and what it carries. */
export type Response = {
  readonly element: XmlElement
  readonly id: string
  readonly issueInstant: Temporal.Instant
  readonly destination: string | undefined
  readonly inResponseTo: string | undefined
  readonly issuer: string | undefined
  readonly status: Status
  readonly content: { readonly assertion: Assertion } | { readonly encrypted: XmlElement } | undefined
}

/**
 * Gate step 3 for a Response: status, and one assertion when it says Success (SAML Core §3.3.3, narrowed).
 *
 * @throws Failure malformed saml/shape-…
 */
export function readResponse(root: XmlElement): Response {
  expectRoot(root, ns.samlp, 'Response')
  checkVersion(root)
  checkAttributes(root, {
    required: ['ID', 'Version', 'IssueInstant'],
    optional: ['Destination', 'InResponseTo', 'Consent'],
  })
  const parts = inOrder(
    root,
    optional(ns.saml, 'Issuer'),
    optional(ns.ds, 'Signature'),
    one(ns.samlp, 'Status'),
    many(ns.saml, 'Assertion'),
    many(ns.saml, 'EncryptedAssertion'),
  )
  const issuer = parts.first('Issuer')
  const status = readStatus(parts.get('Status'))
  const assertions = [...parts.all('Assertion'), ...parts.all('EncryptedAssertion')]
  const expected = status.code === statuses.Success ? 1 : 0
  if (assertions.length !== expected)
    refuseSaml('shape-assertion-count', { at: 'Response', expected, found: assertions.length })
  const [content] = assertions
  return {
    element: root,
    id: attributeOf(root, 'ID') ?? '',
    issueInstant: requiredTimeOf(root, 'IssueInstant'),
    destination: attributeOf(root, 'Destination'),
    inResponseTo: attributeOf(root, 'InResponseTo'),
    issuer: issuer && readIssuer(issuer),
    status,
    content:
      content &&
      (isElement(content, ns.saml, 'Assertion')
        ? { assertion: readAssertion(content) }
        : { encrypted: content }),
  }
}

/**
 * Reads a Status. Its message and detail are skipped: they are another system's words.
 *
 * @throws Failure malformed saml/shape-…
 */
function readStatus(status: XmlElement): Status {
  checkAttributes(status)
  const parts = inOrder(
    status,
    one(ns.samlp, 'StatusCode'),
    optional(ns.samlp, 'StatusMessage'),
    optional(ns.samlp, 'StatusDetail'),
  )
  for (const message of parts.all('StatusMessage')) leafText(message)
  const code = parts.get('StatusCode')
  checkAttributes(code, { required: ['Value'] })
  const second = inOrder(code, optional(ns.samlp, 'StatusCode')).first('StatusCode')
  if (second) {
    checkAttributes(second, { required: ['Value'] })
    inOrder(second, optional(ns.samlp, 'StatusCode'))
  }
  return { code: attributeOf(code, 'Value') ?? '', second: second && attributeOf(second, 'Value') }
}

/** Whether a tree carries an assertion at all, before anything in it is believed; a plain one counts first. */
export function carriesAssertion(root: XmlElement): 'plain' | 'encrypted' | undefined {
  const carries = (local: string): boolean =>
    childElements(root).some((child) => isElement(child, ns.saml, local))
  if (carries('Assertion')) return 'plain'
  return carries('EncryptedAssertion') ? 'encrypted' : undefined
}
