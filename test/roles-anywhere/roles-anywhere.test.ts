import { createHash, type KeyObject, sign } from 'node:crypto'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { listEvents } from '#audit'
import { type Database, sql } from '#database'
import { createRole, deleteRole, findRole, updateRole } from '#iam'
import { systemClock } from '#kernel'
import { putProfile, putTrustAnchor } from '#roles-anywhere'
import { canonicalRequest } from '#sigv4'
import { federatedEpochId } from '#sts'
import { testDatabase } from '../support/database.ts'
import { claim, home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import {
  der,
  ecKey,
  extension,
  makeCertificate,
  makeRevocationList,
  rsaKey,
  type TestCertificate,
} from '../support/x509.ts'
import { patiently } from '../support/patience.ts'

let database: Database
let server: TestServer
const roleArn = `arn:aws:iam::${home}:role/Machine`
const anchorArn = `arn:aws:rolesanywhere:us-east-1:${home}:trust-anchor/factory`
const profileArn = `arn:aws:rolesanywhere:us-east-1:${home}:profile/machines`
const clientAuth = '2b06010505070302'
const serverAuth = '2b06010505070301'

const authority = makeCertificate({ name: 'Factory CA', ca: true })
const machine = makeCertificate({ name: 'press-7', issuer: authority, extendedUsage: [clientAuth] })
const stranger = makeCertificate({ name: 'Factory CA', ca: true })

const trustOf = (condition: object = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'rolesanywhere.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
        ...condition,
      },
    ],
  })
const setTrust = async (trustDocument: string) => {
  const role = await findRole(database, home, 'Machine')
  await updateRole(database, role?.roleId ?? '', { trustDocument })
}
const setAnchor = (more: Partial<Parameters<typeof putTrustAnchor>[2]> = {}) =>
  putTrustAnchor(database, systemClock, {
    accountId: home,
    name: 'factory',
    certificates: authority.pem,
    revocationLists: '',
    enabled: true,
    ...more,
  })
const setProfile = (more: Partial<Parameters<typeof putProfile>[2]> = {}) =>
  putProfile(database, systemClock, {
    accountId: home,
    name: 'machines',
    roles: [roleArn],
    policyArns: [],
    sessionPolicy: undefined,
    maxSessionSeconds: 3_600,
    acceptsSessionName: false,
    enabled: true,
    ...more,
  })

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, systemClock)
  server = await startServer({ database })
  await createRole(database, systemClock, { accountId: home, name: 'Machine', trustDocument: trustOf() })
  await createRole(database, systemClock, { accountId: home, name: 'Other', trustDocument: trustOf() })
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  await setTrust(trustOf())
  await Promise.all([setAnchor(), setProfile()])
})

type Call = {
  readonly certificate?: TestCertificate
  readonly key?: KeyObject
  readonly chain?: readonly TestCertificate[]
  readonly body?: object | string
  readonly query?: Record<string, string>
  readonly at?: Temporal.Instant
  /** Changes the request after it was signed. */
  readonly tamper?: (request: { headers: Record<string, string>; body: string; url: string }) => void
  readonly service?: string
  readonly serial?: string
}

/** CreateSession, signed as the public signing helper does it. */
async function createSession(call: Call = {}): Promise<{
  status: number
  exception: string | null
  body: {
    credentialSet?: {
      assumedRoleUser: { arn: string; assumedRoleId: string }
      credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiration: string }
      roleArn: string
      sourceIdentity?: string
    }[]
    subjectArn?: string
    message?: string
  }
}> {
  const { certificate = machine, chain = [], at = Temporal.Now.instant(), service = 'rolesanywhere' } = call
  const key = call.key ?? certificate.key
  const body =
    typeof call.body === 'string' ? call.body : JSON.stringify(call.body ?? { durationSeconds: 900 })
  const query = new URLSearchParams({ profileArn, roleArn, trustAnchorArn: anchorArn, ...call.query })
  const path = `/sessions?${query.toString()}`
  const date = at.toString({ smallestUnit: 'second' }).replaceAll(/[-:]/g, '')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    host: new URL(server.url).host,
    'x-amz-date': date,
    'x-amz-x509': certificate.der.toString('base64'),
    ...(chain.length === 0
      ? {}
      : { 'x-amz-x509-chain': chain.map((each) => each.der.toString('base64')).join(',') }),
  }
  const signedHeaders = Object.keys(headers).toSorted()
  const canonical = canonicalRequest(
    { method: 'POST', rawUrl: path, headers: Object.entries(headers), body: Buffer.from(body) },
    { signedHeaders, service, payloadHash: createHash('sha256').update(body).digest('hex') },
  )
  const algorithm = `AWS4-X509-${key.asymmetricKeyType === 'ec' ? 'ECDSA' : 'RSA'}-SHA256`
  const scope = `${date.slice(0, 8)}/us-east-1/${service}/aws4_request`
  const text = [algorithm, date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const signature = sign('sha256', Buffer.from(text), key).toString('hex')
  const credential = `${call.serial ?? certificate.serial.toString()}/${scope}`
  headers['authorization'] =
    `${algorithm} Credential=${credential}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`
  const request = { headers, body, url: server.url + path }
  call.tamper?.(request)
  const { host: _host, ...sent } = request.headers
  const answer = await fetch(request.url, { method: 'POST', headers: sent, body: request.body })
  return {
    status: answer.status,
    exception: answer.headers.get('x-amzn-errortype'),
    body: (await answer.json()) as Awaited<ReturnType<typeof createSession>>['body'],
  }
}
const statusOf = async (call: Call = {}) => {
  const { status, exception } = await createSession(call)
  return [status, exception]
}
const denied = [403, 'AccessDeniedException']
const invalid = [400, 'ValidationException']
const created = [201, null]

