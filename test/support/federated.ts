import {
  AssumeRoleCommand,
  AssumeRoleWithSAMLCommand,
  AssumeRoleWithWebIdentityCommand,
  GetFederationTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts'

import type { Database } from '#database'
import { createRole, putInlinePolicy, putOidcProvider, putSamlProvider, type Role } from '#iam'
import { systemClock } from '#kernel'

import type { TestCredentials } from './api-call.ts'
import { home } from './fixtures.ts'
import { foreignIdp } from './saml-idp.ts'
import type { TokenIssuer } from './token-issuer.ts'

/** Credentials of a session. */
export type SessionCredentials = Required<TestCredentials>

/** People who come from outside: an OpenID issuer, a SAML identity provider, and a role that both may open. */
export type FederatedWorld = {
  readonly oidcArn: string
  readonly samlArn: string
  readonly role: Role
  client(url: string, by?: TestCredentials): STSClient
  byToken(url: string, sub: string, sessionName?: string): Promise<SessionCredentials>
  byAssertion(url: string, nameId: string, sessionName?: string): Promise<SessionCredentials>
  byFederation(url: string, by: TestCredentials, Name: string): Promise<SessionCredentials>
  chained(url: string, by: TestCredentials, RoleArn: string): Promise<SessionCredentials>
}

/** One statement that allows something on everything, as a document. */
export const allow = (Action: string | readonly string[], more: object = {}): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*', ...more }] })

/** The credentials in an answer of STS. */
export const credentialsOf = (answer: {
  Credentials?:
    | {
        AccessKeyId?: string | undefined
        SecretAccessKey?: string | undefined
        SessionToken?: string | undefined
      }
    | undefined
}): SessionCredentials => ({
  accessKeyId: answer.Credentials?.AccessKeyId ?? '',
  secretAccessKey: answer.Credentials?.SecretAccessKey ?? '',
  sessionToken: answer.Credentials?.SessionToken ?? '',
})

/** Makes the providers and the role `Pipeline`, which may take other roles and nothing else. */
export async function federatedWorld(database: Database, issuer: TokenIssuer): Promise<FederatedWorld> {
  const idp = foreignIdp()
  const oidcArn = await putOidcProvider(database, systemClock, {
    accountId: home,
    url: issuer.url,
    clientIds: ['sts'],
  })
  const samlArn = `arn:aws:iam::${home}:saml-provider/corp`
  await putSamlProvider(database, systemClock, { accountId: home, name: 'corp', metadata: idp.metadata })
  const role = await createRole(database, systemClock, {
    accountId: home,
    name: 'Pipeline',
    trustDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: oidcArn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: { StringLike: { [`${issuer.url.slice('http://'.length)}:sub`]: '*' } },
        },
        { Effect: 'Allow', Principal: { Federated: samlArn }, Action: 'sts:AssumeRoleWithSAML' },
      ],
    }),
  })
  await putInlinePolicy(database, role.roleId, 'chain', allow('sts:AssumeRole'))
  const client = (url: string, by: TestCredentials = { accessKeyId: '', secretAccessKey: '' }): STSClient =>
    new STSClient({ endpoint: url, region: 'us-east-1', credentials: by, maxAttempts: 1 })

  return {
    oidcArn,
    samlArn,
    role,
    client,
    byToken: async (url, sub, sessionName = 'run') =>
      credentialsOf(
        await client(url).send(
          new AssumeRoleWithWebIdentityCommand({
            RoleArn: role.arn,
            RoleSessionName: sessionName,
            WebIdentityToken: await issuer.mint({ sub, aud: 'sts' }),
          }),
        ),
      ),
    byAssertion: async (url, nameId, sessionName = 'run') => {
      const named = 'https://aws.amazon.com/SAML/Attributes'
      const assertion = idp.mint({
        recipient: `${url}/saml/aws`,
        now: systemClock(),
        nameId,
        assertionId: `_${crypto.randomUUID()}`,
        attributes: {
          [`${named}/Role`]: [`${role.arn},${samlArn}`],
          [`${named}/RoleSessionName`]: [sessionName],
        },
      })
      return credentialsOf(
        await client(url).send(
          new AssumeRoleWithSAMLCommand({
            RoleArn: role.arn,
            PrincipalArn: samlArn,
            SAMLAssertion: assertion,
          }),
        ),
      )
    },
    byFederation: async (url, by, Name) =>
      credentialsOf(await client(url, by).send(new GetFederationTokenCommand({ Name, Policy: allow('*') }))),
    chained: async (url, by, RoleArn) =>
      credentialsOf(await client(url, by).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'next' }))),
  }
}

/** `accepted`, or the name of the refusal. */
export const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'accepted',
    (thrown: Error) => thrown.name,
  )
