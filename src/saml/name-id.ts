import { attributeOf } from '#xml'
import type { XmlElement } from '#xml'
import { refuseSaml } from './codes.ts'
import { nameIdFormats } from './names.ts'
import { checkAttributes, leafText } from './shape.ts'

/** A NameID, verbatim: some peers match it exactly at logout (SAML Core §2.2.3). */
export type NameId = {
  readonly value: string
  readonly format: string
  readonly nameQualifier: string | undefined
  readonly spNameQualifier: string | undefined
  readonly spProvidedId: string | undefined
}

/**
 * Reads a NameID: text only, exactly as it stands. An absent Format is `unspecified`.
 *
 * @throws Failure malformed saml/shape-text, saml/shape-attribute
 */
export function readNameId(element: XmlElement): NameId {
  return {
    value: leafText(element, { optional: ['Format', 'NameQualifier', 'SPNameQualifier', 'SPProvidedID'] }),
    format: attributeOf(element, 'Format') ?? nameIdFormats.unspecified,
    nameQualifier: attributeOf(element, 'NameQualifier'),
    spNameQualifier: attributeOf(element, 'SPNameQualifier'),
    spProvidedId: attributeOf(element, 'SPProvidedID'),
  }
}

/**
 * Reads an Issuer; the only Format an issuer has is `entity` (SAML Core §2.2.5).
 *
 * @throws Failure malformed saml/shape-text, saml/shape-attribute
 */
export function readIssuer(element: XmlElement): string {
  checkAttributes(element, { optional: ['Format'] })
  if ((attributeOf(element, 'Format') ?? nameIdFormats.entity) !== nameIdFormats.entity)
    refuseSaml('shape-attribute', { at: 'Issuer', expected: nameIdFormats.entity })
  return leafText(element, { optional: ['Format'] })
}

/**
 * Refuses a NameID that two systems could compare differently.
 *
 * @throws Failure unauthenticated saml/ctx-nameid for an empty, padded or not normalised one, or control characters
 */
export function checkNameId({ value }: NameId): void {
  if (value === '' || value.trim() !== value || /\p{Cc}/u.test(value) || value.normalize('NFC') !== value)
    refuseSaml('ctx-nameid', { expected: 'text without padding and control characters, in NFC' })
}