async function whoAmI(given: { accessKeyId: string; secretAccessKey: string; sessionToken: string }) {
  const { accessKeyId, secretAccessKey, sessionToken } = given
  const keys = { accessKeyId, secretAccessKey, sessionToken }
  const sts = new STSClient({ region: 'us-east-1', endpoint: server.url, maxAttempts: 1, credentials: keys })
  try {
    return (await sts.send(new GetCallerIdentityCommand({}))).Arn
  } catch (thrown) {
    return (thrown as Error).name
  } finally {
    sts.destroy()
  }
}

describe('a certificate is traded for a role session', () => {
  it('with an elliptic key, named by its serial number', async () => {
    const { status, body } = await createSession()
    expect(status).toBe(201)
    const [set] = body.credentialSet ?? []
    const name = machine.serial.toString(16)
    expect(set).toMatchObject({ roleArn, sourceIdentity: 'CN=press-7' })
    expect(body.subjectArn).toContain(':subject/')
    expect(set && (await whoAmI(set.credentials))).toBe(`arn:aws:sts::${home}:assumed-role/Machine/${name}`)
    const left = Temporal.Now.instant().until(Temporal.Instant.from(set?.credentials.expiration ?? ''))
    expect(left.total('seconds')).toBeGreaterThan(840)
    expect(left.total('seconds')).toBeLessThanOrEqual(900)
  })

  it('with an RSA key, through two authorities in any order', async () => {
    const first = makeCertificate({ name: 'Plant CA', issuer: authority, ca: true, key: rsaKey() })
    const second = makeCertificate({ name: 'Line CA', issuer: first, ca: true })
    const leaf = makeCertificate({ name: 'robot', issuer: second, key: rsaKey() })
    expect(await statusOf({ certificate: leaf, chain: [first, second] })).toEqual(created)
    expect(await statusOf({ certificate: leaf, chain: [second, first] })).toEqual(created)
    expect(await statusOf({ certificate: leaf, chain: [second] })).toEqual(denied)
  })

  it('as the trust policy says of its subject, its issuer and the trust anchor', async () => {
    const leaf = makeCertificate({ name: 'press-8', issuer: authority, subject: [['55040b', 'Line 4']] })
    const when = (key: string, value: string) => trustOf({ Condition: { StringEquals: { [key]: value } } })
    for (const [key, value] of [
      ['aws:PrincipalTag/x509Subject/OU', 'Line 4'],
      ['aws:PrincipalTag/x509Subject/CN', 'press-8'],
      ['aws:PrincipalTag/x509Issuer/CN', 'Factory CA'],
      ['aws:RequestTag/x509Subject/OU', 'Line 4'],
      ['aws:SourceArn', anchorArn],
      ['aws:SourceAccount', home],
      ['sts:SourceIdentity', 'CN=press-8'],
    ] as const) {
      await setTrust(when(key, value))
      expect([key, await statusOf({ certificate: leaf })]).toEqual([key, created])
      await setTrust(when(key, `${value}x`))
      expect([key, await statusOf({ certificate: leaf })]).toEqual([key, denied])
    }
  })

  it('under the name that the client gives, where the profile accepts one', async () => {
    const body = { durationSeconds: 900, roleSessionName: 'night-shift' }
    expect(await statusOf({ body })).toEqual(denied)
    await setProfile({ acceptsSessionName: true })
    const { body: given } = await createSession({ body })
    expect(given.credentialSet?.[0]?.assumedRoleUser.arn).toContain('/night-shift')
  })

  it('that ends when the certificate is revoked by hand, and those of other certificates go on', async () => {
    const other = makeCertificate({ name: 'press-10', issuer: authority })
    const taken = async (certificate: TestCertificate) => {
      const [set] = (await createSession({ certificate })).body.credentialSet ?? []
      return set?.credentials ?? { accessKeyId: '', secretAccessKey: '', sessionToken: '' }
    }
    const [one, two] = [await taken(machine), await taken(other)]
    const id = federatedEpochId({ providerArn: anchorArn, subject: machine.serial.toString(16) })
    await database.query(sql`select raise_epoch('federated', ${id})`)
    await vi.waitFor(async () => expect(await whoAmI(one)).toBe('ExpiredToken'), patiently)
    expect(await whoAmI(two)).toContain('assumed-role/Machine/')
  })

  it('and the event tells the reason of a refusal', async () => {
    await setTrust(trustOf({ Condition: { StringEquals: { 'aws:SourceAccount': '999999999999' } } }))
    await statusOf()
    const events = await listEvents(database, { name: 'AssumeRole', limit: 1_000 })
    expect(events.map(({ body }) => JSON.parse(body) as object)).toContainEqual(
      expect.objectContaining({
        errorCode: 'AccessDenied',
        userIdentity: { type: 'AWSService', invokedBy: 'rolesanywhere.amazonaws.com' },
      }),
    )
  })
})

