import { readXml, XmlError } from '#xml'
import type { XmlElement } from '#xml'
import { refuseSaml } from './codes.ts'

/**
 * Gate step 1: reads a protocol message, once, with the strict reader.
 *
 * @throws Failure malformed saml/xml-…, and saml/in-encoding for a declared encoding other than UTF-8
 */
export function readMessage(xml: string): XmlElement {
  try {
    return readXml(xml)
  } catch (thrown) {
    if (!(thrown instanceof XmlError)) throw thrown
    if (thrown.code === 'encoding')
      return refuseSaml('in-encoding', { at: thrown.offset, found: thrown.message })
    return refuseSaml(`xml-${thrown.code}`, { at: thrown.offset, found: thrown.message })
  }
}
