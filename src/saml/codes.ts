import { refuse } from '#kernel'
import type { FailureKind } from '#kernel'

/**
 * Every reason this slice refuses for, and what kind of refusal it is. Outside the slice a code is written
 * `saml/<code>`. Each has its own negative test that fails with it.
 */
const kinds = {
  'in-too-large': 'malformed',
  'in-parameters': 'malformed',
  'in-base64': 'malformed',
  'in-encoding': 'malformed',
  'in-deflate': 'malformed',
  'in-binding': 'malformed',
  'xml-limit': 'malformed',
  'xml-doctype': 'malformed',
  'xml-comment': 'malformed',
  'xml-cdata': 'malformed',
  'xml-pi': 'malformed',
  'xml-entity': 'malformed',
  'xml-character': 'malformed',
  'xml-namespace': 'malformed',
  'xml-name': 'malformed',
  'xml-attribute': 'malformed',
  'xml-duplicate-id': 'malformed',
  'xml-foreign-id': 'malformed',
  'xml-malformed': 'malformed',
  'sig-missing': 'unauthenticated',
  'sig-position': 'unauthenticated',
  'sig-count': 'unauthenticated',
  'sig-structure': 'unauthenticated',
  'sig-reference-count': 'unauthenticated',
  'sig-reference': 'unauthenticated',
  'sig-transform': 'unauthenticated',
  'sig-c14n': 'unauthenticated',
  'sig-algorithm': 'unauthenticated',
  'sig-digest-algorithm': 'unauthenticated',
  'sig-key': 'unauthenticated',
  'sig-value': 'unauthenticated',
  'sig-digest': 'unauthenticated',
  'shape-root': 'malformed',
  'shape-version': 'malformed',
  'shape-element': 'malformed',
  'shape-attribute': 'malformed',
  'shape-assertion-count': 'malformed',
  'shape-nameid': 'malformed',
  'shape-text': 'malformed',
  'shape-confirmation': 'malformed',
  'shape-conditions': 'malformed',
  'shape-condition': 'malformed',
  'shape-authn-statement': 'malformed',
  'shape-time': 'malformed',
  'shape-attribute-name': 'malformed',
  'enc-algorithm': 'unauthenticated',
  'enc-unsigned': 'unauthenticated',
  'enc-failed': 'unauthenticated',
  'ctx-status': 'unauthenticated',
  'ctx-issuer': 'unauthenticated',
  'ctx-destination': 'unauthenticated',
  'ctx-recipient': 'unauthenticated',
  'ctx-audience': 'unauthenticated',
  'ctx-not-yet': 'expired',
  'ctx-expired': 'expired',
  'ctx-confirmation-expired': 'expired',
  'ctx-issue-instant': 'expired',
  'ctx-session-expired': 'expired',
  'ctx-nameid': 'unauthenticated',
  'peer-unknown': 'forbidden',
  'peer-disabled': 'forbidden',
  'peer-no-key': 'forbidden',
  'peer-purpose': 'forbidden',
  'second-opinion': 'unauthenticated',
  'req-acs': 'malformed',
  'req-acs-index': 'malformed',
  'req-conflict': 'malformed',
  'req-unsigned': 'unauthenticated',
  'req-destination': 'unauthenticated',
  'req-stale': 'expired',
  'req-replay': 'conflict',
  'req-relay-state': 'malformed',
  'req-gone': 'not-found',
  'redirect-parameters': 'malformed',
  'redirect-signature': 'unauthenticated',
  'slo-unsigned': 'unauthenticated',
  'slo-expired': 'expired',
  'slo-replay': 'conflict',
  'slo-unsolicited': 'unauthenticated',
  'slo-no-endpoint': 'malformed',
  'meta-xml': 'malformed',
  'meta-too-large': 'malformed',
  'meta-signature': 'malformed',
  'meta-entity': 'malformed',
  'meta-role': 'malformed',
  'meta-no-key': 'malformed',
  'meta-expired': 'malformed',
  'meta-endpoint': 'malformed',
} as const satisfies Record<string, FailureKind>

/** A reason of this slice, without the slice's name. */
export type SamlCode = keyof typeof kinds

/** What the log and the admin's explanation may say about a refusal. Never content of a message. */
export type SamlExplanation = {
  /** Where: `Response/Assertion/Conditions`, or a byte offset. */
  readonly at?: string | number
  readonly expected?: unknown
  readonly found?: unknown
}

/**
 * Says no to a SAML message. The caller learns the code and nothing more; the explanation is for the log.
 *
 * @throws Failure always, with the code's kind and the reason `saml/<code>`
 */
export function refuseSaml(code: SamlCode, explanation: SamlExplanation = {}): never {
  refuse(kinds[code], `saml/${code}`, `The SAML message was refused (${code})`, explanation)
}
