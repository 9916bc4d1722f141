import { z } from 'zod'
import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import { findAccessKey, findUserById, findUserByName, setAccessKeyStatus } from '#directory'
import type { Database } from '#database'
import {
  type AuthorizeNeeds,
  callerIdentity,
  demand,
  findAccount,
  findOidcProviderByArn,
  findRole,
  findRoleByArn,
  findSamlProvider,
} from '#iam'
import { refuse } from '#kernel'
import { findCluster } from '#pod-identity'
import { findTrustAnchor } from '#roles-anywhere'
import type { EpochKind, Epochs } from '#sessions'
import { accountOfSessionKeyId, federatedEpochId } from '#sts'
import type { ApiCaller } from './caller.ts'

/** What revoking stands on. */
export type RevokeNeeds = AuthorizeNeeds & {
  readonly database: Database
  readonly vault: Vault
  readonly audit: Pick<Audit, 'record' | 'recordSoon'>
  readonly epochs: Pick<Epochs, 'raise' | 'catchUp'>
}

/** The body of `POST /api/v1/revocations`. */
export const revocationRequest = z
  .strictObject({
    kind: z.enum(['user', 'role', 'federated', 'session', 'key', 'account']),
    /**
     * A user or role: its name in the home account, or its ARN. Federated: the subject that the provider vouched for (of a
     * certificate its serial number in hexadecimal), or the ARN of a federated user. A session: the access key id of
     * temporary credentials (`ASIA…`), or a browser session's handle. A key: a long-term access key id. An account: its 12
     * digits.
     */
    id: z.string().min(1).max(2_048),
    /** Federated: the ARN of the OIDC or SAML provider or trust anchor whose subject it is. */
    provider: z.string().min(1).max(2_048).optional(),
  })
  .refine(
    ({ kind, id, provider }) => (kind === 'federated' && !isFederatedUser(id)) === (provider !== undefined),
    {
      path: ['provider'],
      message: 'name the provider of a federated subject, and of nothing else',
    },
  )

/** What was revoked. */
export type RevocationAnswer = {
  readonly kind: string
  readonly id: string
  readonly arn: string
}

type Target = {
  readonly kind: EpochKind
  readonly id: string
  readonly arn: string
  readonly accountId: string
}

/**
 * Ends everything that was issued to a user, a role, a federated subject, a session, an access key or an account until
 * now; in force on every node within a second. New sign-ins and role sessions are possible at once, but for a key: it is
 * switched off too. Needs `signet:Revoke` on the ARN of what is revoked. Audited in the same transaction.
 *
 * @throws Failure not-found api/not-found; forbidden iam/denied
 */
export async function revoke(
  needs: RevokeNeeds,
  request: ApiCaller & { readonly body: z.infer<typeof revocationRequest> },
): Promise<RevocationAnswer> {
  const { caller, from, body } = request
  const found = await find(needs, caller.accountId, body)
  // Who may not revoke is not told what there is.
  const arn = found?.arn ?? `arn:aws:signet::${caller.accountId}:${body.kind}/${body.id}`
  const accountId = found?.accountId ?? caller.accountId
  await demand(needs, { caller, action: 'signet:Revoke', resource: { arn, accountId }, from })
  if (found === undefined) {
    const what = body.provider === undefined ? `${body.kind} ${body.id}` : `provider ${body.provider}`
    return refuse('not-found', 'api/not-found', `There is no ${what} here.`)
  }
  await needs.database.transaction(async (tx) => {
    if (body.kind === 'key') await setAccessKeyStatus(tx, found.id, 'Inactive')
    await needs.epochs.raise(tx, found.kind, found.id)
    await needs.audit.record(tx, {
      source: 'signet',
      name: 'Revoke',
      by: callerIdentity(caller),
      request: from,
      accountId,
      parameters: { kind: body.kind, id: body.id, provider: body.provider },
      resources: [{ ARN: arn }],
    })
  })
  await needs.epochs.catchUp()
  return { kind: body.kind, id: found.id, arn }
}

