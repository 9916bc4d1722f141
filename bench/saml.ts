/**
 * What SAML costs beside the RSA operation that nobody can avoid: `node bench/saml.ts`. One process, one thread; every
 * line is a ratio of medians taken in alternating rounds of one run. Limits: issuing 1.1 × one RSA-2048 signature,
 * accepting 6 × one verification, refusing the worst 128 KiB document 400 × accepting.
 */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { cachedMetadataReader, verifyStsAssertion } from '#saml'
import { verifyResponse } from '#src/saml/gate.ts'
import { nameIdFormats } from '#src/saml/names.ts'
import { writeResponse } from '#src/saml/response-write.ts'
import { foreignIdp } from '../test/support/saml-idp.ts'

const now = Temporal.Instant.from('2026-11-22T12:00:00Z')
const recipient = 'https://signet.example/saml/aws'
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const idp = foreignIdp('https://idp.example', privateKey)
const publicKey = createPublicKey(privateKey)
const attributes = Object.fromEntries(
  Array.from({ length: 8 }, (_, index) => [
    `https://attributes.example/${index}`,
    [`value ${index}`, 'another'],
  ]),
)
const xml = idp.respond({ recipient, now, attributes })
const keys = [{ key: publicKey, fingerprint: 'x' }]
const text = Buffer.from(xml)
const signature = sign('sha256', text, privateKey)

/** Documents of 128 KiB that try to be costly: each must be refused. */
const hostile: Readonly<Record<string, string>> = {
  'many elements': `<a xmlns="urn:x">${'<b/>'.repeat(32_000)}</a>`,
  'many attributes': `<a xmlns="urn:x" ${Array.from({ length: 12_000 }, (_, index) => `a${index}=""`).join(' ')}/>`,
  'many references': `<a xmlns="urn:x">${'&amp;'.repeat(26_000)}</a>`,
  'deep nesting': '<a xmlns="urn:x">'.repeat(7_500),
  'many declarations': `<a xmlns="urn:x">${'<p:b xmlns:p="urn:p">'.repeat(31)}${'<p:c xmlns:q="urn:q" xmlns:r="urn:r"/>'.repeat(1_900)}${'</p:b>'.repeat(31)}</a>`,
  'long text': `<a xmlns="urn:x">${'x'.repeat(130_000)}</a>`,
}

const refuses = (document: string): void => {
  try {
    verifyResponse(document, keys)
  } catch {
    return
  }
  throw new Error('accepted')
}

const answer = { issuer: 'https://signet.example', destination: recipient, inResponseTo: '_1', now }
const statement = {
  audience: recipient,
  nameId: {
    value: 'alice',
    format: nameIdFormats.persistent,
    nameQualifier: undefined,
    spNameQualifier: undefined,
    spProvidedId: undefined,
  },
  sessionIndex: '_2',
  authnInstant: now,
  sessionNotOnOrAfter: now.add({ hours: 8 }),
  contextClass: 'urn:x',
  attributes: new Map(Object.entries(attributes)),
}
const needs = { readMetadata: cachedMetadataReader() }
const request = {
  metadata: idp.metadata,
  providerArn: 'arn:aws:iam::111122223333:saml-provider/p',
  accountId: '111122223333',
  assertion: text.toString('base64'),
  recipients: [recipient],
  audiences: [recipient],
  now,
}

const works: Readonly<Record<string, { readonly times: number; readonly run: () => unknown }>> = {
  'raw sign': { times: 100, run: () => sign('sha256', text, privateKey) },
  'write and sign': {
    times: 100,
    run: () => writeResponse(answer, statement, 'assertion', { privateKey, certificate: undefined }),
  },
  'raw verify': { times: 1_000, run: () => verify('sha256', text, publicKey, signature) },
  gate: { times: 300, run: () => verifyResponse(xml, keys) },
  'whole STS check': { times: 300, run: () => verifyStsAssertion(needs, request) },
  ...Object.fromEntries(
    Object.entries(hostile).map(([name, document]) => [name, { times: 10, run: () => refuses(document) }]),
  ),
}

const samples = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]))
for (let round = 0; round < 12; round += 1) {
  for (const [name, { times, run }] of Object.entries(works)) {
    const start = process.cpuUsage()
    for (let count = 0; count < times; count += 1) await run()
    const { user, system } = process.cpuUsage(start)
    if (round > 1) samples.get(name)?.push((user + system) / times)
  }
}
const median = (name: string): number => {
  const sorted = (samples.get(name) ?? []).toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

let over = false
const line = (name: string, base: string, limit: number): void => {
  const ratio = median(name) / median(base)
  if (ratio > limit) over = true
  console.log(`${name.padEnd(20)} ${ratio.toFixed(2).padStart(8)} × ${base.padEnd(10)} limit ${limit}`)
}
console.log(
  `raw sign ${median('raw sign').toFixed(0)} µs, raw verify ${median('raw verify').toFixed(0)} µs of CPU; response of ${xml.length} bytes`,
)
line('write and sign', 'raw sign', 1.1)
line('gate', 'raw verify', 6)
line('whole STS check', 'raw verify', 8)
for (const name of Object.keys(hostile)) line(name, 'gate', 400)
process.exitCode = over ? 1 : 0
