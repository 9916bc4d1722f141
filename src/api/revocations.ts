import { z } from 'zod'
import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import { findAccessKey, findUserById, findUserByName, setAccessKeyStatus } from '#directory'
import type { RequestInfo } from '#http'
import { type AuthorizeNeeds, callerIdentity, demand, findAccount, findRole, findRoleByArn } from '#iam'
import { refuse } from '#kernel'
import type { Bearer } from '#oidc'
import type { EpochKind, Epochs } from '#sessions'
import { accountOfSessionKeyId } from '#sts'
import { personOf } from './person.ts'

/** What revoking stands on. */
export type RevokeNeeds = AuthorizeNeeds & {
  readonly database: Database
  readonly vault: Vault
  readonly audit: Pick<Audit, 'record' | 'recordSoon'>
  readonly epochs: Pick<Epochs, 'raise' | 'catchUp'>
}

/** The body of `POST /api/v1/revocations`. */
export const revocationRequest = z.strictObject({
  kind: z.enum(['user', 'role', 'session', 'key', 'account']),
  /**
   * A user or role: its name in the home account, or its ARN. A session: the access key id of temporary credentials
   * (`ASIA…`), or a browser session's handle. A key: a long-term access key id. An account: its 12 digits.
   */
  id: z.string().min(1).max(2_048),
})

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
 * Ends everything that was issued to a user, a role, a session, an access key or an account until now; in force on every
 * node within a second. New sign-ins and role sessions are possible at once, but for a key: it is switched off too.
 * Needs `signet:Revoke` on the ARN of what is revoked. Audited in the same transaction.
 *
 * @throws Failure not-found api/not-found; forbidden iam/denied and those of `personOf`
 */
export async function revoke(
  needs: RevokeNeeds,
  request: { bearer: Bearer; from: RequestInfo; body: z.infer<typeof revocationRequest> },
): Promise<RevocationAnswer> {
  const { bearer, from, body } = request
  const { caller } = personOf(bearer, from)
  const found = await find(needs, caller.accountId, body)
  // Who may not revoke is not told what there is.
  const arn = found?.arn ?? `arn:aws:signet::${caller.accountId}:${body.kind}/${body.id}`
  const accountId = found?.accountId ?? caller.accountId
  await demand(needs, { caller, action: 'signet:Revoke', resource: { arn, accountId }, from })
  if (found === undefined)
    return refuse('not-found', 'api/not-found', `There is no ${body.kind} ${body.id} here.`)
  await needs.database.transaction(async (tx) => {
    if (body.kind === 'key') await setAccessKeyStatus(tx, found.id, 'Inactive')
    await needs.epochs.raise(tx, found.kind, found.id)
    await needs.audit.record(tx, {
      source: 'signet',
      name: 'Revoke',
      by: callerIdentity(caller),
      request: from,
      accountId,
      parameters: { kind: body.kind, id: body.id },
      resources: [{ ARN: arn }],
    })
  })
  await needs.epochs.catchUp()
  return { kind: body.kind, id: found.id, arn }
}

async function find(
  { database, vault }: RevokeNeeds,
  home: string,
  { kind, id }: z.infer<typeof revocationRequest>,
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
