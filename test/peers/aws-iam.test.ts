import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createAccessKey, createUser } from '#directory'
import { attachPolicy } from '#iam'
import { systemClock } from '#kernel'

import { claim, home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { awsEnvironment, installedClis, run, type AwsCli } from './support/aws.ts'
import { describeWith } from './support/peer.ts'

const clis = installedClis()
const document = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::a b/*' }],
})
let server: TestServer
let folder: string
let keys: Readonly<Record<string, string>>

beforeAll(async () => {
  server = await startServer()
  const { database, vault } = server
  await claim(database, systemClock)
  const user = await createUser(database, systemClock, { accountId: home, name: 'operator' })
  await attachPolicy(database, user.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')
  const clock = systemClock
  const key = await createAccessKey(database, { vault, clock }, { accountId: home, userId: user.userId })
  keys = { AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secret.reveal() }
  folder = mkdtempSync(join(tmpdir(), 'signet-aws-iam-'))
  writeFileSync(join(folder, 'policy.json'), document)
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const command =
  (cli: AwsCli) =>
  async (...args: readonly string[]): Promise<Record<string, never>> => {
    const { code, out, err } = await run(
      cli.path,
      ['iam', ...args, '--endpoint-url', server.url, '--output', 'json'],
      { ...awsEnvironment(folder), ...keys },
    )
    expect(code, `${args.join(' ')}\n${err}`).toBe(0)
    return out.trim() === '' ? {} : (JSON.parse(out) as Record<string, never>)
  }

describeWith('awscli')('aws iam', () => {
  it.each(clis.map((cli) => [cli.version, cli] as const))(
    '%s manages users, keys, policies and roles',
    async (version, cli) => {
      const aws = command(cli)
      const user = `cli-${version}`
      const named = ['--user-name', user]
      const policy = `arn:aws:iam::${home}:policy/Read-${version}`
      await aws('create-user', ...named, '--path', '/cli/', '--tags', 'Key=team,Value=orders')
      await aws('wait', 'user-exists', ...named)
      expect(await aws('create-access-key', ...named)).toMatchObject({
        AccessKey: { UserName: user, Status: 'Active' },
      })
      const file = `file://${join(folder, 'policy.json')}`
      expect(
        await aws('create-policy', '--policy-name', `Read-${version}`, '--policy-document', file),
      ).toMatchObject({ Policy: { Arn: policy } })
      await aws('attach-user-policy', ...named, '--policy-arn', policy)
      await aws('put-user-policy', ...named, '--policy-name', 'own', '--policy-document', file)
      // The command decodes the document: it is what went in.
      expect(await aws('get-user-policy', ...named, '--policy-name', 'own')).toMatchObject({
        PolicyDocument: JSON.parse(document) as object,
      })
      const listed: { readonly Policies?: readonly unknown[] } = await aws(
        'list-policies',
        '--page-size',
        '3',
      )
      expect(listed.Policies?.length).toBeGreaterThan(12)
      expect(
        await aws('get-account-authorization-details', '--filter', 'User', '--page-size', '1'),
      ).toMatchObject({
        UserDetailList: expect.arrayContaining([
          expect.objectContaining({ UserName: user, UserPolicyList: [expect.anything()] }) as unknown,
        ]) as unknown,
      })
      expect(await aws('get-account-summary')).toMatchObject({ SummaryMap: { UsersQuota: 5000 } })
      await aws('detach-user-policy', ...named, '--policy-arn', policy)
      await aws('delete-policy', '--policy-arn', policy)
      expect(server.complaints).toEqual([])
    },
  )
})
