import { constants, createDecipheriv, privateDecrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { random } from '#kernel'
import { attributeOf, childElements, isElement, pathOf, readXml, textOf } from '#xml'
import type { XmlElement } from '#xml'
import { refuseSaml } from './codes.ts'
import { ns } from './names.ts'

const enc11 = 'http://www.w3.org/2009/xmlenc11#'

/** Content encryption that we open: authenticated only (XML Encryption 1.1 §5.2.4). */
const contentAlgorithms: ReadonlyMap<
  string,
  { readonly cipher: 'aes-128-gcm' | 'aes-256-gcm'; readonly keyBytes: number }
> = new Map([
  [`${enc11}aes128-gcm`, { cipher: 'aes-128-gcm', keyBytes: 16 }],
  [`${enc11}aes256-gcm`, { cipher: 'aes-256-gcm', keyBytes: 32 }],
])
const cbc = /^http:\/\/www\.w3\.org\/2001\/04\/xmlenc#aes(?:128|192|256)-cbc$/

const digests: ReadonlyMap<string, string> = new Map([
  [`${ns.ds}sha1`, 'sha1'],
  [`${ns.xenc}sha256`, 'sha256'],
  [`${ns.xenc}sha512`, 'sha512'],
])
const masks: ReadonlyMap<string, string> = new Map([
  [`${enc11}mgf1sha1`, 'sha1'],
  [`${enc11}mgf1sha256`, 'sha256'],
  [`${enc11}mgf1sha512`, 'sha512'],
])

type Sealed = {
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm'
  readonly keyBytes: number
  readonly oaepHash: string
  readonly wrappedKey: Buffer
  readonly content: Buffer
}

/**
 * Gate step 4: opens an EncryptedAssertion and reads what was inside with the strict reader. Nothing is proven by it:
 * what comes out is as unsigned as it is.
 *
 * Algorithms are judged before any key is touched. From there on every failure is the one code with the one message,
 * by the same path: a key that does not unwrap is replaced by a random one.
 *
 * @throws Failure unauthenticated saml/enc-algorithm, saml/enc-unsigned (CBC, which nothing here vouches for),
 *   saml/enc-failed
 */
export function decryptAssertion(encrypted: XmlElement, keys: readonly KeyObject[]): XmlElement {
  const sealed = readSealed(encrypted)
  try {
    const assertion = readXml(open(sealed, contentKey(sealed, keys)))
    if (isElement(assertion, ns.saml, 'Assertion')) return assertion
  } catch {
    // Whatever went wrong must look like everything else that can.
  }
  return refuseSaml('enc-failed')
}

function open({ cipher, content }: Sealed, key: Uint8Array): string {
  const decipher = createDecipheriv(cipher, key, content.subarray(0, 12), { authTagLength: 16 })
  decipher.setAuthTag(content.subarray(-16))
  const plain = Buffer.concat([decipher.update(content.subarray(12, -16)), decipher.final()])
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain)
}

function contentKey({ wrappedKey, keyBytes, oaepHash }: Sealed, keys: readonly KeyObject[]): Buffer {
  let found = random(keyBytes)
  for (const key of keys) {
    try {
      const unwrapped = privateDecrypt(
        { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
        wrappedKey,
      )
      if (unwrapped.length === keyBytes) found = unwrapped
    } catch {
      // Another key of ours may fit.
    }
  }
  return found
}

function readSealed(encrypted: XmlElement): Sealed {
  const data = only(encrypted, 'EncryptedData')
  const method = attributeOf(only(data, 'EncryptionMethod'), 'Algorithm') ?? ''
  if (cbc.test(method)) refuseSaml('enc-unsigned', { found: method })
  const algorithm = contentAlgorithms.get(method) ?? refuseSaml('enc-algorithm', { found: method })
  const inside = childElements(data)
    .filter((child) => isElement(child, ns.ds, 'KeyInfo'))
    .flatMap(childElements)
  const wrapped = [...inside, ...childElements(encrypted)].filter((child) =>
    isElement(child, ns.xenc, 'EncryptedKey'),
  )
  const [key] = wrapped
  if (!key || wrapped.length > 1)
    return refuseSaml('enc-algorithm', { expected: 'one EncryptedKey', found: wrapped.length })
  return {
    ...algorithm,
    oaepHash: oaepHashOf(only(key, 'EncryptionMethod')),
    wrappedKey: cipherValue(key),
    content: cipherValue(data),
  }
}

/**
 * The one hash of an OAEP method. Two different ones for label and mask are refused: Node unwraps with one.
 * `rsa-oaep-mgf1p` masks with SHA-1 always; `rsa-oaep` says, and means SHA-1 when it does not (XML Encryption §5.5.2).
 */
function oaepHashOf(method: XmlElement): string {
  const uri = attributeOf(method, 'Algorithm')
  const said = (namespace: string, name: string): string | undefined => {
    const found = childElements(method).find((child) => isElement(child, namespace, name))
    return found && attributeOf(found, 'Algorithm')
  }
  const known =
    (uri === `${ns.xenc}rsa-oaep-mgf1p` || uri === `${enc11}rsa-oaep`) &&
    !childElements(method).some((child) => isElement(child, ns.xenc, 'OAEPparams'))
  if (!known) return refuseSaml('enc-algorithm', { found: uri })
  const digest = digests.get(said(ns.ds, 'DigestMethod') ?? `${ns.ds}sha1`)
  const maskUri = uri === `${enc11}rsa-oaep` ? (said(enc11, 'MGF') ?? `${enc11}mgf1sha1`) : `${enc11}mgf1sha1`
  const mask = masks.get(maskUri)
  if (digest === undefined || digest !== mask)
    return refuseSaml('enc-algorithm', { expected: 'one hash for OAEP and its mask', found: [digest, mask] })
  return digest
}

function cipherValue(element: XmlElement): Buffer {
  const value = only(only(element, 'CipherData'), 'CipherValue')
  return Buffer.from(textOf(value).replaceAll(/[ \t\n\r]/g, ''), 'base64')
}

function only(element: XmlElement, local: string): XmlElement {
  const [found, ...more] = childElements(element).filter((child) => isElement(child, ns.xenc, local))
  if (!found || more.length > 0)
    return refuseSaml('enc-algorithm', { at: pathOf(element), expected: `one ${local}` })
  return found
}
