/** Pod Identity: a node's agent, real tokens of a cluster's issuer, and the SDKs of the pods. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { fromHttp } from '@aws-sdk/credential-providers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findRole, updateRole } from '#iam'
import { systemClock } from '#kernel'
import { findCluster, putCluster } from '#pod-identity'
import { signHeaders } from '#sigv4'
import { podCredentials, podsPath } from '#src/agent/pods.ts'
import { listenLocally } from '#src/agent/server.ts'
import { declare } from '../access/world.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'

const home = '111122223333'
const env = {
  NODE_KEY: 'node-secret-access-key-for-tests-forty-0',
  IDLE_KEY: 'idle-secret-access-key-for-tests-forty-0',
}
const node = { accessKeyId: 'AKIANODENODENODENODE', secretAccessKey: env.NODE_KEY }
const idle = { accessKeyId: 'AKIAIDLEIDLEIDLEIDLE', secretAccessKey: env.IDLE_KEY }
const audience = 'pods.eks.amazonaws.com'

const declaration = (issuer: string) => `
organization: Acme
accounts: [{ name: acme, id: '${home}' }]
users:
  - name: node
    access_keys: [{ id: ${node.accessKeyId}, secret: "\${NODE_KEY}" }]
    inline_policies:
      pods:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: eks-auth:AssumeRoleForPodIdentity
            Resource: 'arn:aws:eks:us-east-1:${home}:cluster/*'
  - { name: idle, access_keys: [{ id: ${idle.accessKeyId}, secret: "\${IDLE_KEY}" }] }
roles:
  - name: ShopApi
    trust:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { Service: ${audience} }
          Action: ['sts:AssumeRole', 'sts:TagSession']
          Condition:
            StringEquals: { 'aws:SourceAccount': '${home}' }
            ArnLike: { 'aws:SourceArn': 'arn:aws:eks:*:*:cluster/prod' }
clusters:
  - name: prod
    issuer: ${issuer}
    associations:
      - { namespace: shop, service_account: api, role: ShopApi }
  - { name: off, issuer: '${issuer}', enabled: false }
`

let server: TestServer
let issuer: TokenIssuer
const folder = mkdtempSync(join(tmpdir(), 'signet-pods-'))

beforeAll(async () => {
  issuer = await startTokenIssuer()
  server = await startServer({ env: { SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([issuer.host]) } })
  await declare(server.database, declaration(issuer.url), env)
}, 60_000)
afterAll(async () => {
  await server.close()
  await issuer.close()
  rmSync(folder, { recursive: true, force: true })
})

const claims = (namespace = 'shop', account = 'api') => ({
  sub: `system:serviceaccount:${namespace}:${account}`,
  aud: audience,
  'kubernetes.io': {
    namespace,
    serviceaccount: { name: account, uid: '0e1f' },
    pod: { name: 'api-7d9f', uid: '7f3c-21' },
  },
})
type Answered = { status: number; type: string | null; body: Record<string, never> & { message?: string } }

async function assume(
  token: string,
  more: { cluster?: string; by?: typeof node; service?: string; body?: string } = {},
): Promise<Answered> {
  const { cluster = 'prod', by = node, service = 'eks-auth', body = JSON.stringify({ token }) } = more
  const url = new URL(`${server.url}/clusters/${cluster}/assume-role-for-pod-identity`)
  const headers = signHeaders(
    { method: 'POST', rawUrl: url.pathname, headers: [['host', url.host]], body: Buffer.from(body) },
    by,
    { at: systemClock(), region: 'us-east-1', service },
  ).filter(([name]) => name !== 'host')
  const answer = await fetch(url, {
    method: 'POST',
    headers: [
      ...headers.map(([name, value]): [string, string] => [name, value]),
      ['content-type', 'application/json'],
    ],
    body,
  })
  return {
    status: answer.status,
    type: answer.headers.get('x-amzn-errortype'),
    body: (await answer.json()) as Answered['body'],
  }
}

describe('a node’s agent', () => {
  it('trades a pod’s token for the role session of its service account, tagged with where it runs', async () => {
    const { status, body } = await assume(`${await issuer.mint(claims())}\n`)
    expect([status, body]).toEqual([
      200,
      {
        subject: { namespace: 'shop', serviceAccount: 'api' },
        audience,
        podIdentityAssociation: {
          associationArn: expect.stringMatching(
            new RegExp(`^arn:aws:eks:us-east-1:${home}:podidentityassociation/prod/a-\\w+$`),
          ) as string,
          associationId: expect.stringMatching(/^a-\w+$/) as string,
        },
        assumedRoleUser: {
          arn: `arn:aws:sts::${home}:assumed-role/ShopApi/eks-prod-api-7d9f`,
          assumeRoleId: expect.stringMatching(/^AROA\w+:eks-prod-api-7d9f$/) as string,
        },
        credentials: {
          accessKeyId: expect.stringMatching(/^ASIA/) as string,
          secretAccessKey: expect.any(String) as string,
          sessionToken: expect.any(String) as string,
          expiration: expect.any(Number) as number,
        },
      },
    ])
  })

  it('is refused by the words of the service model for what is wrong', async () => {
    const good = await issuer.mint(claims())
    const stranger = await startTokenIssuer()
    const unbound = { sub: claims().sub, aud: audience }
    const cases: readonly (readonly [string, Promise<Answered>, number, string])[] = [
      ['no right of its own', assume(good, { by: idle }), 400, 'AccessDeniedException'],
      [
        'another secret',
        assume(good, { by: { ...node, secretAccessKey: 'x' } }),
        403,
        'InvalidSignatureException',
      ],
      [
        'an unknown key',
        assume(good, { by: { ...node, accessKeyId: 'AKIAUNKNOWNUNKNOWN22' } }),
        403,
        'UnrecognizedClientException',
      ],
      ['another cluster', assume(good, { cluster: 'none' }), 404, 'ResourceNotFoundException'],
      ['a cluster switched off', assume(good, { cluster: 'off' }), 404, 'ResourceNotFoundException'],
      ['no cluster name', assume(good, { cluster: 'a.b' }), 400, 'InvalidParameterException'],
      ['no token', assume('', { body: '{}' }), 400, 'InvalidParameterException'],
      ['nonsense', assume('nonsense'), 400, 'InvalidTokenException'],
      ['another issuer', assume(await stranger.mint(claims())), 400, 'InvalidTokenException'],
      [
        'the cluster’s own audience',
        assume(await issuer.mint({ ...claims(), aud: 'https://kubernetes.default.svc' })),
        400,
        'InvalidTokenException',
      ],
      ['a token of no pod', assume(await issuer.mint(unbound)), 400, 'InvalidTokenException'],
      [
        'two service accounts',
        assume(await issuer.mint({ ...claims('shop', 'other'), sub: claims().sub })),
        400,
        'InvalidTokenException',
      ],
      [
        'a person',
        assume(await issuer.mint({ ...claims(), sub: 'dora@acme' })),
        400,
        'InvalidTokenException',
      ],
      ['an old token', assume(await issuer.mint(claims(), -3_600)), 400, 'ExpiredTokenException'],
      ['no association', assume(await issuer.mint(claims('shop', 'web'))), 404, 'ResourceNotFoundException'],
      ['another namespace', assume(await issuer.mint(claims('stage'))), 404, 'ResourceNotFoundException'],
    ]
    for (const [name, asked, status, type] of cases) {
      const answer = await asked
      expect([name, answer.status, answer.type, typeof answer.body.message]).toEqual([
        name,
        status,
        type,
        'string',
      ])
    }
    await stranger.close()
    const unsigned = await fetch(`${server.url}/clusters/prod/assume-role-for-pod-identity`, {
      method: 'POST',
      body: JSON.stringify({ token: good }),
    })
    expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([
      403,
      'MissingAuthenticationTokenException',
    ])
    expect(server.complaints).toEqual([])
  })

  it('gets nothing where the role does not trust this cluster', async () => {
    const role = await findRole(server.database, home, 'ShopApi')
    const before = JSON.stringify(JSON.parse(role?.trustDocument ?? ''))
    const set = (trustDocument: string) => updateRole(server.database, role?.roleId ?? '', { trustDocument })
    await set(before.replace('cluster/prod', 'cluster/other'))
    expect((await assume(await issuer.mint(claims()))).type).toBe('AccessDeniedException')
    await set(before)
    expect((await assume(await issuer.mint(claims()))).status).toBe(200)
  })
})

describe('a pod', () => {
  it('has credentials by the agent of its node, with any SDK, until the association is gone', async () => {
    const listening = await listenLocally(
      0,
      [podCredentials({ clock: systemClock, url: server.url, cluster: 'prod', own: async () => node })],
      () => {},
      { address: '127.0.0.1' },
    )
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, await issuer.mint(claims()))
    const provider = fromHttp({
      awsContainerCredentialsFullUri: `http://127.0.0.1:${listening.port}${podsPath}`,
      awsContainerAuthorizationTokenFile: tokenFile,
      maxRetries: 0,
    })
    const sts = new STSClient({
      endpoint: server.url,
      region: 'us-east-1',
      credentials: provider,
      maxAttempts: 1,
    })
    const who = async () => (await sts.send(new GetCallerIdentityCommand({}))).Arn
    expect(await who()).toBe(`arn:aws:sts::${home}:assumed-role/ShopApi/eks-prod-api-7d9f`)

    for (const authorization of ['', 'nonsense', `Bearer ${await issuer.mint(claims())}`]) {
      const answer = await fetch(`http://127.0.0.1:${listening.port}${podsPath}`, {
        headers: { authorization },
      })
      expect([authorization.slice(0, 9), answer.ok]).toEqual([authorization.slice(0, 9), false])
    }
    const found = await findCluster(server.database, home, 'prod')
    if (found === undefined) throw new Error('no cluster')
    // The same again changes nothing.
    await server.database.transaction((tx) => putCluster(tx, systemClock, found))
    expect(await who()).toContain('ShopApi')
    await server.database.transaction((tx) => putCluster(tx, systemClock, { ...found, associations: [] }))
    await expect(who()).rejects.toThrow(/expired/)
    await server.database.transaction((tx) => putCluster(tx, systemClock, found))
    await listening.close()
  })
})