const federatedUser = /^arn:aws[\w-]*:sts::(\d{12}):federated-user\/([\w+=,.@-]{2,32})$/
const isFederatedUser = (id: string): boolean => federatedUser.test(id)

async function find(
  { database, vault }: RevokeNeeds,
  home: string,
  { kind, id, provider }: z.infer<typeof revocationRequest>,
): Promise<Target | undefined> {
  switch (kind) {
    case 'user': {
      const [, account = home, name = id] = /^arn:[^:]+:iam::(\d{12}):user\/(?:.*\/)?([^/]+)$/.exec(id) ?? []
      const user = id.startsWith('AIDA')
        ? await findUserById(database, id)
        : await findUserByName(database, account, name)
      return user && { kind, id: user.userId, arn: user.arn, accountId: user.accountId }
    }
    case 'role': {
      const role = await (id.startsWith('arn:') ? findRoleByArn(database, id) : findRole(database, home, id))
      return role && { kind, id: role.roleId, arn: role.arn, accountId: role.accountId }
    }
    case 'federated':
      return provider === undefined ? findFederatedUser(database, id) : findSubject(database, provider, id)
    case 'key': {
      const key = await findAccessKey(database, vault, id)
      if (key === undefined) return undefined
      const user = key.userId === undefined ? undefined : await findUserById(database, key.userId)
      return {
        kind,
        id,
        arn: user?.arn ?? `arn:aws:iam::${key.accountId}:root`,
        accountId: key.accountId,
      }
    }
    case 'session': {
      const accountId = accountOfSessionKeyId(id)
      if (accountId !== undefined)
        return { kind: 'key', id, arn: `arn:aws:signet::${accountId}:session/${id}`, accountId }
      return /^[\w-]{20,64}$/.test(id)
        ? { kind, id, arn: `arn:aws:signet::${home}:session/${id}`, accountId: home }
        : undefined
    }
    case 'account': {
      const account = await findAccount(database, id)
      return account && { kind, id, arn: `arn:aws:signet::${id}:account/${id}`, accountId: account.accountId }
    }
    default:
      return kind satisfies never
  }
}

/** No list of federated users is kept: every name of an account that is here can be ended. */
async function findFederatedUser(database: Database, id: string): Promise<Target | undefined> {
  const [, accountId = '', name = ''] = federatedUser.exec(id) ?? []
  if ((await findAccount(database, accountId)) === undefined) return undefined
  const arn = `arn:aws:sts::${accountId}:federated-user/${name}`
  return { kind: 'federated', id: federatedEpochId({ federatedUserArn: arn }), arn, accountId }
}

/** Nor are subjects kept, but a provider that is not there is a slip of the pen, and would end nothing. */
async function findSubject(
  database: Database,
  providerArn: string,
  subject: string,
): Promise<Target | undefined> {
  const provider = await (providerArn.includes(':oidc-provider/')
    ? findOidcProviderByArn(database, providerArn)
    : providerArn.includes(':saml-provider/')
      ? findSamlProvider(database, providerArn)
      : providerArn.includes(':cluster/')
        ? findClusterByArn(database, providerArn)
        : findTrustAnchor(database, providerArn))
  if (provider === undefined) return undefined
  const { arn, accountId } = provider
  const resource = `${arn.split(':').slice(5).join(':')}/${subject}`
  return {
    kind: 'federated',
    id: federatedEpochId({ providerArn: arn, subject }),
    arn: `arn:aws:signet::${accountId}:federated/${resource}`,
    accountId,
  }
}

async function findClusterByArn(
  database: Database,
  arn: string,
): Promise<{ readonly arn: string; readonly accountId: string } | undefined> {
  const [, accountId, name] = /^arn:aws:eks:[\w-]+:(\d{12}):cluster\/([\w-]{1,100})$/.exec(arn) ?? []
  return accountId === undefined || name === undefined ? undefined : findCluster(database, accountId, name)
}
