import { constants, createCipheriv, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { random } from '#kernel'
import { element } from '#xml'
import type { CanonicalXml, ElementTemplate } from '#xml'
import { ns } from './names.ts'

/**
 * An assertion for one reader only (SAML Core §2.3.4): AES-256-GCM, its key under RSA-OAEP with SHA-1, which is what every
 * service provider can open (XML Encryption 1.1 §5.2.4, §5.5.2). It must be signed already: encrypting proves nothing.
 *
 * @param key RSA, of the reader's encryption certificate
 */
export function encryptAssertion({ canonical }: CanonicalXml, key: KeyObject): ElementTemplate {
  const contentKey = random(32)
  const nonce = random(12)
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce)
  const content = Buffer.concat([
    nonce,
    cipher.update(canonical, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  const wrapped = publicEncrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    contentKey,
  )
  return element(
    'saml:EncryptedAssertion',
    {},
    element(
      'xenc:EncryptedData',
      { Type: `${ns.xenc}Element` },
      element('xenc:EncryptionMethod', { Algorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm' }),
      element(
        'ds:KeyInfo',
        {},
        element(
          'xenc:EncryptedKey',
          {},
          element(
            'xenc:EncryptionMethod',
            { Algorithm: `${ns.xenc}rsa-oaep-mgf1p` },
            element('ds:DigestMethod', { Algorithm: `${ns.ds}sha1` }),
          ),
          cipherData(wrapped),
        ),
      ),
      cipherData(content),
    ),
  )
}

const cipherData = (bytes: Buffer): ElementTemplate =>
  element('xenc:CipherData', {}, element('xenc:CipherValue', {}, bytes.toString('base64')))
