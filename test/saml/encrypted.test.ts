import { constants, createCipheriv, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isFailure } from '#kernel'
import { cachedMetadataReader, verifyStsAssertion } from '#saml'
import { foreignIdp, signForeign } from '../support/saml-idp.ts'
import type { Mint } from '../support/saml-idp.ts'

const now = Temporal.Instant.from('2026-11-22T12:00:00Z')
const recipient = 'https://signet.example/saml/aws'
const idp = foreignIdp()
const ours = generateKeyPairSync('rsa', { modulusLength: 2048 })
const former = generateKeyPairSync('rsa', { modulusLength: 2048 })
const needs = { readMetadata: cachedMetadataReader() }
const xmlenc = 'http://www.w3.org/2001/04/xmlenc#'
const xmlenc11 = 'http://www.w3.org/2009/xmlenc11#'
const ds = 'http://www.w3.org/2000/09/xmldsig#'

type Sealing = {
  readonly to?: KeyObject
  readonly content?: string
  readonly contentUri?: string
  readonly method?: string
  readonly oaepHash?: string
  readonly beside?: boolean
  readonly keys?: number
  readonly damage?: (sealed: Buffer) => Buffer
}

/** An EncryptedAssertion around a text (XML Encryption 1.1), made by hand. */
function seal(text: string, sealing: Sealing = {}): string {
  const key = randomBytes(sealing.contentUri?.includes('128') ? 16 : 32)
  const iv = randomBytes(12)
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, iv)
  const sealed = Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()])
  const wrapped = publicEncrypt(
    {
      key: sealing.to ?? ours.publicKey,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: sealing.oaepHash ?? 'sha1',
    },
    key,
  )
  const value = (bytes: Buffer): string =>
    `<xenc:CipherData><xenc:CipherValue>${bytes.toString('base64').replaceAll(/(.{64})/g, '$1\n')}</xenc:CipherValue></xenc:CipherData>`
  const encryptedKey =
    `<xenc:EncryptedKey>${sealing.method ?? `<xenc:EncryptionMethod Algorithm="${xmlenc}rsa-oaep-mgf1p"/>`}${value(wrapped)}</xenc:EncryptedKey>`.repeat(
      sealing.keys ?? 1,
    )
  const keyInfo = sealing.beside ? '' : `<ds:KeyInfo xmlns:ds="${ds}">${encryptedKey}</ds:KeyInfo>`
  return (
    `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xenc="${xmlenc}">` +
    `<xenc:EncryptedData><xenc:EncryptionMethod Algorithm="${sealing.contentUri ?? `${xmlenc11}aes256-gcm`}"/>` +
    `${keyInfo}${value(sealing.damage?.(sealed) ?? sealed)}</xenc:EncryptedData>${sealing.beside ? encryptedKey : ''}</saml:EncryptedAssertion>`
  )
}

