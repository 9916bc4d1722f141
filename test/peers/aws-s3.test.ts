/**
 * The gateway with unmodified clients of S3: the aws commands and the boto3s of this machine, each with a role session, before
 * a store that knows nothing but its own key.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type ObjectStore, startObjectStore, storeKey } from '../support/object-store.ts'
import { freePort } from '../support/signet-process.ts'
import { awsEnvironment, installedClis, type Ran, run } from './support/aws.ts'
import { account, type Company, people, startCompany } from './support/company.ts'
import { describeWith } from './support/peer.ts'

const clis = installedClis()
const pythons = [
  ['boto3 of Debian', '/usr/bin/python3'],
  ['boto3 of the path', 'python3'],
] as const

let company: Company
let store: ObjectStore
let folder: string
let endpoint: string
let env: Record<string, string>
/** More than one part of a multipart upload of the command (8 MiB each). */
const large = Buffer.alloc(20 * 1_048_576, 'a line of a large file\n')

describeWith('awscli', 'python3-boto3')('an S3 store behind the gateway', () => {
  beforeAll(async () => {
    store = await startObjectStore(['photos'])
    const port = await freePort()
    endpoint = `http://127.0.0.1:${port}`
    company = await startCompany({ gateway: { port } })
    folder = mkdtempSync(join(tmpdir(), 'signet-s3-'))
    mkdirSync(join(folder, 'home'))
    writeFileSync(join(folder, 'store-secret'), storeKey.secret)
    await company.apply({
      roles: [
        {
          name: 'Photographer',
          trust: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Principal: { AWS: `arn:aws:iam::${account}:root` },
                Action: 'sts:AssumeRole',
              },
            ],
          },
          inline_policies: {
            photos: {
              Version: '2012-10-17',
              Statement: [
                { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::photos' },
                { Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' },
                { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::photos/mine/*' },
                { Effect: 'Deny', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::photos/mine/kept*' },
              ],
            },
          },
        },
      ],
      apps: [
        {
          name: 'Store',
          proxy: {
            origins: [endpoint],
            protocol: 's3',
            upstream: {
              url: store.url,
              access_key_id: storeKey.accessKeyId,
              secret_file: join(folder, 'store-secret'),
            },
          },
        },
      ],
    })
    const sts = new STSClient({ endpoint: company.url, region: 'us-east-1', credentials: people.alice })
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${account}:role/Photographer`,
        RoleSessionName: 'peers',
      }),
    )
    env = {
      ...awsEnvironment(join(folder, 'home')),
      AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
      AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
      AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
    }
    // The first version of the command would sign links with an older method.
    mkdirSync(join(folder, 'home/.aws'))
    writeFileSync(join(folder, 'home/.aws/config'), '[default]\ns3 =\n  signature_version = s3v4\n')
    writeFileSync(join(folder, 'large.bin'), large)
    writeFileSync(join(folder, 'small.txt'), 'a small file')
  })
  afterAll(async () => {
    expect(company.faults()).toEqual([])
    await company.stop()
    await store.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    store.requests.length = 0
  })

  const file = (name: string) => join(folder, name)

  it.each(clis.map((cli) => [cli.version, cli] as const))(
    'aws %s: copies up and down, also in parts; lists, signs links, moves and removes',
    async (_version, { path }) => {
      const aws = async (...args: readonly string[]): Promise<Ran> =>
        run(path, ['--endpoint-url', endpoint, ...args], env, 120)
      const good = async (...args: readonly string[]): Promise<string> => {
        const { code, out, err } = await aws(...args)
        expect(code, `${args.join(' ')}: ${err}${out}`).toBe(0)
        return out
      }
      await good('s3', 'cp', file('small.txt'), 's3://photos/mine/a b+c é.txt', '--quiet')
      expect(store.objects.get('photos/mine/a b+c é.txt')?.toString()).toBe('a small file')
      await good('s3', 'cp', file('large.bin'), 's3://photos/mine/large.bin', '--quiet')
      expect(store.objects.get('photos/mine/large.bin')?.equals(large)).toBe(true)
      expect(store.requests.some(({ url }) => url.includes('partNumber=2'))).toBe(true)
      await good('s3', 'cp', 's3://photos/mine/large.bin', file('back.bin'), '--quiet')
      expect(readFileSync(file('back.bin')).equals(large)).toBe(true)
      expect(await good('s3', 'ls', 's3://photos/mine/')).toMatch(/a b\+c é\.txt[^]*large\.bin/)
      expect(await good('s3', 'ls')).toContain('photos')
      expect(await good('s3api', 'head-object', '--bucket', 'photos', '--key', 'mine/large.bin')).toContain(
        String(large.length),
      )
      const link = (await good('s3', 'presign', 's3://photos/mine/a b+c é.txt')).trim()
      const got = await run('curl', ['-sS', link], env)
      expect(got.out, got.err).toBe('a small file')
      await good('s3', 'mv', 's3://photos/mine/a b+c é.txt', 's3://photos/mine/b.txt', '--quiet')
      expect([...store.objects.keys()]).toEqual(expect.arrayContaining(['photos/mine/b.txt']))
      await good('s3api', 'delete-objects', '--bucket', 'photos', '--delete', 'Objects=[{Key=mine/b.txt}]')
      await good('s3', 'rm', 's3://photos/mine/', '--recursive', '--quiet')
      expect([...store.objects.keys()]).toEqual([])

      const denied = await aws('s3', 'cp', file('small.txt'), 's3://photos/theirs/a.txt')
      expect(denied.code).not.toBe(0)
      expect(denied.err).toContain('AccessDenied')
      expect(denied.err).toContain('is not authorized to perform: s3:PutObject')
      expect(store.objects.size).toBe(0)
      expect(store.refused).toEqual([])
    },
  )

  it.each(pythons)('%s: objects, lists, copies, deletions and links', async (_name, python) => {
    const program = `
import boto3, io, sys, urllib.request
from botocore.exceptions import ClientError
s3 = boto3.client("s3", endpoint_url=sys.argv[1])
s3.put_object(Bucket="photos", Key="mine/x/1", Body=b"one", Metadata={"a": "b"}, ContentType="text/plain")
got = s3.get_object(Bucket="photos", Key="mine/x/1")
assert got["Body"].read() == b"one" and got["Metadata"] == {"a": "b"}, got
s3.upload_fileobj(io.BytesIO(b"0123456789" * 1200000), "photos", "mine/x/big")
assert s3.head_object(Bucket="photos", Key="mine/x/big")["ContentLength"] == 12000000
s3.copy_object(Bucket="photos", Key="mine/x/2", CopySource={"Bucket": "photos", "Key": "mine/x/1"})
keys = [each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="photos", Prefix="mine/x/") for each in page["Contents"]]
assert keys == ["mine/x/1", "mine/x/2", "mine/x/big"], keys
s3.put_object(Bucket="photos", Key="mine/kept", Body=b"k")
told = s3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "mine/x/1"}, {"Key": "mine/kept"}]})
assert [each["Key"] for each in told["Deleted"]] == ["mine/x/1"], told
assert [(each["Key"], each["Code"]) for each in told["Errors"]] == [("mine/kept", "AccessDenied")], told
boto3.resource("s3", endpoint_url=sys.argv[1]).Bucket("photos").objects.filter(Prefix="mine/x/").delete()
assert s3.list_objects_v2(Bucket="photos", Prefix="mine/x/")["KeyCount"] == 0
try:
    s3.get_object(Bucket="photos", Key="theirs/1")
    raise SystemExit("read")
except ClientError as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
print("done")
`
    const { out, err } = await run(python, ['-c', program, endpoint], env, 120)
    expect(out.trim(), err).toBe('done')
    expect(store.refused).toEqual([])
  })

  it('passes a large body in bounded memory', async () => {
    const status = () => {
      const [, kib = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${company.pid}/status`, 'utf8')) ?? []
      return Number(kib) * 1_024
    }
    const before = status()
    const program = `
import boto3, sys
from boto3.s3.transfer import TransferConfig
s3 = boto3.client("s3", endpoint_url=sys.argv[1])
s3.put_object(Bucket="photos", Key="mine/huge", Body=open(sys.argv[2], "rb"))
`
    const huge = file('huge.bin')
    writeFileSync(huge, Buffer.alloc(200 * 1_048_576, 'x'))
    const { code, err } = await run('/usr/bin/python3', ['-c', program, endpoint, huge], env, 120)
    expect(code, err).toBe(0)
    expect(store.objects.get('photos/mine/huge')?.length).toBe(200 * 1_048_576)
    expect(status() - before).toBeLessThan(100 * 1_048_576)
  })
})
