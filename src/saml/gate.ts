import type { Assertion } from './assertion.ts'
import { refuseSaml } from './codes.ts'
import { readMessage } from './message.ts'
import { carriesAssertion, readResponse } from './response.ts'
import type { Response } from './response.ts'
import { verifySignatures } from './signature-profile.ts'
import type { PinnedKey } from './signature-profile.ts'

/** A Response whose content a pinned key has signed, with the parts that were signed. */
export type VerifiedResponse = {
  readonly response: Response
  /** None: the answer is not Success, and nothing else of it may be believed. */
  readonly assertion: Assertion | undefined
  readonly isResponseSigned: boolean
  readonly isAssertionSigned: boolean
  /** Fingerprints of the keys that fitted, for the log. */
  readonly keys: readonly string[]
}

/**
 * Gate steps 1 to 4 for a Response: strict reading, every signature, shape. What it means is not judged here.
 *
 * @throws Failure saml/xml-…, saml/sig-…, saml/shape-…, saml/enc-…, saml/peer-no-key
 */
export function verifyResponse(xml: string, keys: readonly PinnedKey[]): VerifiedResponse {
  if (keys.length === 0) refuseSaml('peer-no-key')
  const root = readMessage(xml)
  const signed = verifySignatures(root, keys)
  if (signed.size === 0 && carriesAssertion(root)) refuseSaml('sig-missing')
  const response = readResponse(root)
  const { content } = response
  if (content && 'encrypted' in content)
    return refuseSaml('enc-failed', { found: 'an encrypted assertion, and no key of ours to open it' })
  const assertion = content?.assertion
  return {
    response,
    assertion,
    isResponseSigned: signed.has(root),
    isAssertionSigned: assertion !== undefined && signed.has(assertion.element),
    keys: [...new Set(signed.values())],
  }
}
