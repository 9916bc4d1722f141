import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAudit, listEvents } from '#audit'
import { createPasswordHasher } from '#crypto'
import type { Database } from '#database'
import { apply } from '#declare'
import { readBuiltInPolicies } from '#iam'
import { isFailure } from '#kernel'
import { findProfile, findTrustAnchor } from '#roles-anywhere'
import { testDatabase } from '../support/database.ts'
import { testVault } from '../support/fixtures.ts'
import { makeCertificate, makeRevocationList } from '../support/x509.ts'

const clock = () => Temporal.Instant.from('2026-11-22T10:00:00Z')
const authority = makeCertificate({ name: 'Factory CA', ca: true })
const leaf = makeCertificate({ name: 'press', issuer: authority })
const files: Record<string, string> = {
  '/x/ca.pem': authority.pem,
  '/x/ca.crl': makeRevocationList(authority, []),
  '/x/leaf.pem': leaf.pem,
}
const arn = 'arn:aws:rolesanywhere:us-east-1:111122223333:'
let database: Database

beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

const run = async (text: string) =>
  apply(
    {
      database,
      clock,
      vault: testVault,
      audit: createAudit({ database, clock }),
      builtInPolicies: readBuiltInPolicies(join(import.meta.dirname, '../../config/policies')),
      hasher: await createPasswordHasher(
        { clock },
        { memoryKib: 64, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
      ),
    },
    {
      text,
      fileName: '/x/signet.yaml',
      env: () => undefined,
      readFile: (path) => files[path] ?? '',
    },
  )

const company = (anchor = 'certificate_file: ca.pem') => `
organization: Acme
accounts:
  - name: acme
    id: "111122223333"
roles:
  - name: Machine
    trust: { Version: "2012-10-17", Statement: [{ Effect: Allow, Principal: { Service: rolesanywhere.amazonaws.com }, Action: "sts:AssumeRole" }] }
trust_anchors:
  - name: factory
    ${anchor}
    revocation_list_file: ca.crl
anywhere_profiles:
  - name: machines
    roles: [Machine]
    session_policies: [ReadOnlyAccess]
    max_session_seconds: 7200
`

it('trust anchors and profiles are declared, as often as one likes', async () => {
  expect((await run(company())).counts.created).toBe(5)
  expect(await findTrustAnchor(database, `${arn}trust-anchor/factory`)).toMatchObject({
    certificates: authority.pem,
    revocationLists: files['/x/ca.crl'],
    enabled: true,
  })
  expect(await findProfile(database, `${arn}profile/machines`)).toMatchObject({
    roles: ['arn:aws:iam::111122223333:role/Machine'],
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    maxSessionSeconds: 7_200,
    acceptsSessionName: false,
  })
  expect((await run(company())).counts).toMatchObject({ created: 0, updated: 0 })
  const names = (await listEvents(database, { limit: 100 })).map(
    ({ body }) => (JSON.parse(body) as { eventName: string }).eventName,
  )
  expect(names.filter((name) => /TrustAnchor|Profile/.test(name)).toSorted()).toEqual([
    'CreateProfile',
    'CreateTrustAnchor',
  ])
})

it.each([
  [
    'a certificate of no authority',
    company('certificate_file: leaf.pem'),
    'trust_anchors.0.certificate_file: This trust anchor cannot be used',
  ],
  [
    'a role that is not there',
    company().replace('roles: [Machine]', 'roles: [Machin]'),
    'anywhere_profiles.0.roles.0: There is no role Machin',
  ],
])('%s is a problem with its place', async (_what, text, problem) => {
  await expect(run(text)).rejects.toSatisfy(
    (thrown: unknown) => isFailure(thrown) && thrown.message.includes(problem),
  )
})
