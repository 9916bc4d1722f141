import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { cachedMetadataReader, verifyStsAssertion } from '#saml'
import { foreignIdp } from '../support/saml-idp.ts'
import type { ForeignIdp } from '../support/saml-idp.ts'
import { describeWith } from './support/peer.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-xmlsec-'))
afterAll(() => rmSync(folder, { recursive: true }))

const now = Temporal.Instant.from('2026-11-22T12:00:00Z')
const recipient = 'https://signet.example/saml/aws'
const rsa = foreignIdp('https://idp.example', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const ec = foreignIdp('https://idp.example', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

/** An assertion signed by xmlsec1 with the given algorithms. */
function signedByXmlsec(idp: ForeignIdp, method: string, digest: string, prefixes: string): string {
  const template =
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>' +
    '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>' +
    `<ds:SignatureMethod Algorithm="${method}"/><ds:Reference URI="#_a1"><ds:Transforms>` +
    '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>' +
    `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">${prefixes}</ds:Transform></ds:Transforms>` +
    `<ds:DigestMethod Algorithm="${digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`
  const xml = idp
    .respond({ recipient, now, sign: 'none', attributes: { a: ['1 & <2>'] } })
    .replace(/(ID="_a1".*?<\/saml:Issuer>)/, `$1${template}`)
  const [keyFile, file] = [join(folder, 'key.pem'), join(folder, 'template.xml')]
  writeFileSync(keyFile, idp.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(file, xml)
  const idAttribute = ['--id-attr:ID', 'urn:oasis:names:tc:SAML:2.0:assertion:Assertion']
  return execFileSync('xmlsec1', ['--sign', '--privkey-pem', keyFile, ...idAttribute, file], {
    encoding: 'utf8',
  })
}

describeWith('xmlsec1')('the gate accepts what xmlsec1 signed', () => {
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  const xmlenc = 'http://www.w3.org/2001/04/xmlenc#'
  const list =
    '<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs samlp"/>'
  it.each([
    ['RSA-SHA256', rsa, `${more}rsa-sha256`, `${xmlenc}sha256`, ''],
    ['RSA-SHA512', rsa, `${more}rsa-sha512`, `${xmlenc}sha512`, ''],
    ['ECDSA-SHA256', ec, `${more}ecdsa-sha256`, `${xmlenc}sha256`, ''],
    ['a list of inclusive prefixes', rsa, `${more}rsa-sha256`, `${xmlenc}sha256`, list],
  ])('%s', (_, idp, method, digest, prefixes) => {
    const xml = signedByXmlsec(idp, method, digest, prefixes)
    const request = {
      metadata: idp.metadata,
      providerArn: 'arn:aws:iam::111122223333:saml-provider/p',
      accountId: '111122223333',
      recipients: [recipient],
      audiences: [recipient],
      now,
    }
    const needs = { readMetadata: cachedMetadataReader() }
    const encode = (text: string): string => Buffer.from(text).toString('base64')
    expect(verifyStsAssertion(needs, { ...request, assertion: encode(xml) }).nameId).toBe('alice')
    const changed = encode(xml.replace('>alice<', '>admin<'))
    expect(() => verifyStsAssertion(needs, { ...request, assertion: changed })).toThrow(
      'Response signature invalid',
    )
  })
})
