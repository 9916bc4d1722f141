import type { KeyObject } from 'node:crypto'
import type { XmlElement } from '#xml'
import { readAssertion } from './assertion.ts'
import type { Assertion } from './assertion.ts'
import { refuseSaml } from './codes.ts'
import { decryptAssertion } from './decrypt.ts'
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
 * Gate steps 1 to 4 for a Response: strict reading, every signature, shape, and opening what is encrypted, which goes
 * through the same steps again. What it means is not judged here.
 *
 * @param keys pinned for the peer; `decryptionKeys` are our own RSA private keys
 * @throws Failure saml/xml-…, saml/sig-…, saml/shape-…, saml/enc-…, saml/peer-no-key
 */
export function verifyResponse(
  xml: string,
  keys: readonly PinnedKey[],
  decryptionKeys: readonly KeyObject[] = [],
): VerifiedResponse {
  if (keys.length === 0) refuseSaml('peer-no-key')
  const root = readMessage(xml)
  const signed = verifySignatures(root, keys)
  if (signed.size === 0 && carriesAssertion(root) === 'plain') refuseSaml('sig-missing')
  const response = readResponse(root)
  const { content } = response
  if (content && 'encrypted' in content)
    return opened(response, content.encrypted, signed, keys, decryptionKeys)
  const assertion = content?.assertion
  return {
    response,
    assertion,
    isResponseSigned: signed.has(root),
    isAssertionSigned: assertion !== undefined && signed.has(assertion.element),
    keys: [...new Set(signed.values())],
  }
}

function opened(
  response: Response,
  encrypted: XmlElement,
  outer: ReadonlyMap<XmlElement, string>,
  keys: readonly PinnedKey[],
  decryptionKeys: readonly KeyObject[],
): VerifiedResponse {
  const element = decryptAssertion(encrypted, decryptionKeys)
  const inner = verifySignatures(element, keys)
  // Anybody can encrypt to us: without a signature inside or around it, it is nobody's word.
  if (inner.size === 0 && outer.size === 0) refuseSaml('sig-missing')
  return {
    response,
    assertion: readAssertion(element),
    isResponseSigned: outer.has(response.element),
    isAssertionSigned: inner.has(element),
    keys: [...new Set([...outer.values(), ...inner.values()])],
  }
}
