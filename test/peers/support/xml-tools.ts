import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** xmlsec1 and xmllint over documents of a test, in a folder of their own. */
export type XmlTools = {
  /**
   * What xmlsec1 says of the signature inside an element with these certificates trusted and no other: `valid`, or its
   * complaint.
   *
   * @param element local name of the signed element
   */
  verify(xml: string, element: string, certificates: readonly string[]): string
  /** What xmllint says against OASIS's and W3C's schemas: `valid`, or its complaint. */
  validate(xml: string): string
  /** What xmlsec1 opens with a private key (PEM): the document with the plain text in place, or its complaint. */
  decrypt(xml: string, privateKey: string): string
  close(): void
}

const xmltooling = '/usr/share/xml/xmltooling'
const opensaml = '/usr/share/xml/opensaml'
const w3c = 'http://www.w3.org'
const oasis = 'urn:oasis:names:tc:SAML:2.0'

// The schemas import one another by namespace alone, so a driver says where each is, in this order.
const schemas: readonly (readonly [namespace: string, file: string])[] = [
  [`${w3c}/XML/1998/namespace`, `${xmltooling}/xml.xsd`],
  [`${w3c}/2000/09/xmldsig#`, `${xmltooling}/xmldsig-core-schema.xsd`],
  [`${w3c}/2001/04/xmlenc#`, `${xmltooling}/xenc-schema.xsd`],
  [`${oasis}:assertion`, `${opensaml}/saml-schema-assertion-2.0.xsd`],
  [`${oasis}:protocol`, `${opensaml}/saml-schema-protocol-2.0.xsd`],
  [`${oasis}:metadata`, `${opensaml}/saml-schema-metadata-2.0.xsd`],
]
const driver = `<xs:schema xmlns:xs="${w3c}/2001/XMLSchema">${schemas
  .map(([namespace, file]) => `<xs:import namespace="${namespace}" schemaLocation="${file}"/>`)
  .join('')}</xs:schema>`

const namespaceOf: Readonly<Record<string, string>> = {
  Assertion: `${oasis}:assertion`,
  EntityDescriptor: `${oasis}:metadata`,
}

/** Makes the folder. */
export function xmlTools(): XmlTools {
  const folder = mkdtempSync(join(tmpdir(), 'signet-xml-'))
  const put = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }
  const schema = put('saml-all.xsd', driver)
  const run = (command: string, args: readonly string[]): string => {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 30_000 })
    if (error !== undefined) throw error
    return status === 0 ? 'valid' : stderr.trim()
  }
  return {
    verify(xml, element, certificates) {
      const trusted = certificates.flatMap((pem, index) => [
        '--trusted-pem',
        put(`trusted-${index}.pem`, pem),
      ])
      return run('xmlsec1', [
        '--verify',
        '--id-attr:ID',
        `${namespaceOf[element] ?? `${oasis}:protocol`}:${element}`,
        '--node-xpath',
        `//*[local-name()='${element}']/*[local-name()='Signature']`,
        ...trusted,
        '--enabled-key-data',
        'x509',
        put('message.xml', xml),
      ])
    },
    validate: (xml) => run('xmllint', ['--nonet', '--noout', '--schema', schema, put('message.xml', xml)]),
    decrypt(xml, privateKey) {
      const output = join(folder, 'plain.xml')
      const keyFile = put('private.pem', privateKey)
      const said = run('xmlsec1', [
        '--decrypt',
        '--privkey-pem',
        keyFile,
        '--output',
        output,
        put('message.xml', xml),
      ])
      return said === 'valid' ? readFileSync(output, 'utf8') : said
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}
