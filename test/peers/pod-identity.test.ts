/** Pods with the boto3s of this machine, by `signet agent --pods` as a node runs it, and tokens of a cluster's issuer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type SignetRun, startSignet } from '../support/signet-process.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'
import { awsEnvironment, run } from './support/aws.ts'
import { account, type Company, people, startCompany } from './support/company.ts'
import { describeWith } from './support/peer.ts'

const audience = 'pods.eks.amazonaws.com'
const reached = `arn:aws:sts::${account}:assumed-role/ShopApi/eks-prod-api-0`
let company: Company
let issuer: TokenIssuer
let agent: SignetRun
let folder: string
let url: string

describeWith('python3-boto3')('a pod', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'signet-pod-'))
    issuer = await startTokenIssuer()
    company = await startCompany({ sts: { allowed_issuer_hosts: [issuer.host] } })
    await company.apply({
      roles: [
        {
          name: 'ShopApi',
          trust: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Principal: { Service: audience },
                Action: ['sts:AssumeRole', 'sts:TagSession'],
              },
            ],
          },
        },
      ],
      clusters: [
        {
          name: 'prod',
          issuer: issuer.url,
          associations: [{ namespace: 'shop', service_account: 'api', role: 'ShopApi' }],
        },
      ],
    })
    agent = startSignet(['agent', '--pods', 'prod', '--url', company.url, '--port', '0'], {
      AWS_ACCESS_KEY_ID: people.alice.accessKeyId,
      AWS_SECRET_ACCESS_KEY: people.alice.secretAccessKey,
      DATA_DIR: folder,
    })
    await agent.says('/v1/credentials')
    url = agent.out().trim()
  })
  afterAll(async () => {
    agent.child.kill('SIGTERM')
    expect(await agent.ended).toBe(0)
    expect(company.faults()).toEqual([])
    await company.stop()
    await issuer.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const token = () =>
    issuer.mint({
      sub: 'system:serviceaccount:shop:api',
      aud: audience,
      'kubernetes.io': {
        namespace: 'shop',
        serviceaccount: { name: 'api', uid: 'a' },
        pod: { name: 'api-0', uid: 'b' },
      },
    })
  const program = `
import boto3, sys
print(boto3.client("sts", region_name="us-east-1", endpoint_url=sys.argv[1]).get_caller_identity()["Arn"])
`

  it.each([
    ['boto3 of the path, by the token’s file', 'python3', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'],
    [
      'boto3 of Debian, which knows no file, by the token',
      '/usr/bin/python3',
      'AWS_CONTAINER_AUTHORIZATION_TOKEN',
    ],
  ])('%s: is its service account’s role', async (_name, python, variable) => {
    const file = join(folder, 'token')
    writeFileSync(file, await token())
    const { out, err } = await run(python, ['-c', program, company.url], {
      ...awsEnvironment(folder),
      AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
      [variable]: variable.endsWith('FILE') ? file : await token(),
    })
    expect(out.trim(), err).toBe(reached)
  })
})
