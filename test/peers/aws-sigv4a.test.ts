/**
 * SigV4A as Amazon's own runtime signs it (awscrt, which Debian's boto3 has): calls of STS, a key that signs in no other
 * way, and a service that verifies with public keys alone.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { listEvents } from '#audit'
import { createAccessKey, findUserByName } from '#directory'
import { Secret, systemClock } from '#kernel'

import { startExample } from '../../clients/verify/example.ts'
import { acme, seedAcme } from '../support/acme.ts'
import type { TestCredentials } from '../support/api-call.ts'
import { home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { awsEnvironment, type Ran, run } from './support/aws.ts'
import { describeWith } from './support/peer.ts'
import { tampered } from '../support/tampered.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: TestServer
let service: { url: string; close(): Promise<void> }
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-v4a-'))
  server = await startServer()
  await seedAcme(server.database)
  service = await startExample({ signet: server.url, service: 'orders' })
})
afterAll(async () => {
  await service.close()
  expect(server.complaints).toEqual([])
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** An unmodified client; the one thing it is told is which signature to use. */
const client = [
  'import boto3, json, sys',
  'from botocore.config import Config',
  'config = Config(signature_version=sys.argv[2], retries={"max_attempts": 1})',
  'sts = boto3.client("sts", endpoint_url=sys.argv[1], region_name="us-east-1", config=config)',
]
const whoAmI = [...client, 'print(sts.get_caller_identity()["Arn"])']
const assume = [
  ...client,
  `given = sts.assume_role(RoleArn="${acme.roleArn}", RoleSessionName="crt", DurationSeconds=900)["Credentials"]`,
  'print(json.dumps([given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]]))',
]
/** A request to the service, signed by the runtime itself. */
const callService = [
  'import sys, urllib.request, botocore.session',
  'from botocore.awsrequest import AWSRequest',
  'from botocore.crt.auth import CrtSigV4AsymAuth',
  'request = AWSRequest(method="GET", url=sys.argv[1] + "/o/1?b=2&a=x%20y")',
  'credentials = botocore.session.get_session().get_credentials()',
  'CrtSigV4AsymAuth(credentials, sys.argv[2], "*").add_auth(request)',
  'headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}',
  'sent = urllib.request.Request(request.url, headers=headers)',
  'try: print(urllib.request.urlopen(sent).read().decode())',
  'except urllib.error.HTTPError as refused: print(refused.read().decode())',
]

const python = (program: readonly string[], by: TestCredentials, ...args: string[]): Promise<Ran> =>
  run('/usr/bin/python3', ['-c', program.join('\n'), ...args], {
    ...awsEnvironment(folder),
    AWS_ACCESS_KEY_ID: by.accessKeyId,
    AWS_SECRET_ACCESS_KEY: by.secretAccessKey,
    ...(by.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: by.sessionToken }),
  })
const alice = `arn:aws:iam::${home}:user/alice`
const session = async (): Promise<TestCredentials> => {
  const { out, err } = await python(assume, acme, server.url, 'v4a')
  expect(err).toBe('')
  const [accessKeyId = '', secretAccessKey = '', sessionToken = ''] = JSON.parse(out) as string[]
  return { accessKeyId, secretAccessKey, sessionToken }
}

describeWith('python3-boto3')('boto3 of Debian with awscrt', () => {
  it('is known by long-term keys and by a session, beside SigV4', async () => {
    expect((await python(whoAmI, acme, server.url, 'v4a')).out.trim()).toBe(alice)
    expect((await python(whoAmI, acme, server.url, 'v4')).out.trim()).toBe(alice)
    expect((await python(whoAmI, await session(), server.url, 'v4a')).out.trim()).toBe(
      `arn:aws:sts::${home}:assumed-role/OrdersReader/crt`,
    )
    // A call that only reads is written down a moment after its answer.
    const events = () => listEvents(server.database, { name: 'GetCallerIdentity' })
    await expect.poll(async () => (await events()).length).toBeGreaterThanOrEqual(3)
  })

  it('is refused with another secret, and with a changed token', async () => {
    const wrong = { ...acme, secretAccessKey: acme.secretAccessKey.replace('alice', 'alicf') }
    expect((await python(whoAmI, wrong, server.url, 'v4a')).err).toContain('SignatureDoesNotMatch')
    const { sessionToken = '', ...keys } = await session()
    expect(
      (await python(whoAmI, { ...keys, sessionToken: tampered(sessionToken) }, server.url, 'v4a')).err,
    ).toContain('InvalidClientTokenId')
  })

  it('signs with a key whose secret Signet does not have, and by SigV4A alone', async () => {
    const user = await findUserByName(server.database, home, 'alice')
    const key = {
      accessKeyId: 'AKIAPUBLICONLYPUBLIC',
      secretAccessKey: 'a secret that is kept nowhere but here!!',
    }
    await createAccessKey(
      server.database,
      { vault: testVault, clock: systemClock },
      {
        accountId: home,
        userId: user?.userId ?? '',
        accessKeyId: key.accessKeyId,
        secret: new Secret(key.secretAccessKey),
        sigv4aOnly: true,
      },
    )
    expect((await python(whoAmI, key, server.url, 'v4a')).out.trim()).toBe(alice)
    expect((await python(whoAmI, key, server.url, 'v4')).err).toContain('SignatureDoesNotMatch')
  })

  it('is verified by a service that holds public keys alone', async () => {
    const by = await session()
    const ask = async (who: TestCredentials, forService = 'orders') =>
      JSON.parse((await python(callService, who, service.url, forService)).out) as object
    expect(await ask(by)).toMatchObject({ hello: `arn:aws:sts::${home}:assumed-role/OrdersReader/crt` })
    expect(await ask({ ...by, secretAccessKey: acme.secretAccessKey })).toMatchObject({
      code: 'SignatureDoesNotMatch',
    })
    expect(await ask(by, 'billing')).toMatchObject({ code: 'SignatureDoesNotMatch' })
  })
})