describe('the certificate is refused', () => {
  const past = '2021-01-01T00:00:00'
  const bad: readonly (readonly [string, () => Call])[] = [
    [
      'that another authority of the same name signed',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: stranger }) }),
    ],
    ['that signed itself', () => ({ certificate: makeCertificate({ name: 'x' }) })],
    [
      'that is an authority',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, ca: true, usage: [0, 5] }) }),
    ],
    ['that is the anchor itself', () => ({ certificate: authority })],
    [
      'that is over',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, notAfter: past }) }),
    ],
    [
      'that is not valid yet',
      () => ({
        certificate: makeCertificate({ name: 'x', issuer: authority, notBefore: '2048-01-01T00:00:00' }),
      }),
    ],
    [
      'that is not for signatures',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, usage: [2] }) }),
    ],
    [
      'that does not say what it is for',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, usage: null }) }),
    ],
    [
      'that is for servers',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, extendedUsage: [serverAuth] }) }),
    ],
    [
      'with a short key',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, key: rsaKey(1_024) }) }),
    ],
    [
      'that was signed with SHA-1',
      () => ({ certificate: makeCertificate({ name: 'x', issuer: authority, hash: 'sha1' }) }),
    ],
    [
      'with a critical extension that nobody knows',
      () => ({
        certificate: makeCertificate({
          name: 'x',
          issuer: authority,
          extensions: [extension('2a0304', true, der(0x05))],
        }),
      }),
    ],
    [
      'below an authority that may have none below it',
      () => {
        const first = makeCertificate({ name: 'A', issuer: authority, ca: true, pathLength: 0 })
        const second = makeCertificate({ name: 'B', issuer: first, ca: true })
        return { certificate: makeCertificate({ name: 'x', issuer: second }), chain: [first, second] }
      },
    ],
    [
      'of an issuer that is no authority',
      () => {
        const first = makeCertificate({ name: 'A', issuer: authority, usage: [0, 5] })
        return { certificate: makeCertificate({ name: 'x', issuer: first }), chain: [first] }
      },
    ],
    [
      'of an authority that is over',
      () => {
        const first = makeCertificate({ name: 'A', issuer: authority, ca: true, notAfter: past })
        return { certificate: makeCertificate({ name: 'x', issuer: first }), chain: [first] }
      },
    ],
    [
      'below more authorities than five',
      () => {
        const chain: TestCertificate[] = []
        for (let at = 0; at < 6; at++)
          chain.push(makeCertificate({ name: `A${at}`, issuer: chain.at(-1) ?? authority, ca: true }))
        return { certificate: makeCertificate({ name: 'x', issuer: chain.at(-1) ?? authority }), chain }
      },
    ],
  ]
  it.each(bad)('%s', async (_what, call) => {
    expect(await statusOf(call())).toEqual(denied)
  })

  it('of which one bit was changed', async () => {
    const changed = Buffer.from(machine.der)
    const at = machine.der.length - 20
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(await statusOf({ certificate: { ...machine, der: changed } })).toEqual(denied)
  })

  it('that was revoked, and every one while the list is too old', async () => {
    const other = makeCertificate({ name: 'press-9', issuer: authority })
    await setAnchor({ revocationLists: makeRevocationList(authority, [machine.serial]) })
    expect(await statusOf()).toEqual(denied)
    expect(await statusOf({ certificate: other })).toEqual(created)
    await setAnchor({ revocationLists: makeRevocationList(authority, [], { nextUpdate: past }) })
    expect(await statusOf({ certificate: other })).toEqual(denied)
    await setAnchor({ revocationLists: makeRevocationList(authority, [], { nextUpdate: null }) })
    expect(await statusOf()).toEqual(created)
  })

  it('and so is a revocation list that somebody else signed, when it is saved', async () => {
    const forged = makeRevocationList(authority, [], { key: ecKey() })
    await expect(setAnchor({ revocationLists: forged })).rejects.toMatchObject({
      reason: 'roles-anywhere/trust-anchor',
    })
    await expect(setAnchor({ certificates: machine.pem })).rejects.toMatchObject({
      reason: 'roles-anywhere/trust-anchor',
    })
    await expect(setAnchor({ certificates: 'x' })).rejects.toMatchObject({ reason: 'roles-anywhere/pem' })
  })
})