/** A Response whose assertion is sealed, the response signed around it when told. */
function respond(sealing: Sealing = {}, mint: Partial<Mint> = {}, signResponse = false): string {
  const xml = idp.respond({ recipient, now, ...mint })
  const [assertion = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(xml) ?? []
  // What is sealed stands alone, so it takes the declaration along that its response gave it.
  const alone = assertion.replace(
    '<saml:Assertion ',
    '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ',
  )
  const outer = xml.replace(assertion, () => seal(sealing.content ?? alone, sealing))
  return signResponse ? signForeign(outer, 'Response', idp.privateKey, idp.certificate) : outer
}

const outcome = (
  xml: string,
  decryptionKeys: readonly KeyObject[] = [former.privateKey, ours.privateKey],
): string => {
  try {
    return verifyStsAssertion(needs, {
      metadata: idp.metadata,
      providerArn: 'arn:aws:iam::111122223333:saml-provider/p',
      accountId: '111122223333',
      assertion: Buffer.from(xml).toString('base64'),
      recipients: [recipient],
      audiences: [recipient],
      now,
      decryptionKeys,
    }).nameId
  } catch (thrown) {
    if (isFailure(thrown)) return thrown.reason
    throw thrown
  }
}

describe('an encrypted assertion', () => {
  const oaep = (digest: string, mask?: string): string =>
    `<xenc:EncryptionMethod Algorithm="${xmlenc11}rsa-oaep"><ds:DigestMethod xmlns:ds="${ds}" Algorithm="${digest}"/>${mask === undefined ? '' : `<e:MGF xmlns:e="${xmlenc11}" Algorithm="${mask}"/>`}</xenc:EncryptionMethod>`

  it.each([
    ['AES-256-GCM', {}],
    ['AES-128-GCM', { contentUri: `${xmlenc11}aes128-gcm` }],
    ['its key beside it', { beside: true }],
    [
      'OAEP with SHA-256 throughout',
      { oaepHash: 'sha256', method: oaep(`${xmlenc}sha256`, `${xmlenc11}mgf1sha256`) },
    ],
    ['a key of ours that retires', { to: former.publicKey }],
  ] satisfies [string, Sealing][])('counts: %s', (_, sealing) => {
    expect(outcome(respond(sealing))).toBe('alice')
  })

  it('counts when the response around it is signed and it is not', () => {
    expect(outcome(respond({}, { sign: 'none' }, true))).toBe('alice')
  })

  it.each([
    ['RSA-1.5', { method: `<xenc:EncryptionMethod Algorithm="${xmlenc}rsa-1_5"/>` }],
    ['3DES', { contentUri: `${xmlenc}tripledes-cbc` }],
    ['mixed hashes of OAEP', { oaepHash: 'sha256', method: oaep(`${xmlenc}sha256`) }],
    [
      'a digest that its method cannot have',
      {
        method: `<xenc:EncryptionMethod Algorithm="${xmlenc}rsa-oaep-mgf1p"><ds:DigestMethod xmlns:ds="${ds}" Algorithm="${xmlenc}sha256"/></xenc:EncryptionMethod>`,
      },
    ],
    ['two keys', { keys: 2 }],
    ['no key', { keys: 0 }],
  ] satisfies [string, Sealing][])('is refused, enc-algorithm: %s', (_, sealing) => {
    expect(outcome(respond(sealing))).toBe('saml/enc-algorithm')
  })

  it('is refused, enc-unsigned: CBC, whose padding would be an oracle', () => {
    expect(outcome(respond({ contentUri: `${xmlenc}aes256-cbc` }, {}, true))).toBe('saml/enc-unsigned')
  })

  const failures: readonly (readonly [string, () => string])[] = [
    [
      'sealed to another key',
      () => outcome(respond({ to: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey })),
    ],
    ['no key of ours at all', () => outcome(respond(), [])],
    [
      'a changed ciphertext',
      () =>
        outcome(
          respond({
            damage: (bytes) =>
              Buffer.concat([bytes.subarray(0, 20), Buffer.of((bytes[20] ?? 0) ^ 1), bytes.subarray(21)]),
          }),
        ),
    ],
    ['a shortened tag', () => outcome(respond({ damage: (bytes) => bytes.subarray(0, -4) }))],
    ['almost nothing', () => outcome(respond({ damage: (bytes) => bytes.subarray(0, 8) }))],
    [
      'something that is no assertion',
      () =>
        outcome(respond({ content: '<saml:Subject xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>' })),
    ],
    ['something that is not XML', () => outcome(respond({ content: '<!DOCTYPE a><a/>' }))],
  ]
  it.each(failures)('is refused with the one code of all failures: %s', (_, attempt) => {
    expect(attempt()).toBe('saml/enc-failed')
  })

  it('is refused, sig-missing: an unsigned one in an unsigned response (CVE-2026-2092)', () => {
    expect(outcome(respond({}, { sign: 'none' }))).toBe('saml/sig-missing')
  })

  it('is refused, sig-digest: a signed one that was changed before it was sealed', () => {
    expect(outcome(respond({}, { afterSigning: (xml) => xml.replace('>alice<', '>admin<') }))).toBe(
      'saml/sig-digest',
    )
  })
})