describe('the signature', () => {
  const wrong: readonly (readonly [string, Call])[] = [
    ['by another key', { key: ecKey() }],
    ['with a changed body', { tamper: (request) => (request.body = '{"durationSeconds":3600}') }],
    ['with a changed role', { tamper: (request) => (request.url = request.url.replace('Machine', 'Other')) }],
    ['for another service', { service: 'sts' }],
    ['that names another certificate', { serial: '4711' }],
    ['from an hour ago', { at: Temporal.Now.instant().subtract({ hours: 1 }) }],
    ['from an hour ahead', { at: Temporal.Now.instant().add({ hours: 1 }) }],
    [
      'that does not cover the certificate',
      {
        tamper: ({ headers }) =>
          (headers['authorization'] = (headers['authorization'] ?? '').replace(';x-amz-x509', '')),
      },
    ],
    [
      'with a chain that was added later',
      { tamper: ({ headers }) => (headers['x-amz-x509-chain'] = 'AAAA') },
    ],
  ]
  it.each(wrong)('is refused %s', async (_what, call) => {
    expect(await statusOf(call)).toEqual(denied)
  })

  it.each([
    [
      'none',
      { tamper: ({ headers }: { headers: Record<string, string> }) => delete headers['authorization'] },
    ],
    [
      'of plain SigV4',
      {
        tamper: ({ headers }: { headers: Record<string, string> }) =>
          (headers['authorization'] =
            'AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/rolesanywhere/aws4_request, SignedHeaders=host, Signature=00'),
      },
    ],
  ] as readonly (readonly [string, Call])[])('is asked for when there is %s', async (_what, call) => {
    expect(await statusOf(call)).toEqual(invalid)
  })
})

describe('the request is refused', () => {
  it.each([
    [
      'for a role that the profile does not have',
      { query: { roleArn: `arn:aws:iam::${home}:role/Other` } },
      denied,
    ],
    [
      'for a role of another account',
      { query: { roleArn: 'arn:aws:iam::444455556666:role/Machine' } },
      denied,
    ],
    ['with a profile that is not there', { query: { profileArn: `${profileArn}x` } }, denied],
    ['with a trust anchor that is not there', { query: { trustAnchorArn: `${anchorArn}x` } }, denied],
    ['with no ARN at all', { query: { trustAnchorArn: 'factory' } }, denied],
    ['for longer than the profile allows', { body: { durationSeconds: 3_601 } }, invalid],
    ['for too short a time', { body: { durationSeconds: 899 } }, invalid],
    ['with a body that is no JSON', { body: '{' }, invalid],
    ['with a list for a body', { body: '[]' }, invalid],
  ] as readonly (readonly [string, Call, unknown[]])[])('%s', async (_what, call, expected) => {
    expect(await statusOf(call)).toEqual(expected)
  })

  it('when the trust anchor or the profile is switched off', async () => {
    await setProfile({ enabled: false })
    expect(await statusOf()).toEqual(denied)
    await setProfile()
    await setAnchor({ enabled: false })
    expect(await statusOf()).toEqual(denied)
  })

  it('with a header that is no certificate', async () => {
    for (const header of ['', 'x', 'AAAA', Buffer.from('hello').toString('base64')])
      expect(
        (await statusOf({ certificate: { ...machine, der: Buffer.from(header, 'base64') } }))[0],
      ).toBeLessThan(500)
  })
})

describe('a session ends', () => {
  it.each([
    ['the trust anchor is switched off', () => setAnchor({ enabled: false })],
    [
      'the trust anchor gets a new revocation list',
      () => setAnchor({ revocationLists: makeRevocationList(authority, [machine.serial]) }),
    ],
    ['the trust anchor is deleted', () => database.query(sql`delete from trust_anchor`)],
    [
      'the role is deleted',
      async () => deleteRole(database, (await findRole(database, home, 'Machine'))?.roleId ?? ''),
    ],
  ])('when %s', async (_what, end) => {
    const { body } = await createSession()
    const keys = body.credentialSet?.[0]?.credentials
    if (keys === undefined) throw new Error('no session')
    expect(await whoAmI(keys)).toContain('assumed-role/Machine')
    await end()
    await expect.poll(() => whoAmI(keys)).toMatch(/^(ExpiredToken|InvalidClientTokenId)/)
  })
})
