import { type Audit, systemIdentity, userIdentity } from '#audit'
import { type Database, type Queryable, sql, violatedUnique } from '#database'
import {
  createUser,
  findGroup,
  findUserById,
  findUserByMail,
  findUserByName,
  setGroupsFrom,
  type User,
} from '#directory'
import type { RequestInfo } from '#http'
import { type Clock, isFailure, randomId, refuse } from '#kernel'
import type { Sessions } from '#sessions'
import { type Connection, ownedDomains } from './connection.ts'
import type { UpstreamIdentity } from './oidc-connector.ts'

type Needs = {
  readonly database: Database
  readonly clock: Clock
  readonly audit: Audit
  readonly sessions: Pick<Sessions, 'revokeAll'>
}

/**
 * The user that an upstream's identity is: the one it was linked to by its subject, else one whose verified mail is in a
 * domain that the connection owns, else a new one where the connection makes new ones. Groups follow the upstream where
 * it sends any. One transaction, with its events.
 *
 * @throws Failure forbidden federation/disabled, federation/unknown-user, federation/other-identity,
 *   federation/mail-in-use
 */
export async function userOf(
  needs: Needs,
  connection: Connection,
  identity: UpstreamIdentity,
  from: RequestInfo,
): Promise<User> {
  try {
    return await needs.database.transaction((tx) => settle(needs, tx, connection, identity, from))
  } catch (thrown) {
    // Two first sign-ins of one person at once: the other one made the link, and this one finds it.
    const lost =
      violatedUnique(thrown) !== undefined ||
      (isFailure(thrown) && ['directory/user-exists', 'directory/mail-taken'].includes(thrown.reason))
    if (!lost) throw thrown
    return needs.database.transaction((tx) => settle(needs, tx, connection, identity, from))
  }
}

async function settle(
  needs: Needs,
  tx: Queryable,
  connection: Connection,
  identity: UpstreamIdentity,
  request: RequestInfo,
): Promise<User> {
  const now = needs.clock()
  const { rows } = await tx.query<{ userId: string }>(sql`
    update federated_identity set last_seen_at = ${now}
     where connection_id = ${connection.connectionId} and subject = ${identity.subject}
    returning user_id as "userId"`)
  const linked = rows[0] === undefined ? undefined : await findUserById(tx, rows[0].userId)
  const user = linked ?? (await firstSignIn(needs, tx, connection, identity, request))
  if (user.status !== 'active')
    refuse('forbidden', 'federation/disabled', 'This user is switched off. Ask an administrator.', {
      user: user.userId,
    })
  if (identity.groups !== undefined) await followGroups(tx, connection, user, identity.groups, now)
  return user
}

async function firstSignIn(
  needs: Needs,
  tx: Queryable,
  connection: Connection,
  identity: UpstreamIdentity,
  request: RequestInfo,
): Promise<User> {
  const present =
    identity.mail === undefined ? undefined : await findUserByMail(tx, connection.accountId, identity.mail)
  const proven = isProven(connection, identity)
  if (present !== undefined && !proven)
    refuse(
      'forbidden',
      'federation/mail-in-use',
      'A user with this mail address exists already, and this way in cannot prove that it is yours. Sign in the way you did before.',
      { user: present.userId },
    )
  const user = present ?? (await newUser(needs, tx, connection, identity, proven, request))
  if (present !== undefined) {
    await refuseSecondIdentity(tx, connection, present)
    // Whoever sat in this account before may not have been its owner.
    await needs.sessions.revokeAll(tx, present.userId)
  }
  const now = needs.clock()
  await tx.query(sql`
    insert into federated_identity (connection_id, subject, user_id, linked_at, last_seen_at)
    values (${connection.connectionId}, ${identity.subject}, ${user.userId}, ${now}, ${now})`)
  await needs.audit.record(tx, {
    source: 'federation',
    name: 'LinkIdentity',
    by: userIdentity(user),
    request,
    parameters: {
      connection: connection.name,
      subject: identity.subject,
      existing_user: present !== undefined,
    },
  })
  return user
}

/** Whether the mail counts: the upstream verified it, and its domain is this connection's to vouch for. */
function isProven({ settings }: Connection, { mail, mailVerified }: UpstreamIdentity): boolean {
  const domain = mail === undefined ? undefined : /@([^@]+)$/.exec(mail)?.[1]?.toLowerCase()
  return mailVerified && domain !== undefined && ownedDomains(settings).includes(domain)
}

async function refuseSecondIdentity(tx: Queryable, connection: Connection, user: User): Promise<void> {
  const { rows } = await tx.query(sql`
    select 1 from federated_identity
     where connection_id = ${connection.connectionId} and user_id = ${user.userId}`)
  if (rows.length > 0)
    refuse(
      'forbidden',
      'federation/other-identity',
      'This user signs in with another account there. Choose that one.',
      { user: user.userId },
    )
}

async function newUser(
  needs: Needs,
  tx: Queryable,
  connection: Connection,
  identity: UpstreamIdentity,
  proven: boolean,
  request: RequestInfo,
): Promise<User> {
  const { create_users: creates } = connection.settings
  if (creates === 'off' || (creates === 'domain' && !proven))
    refuse(
      'forbidden',
      'federation/unknown-user',
      'There is no user for this account here. Ask an administrator to invite you.',
      { connection: connection.name },
    )
  const user = await createUser(tx, needs.clock, {
    accountId: connection.accountId,
    name: await freeName(tx, connection, identity),
    displayName: identity.name,
    mail: identity.mail,
    mailVerified: proven,
  })
  await needs.audit.record(tx, {
    source: 'iam',
    name: 'CreateUser',
    by: systemIdentity(`federation/${connection.name}`),
    request,
    accountId: connection.accountId,
    parameters: { userName: user.name },
    response: { user: { arn: user.arn, userId: user.userId } },
  })
  return user
}

/** IAM's characters of a user name, at most 64. A name that is taken gets a few random letters behind it. */
async function freeName(tx: Queryable, connection: Connection, identity: UpstreamIdentity): Promise<string> {
  const wished = (identity.mail ?? identity.preferredUserName ?? `user-${randomId().slice(0, 8)}`)
    .replaceAll(/[^\w+=,.@-]/g, '-')
    .slice(0, 64)
  const taken = await findUserByName(tx, connection.accountId, wished)
  return taken === undefined ? wished : `${wished.slice(0, 55)}-${randomId().slice(0, 8)}`
}

/** Makes the groups that this connection gave a user those that the upstream names now; other memberships stay. */
async function followGroups(
  tx: Queryable,
  { accountId, connectionId, settings }: Connection,
  user: User,
  upstream: readonly string[],
  now: Temporal.Instant,
): Promise<void> {
  const mapped = Object.keys(settings.groups).length > 0
  const names = upstream.flatMap((name) => (mapped ? (settings.groups[name] ?? []) : name))
  const groups: string[] = []
  for (const name of new Set(names)) {
    const group = await findGroup(tx, accountId, name)
    if (group !== undefined) groups.push(group.groupId)
  }
  await setGroupsFrom(tx, `connection:${connectionId}`, user.userId, groups)
  await tx.query(sql`
    update federated_identity set groups_known_at = ${now}
     where connection_id = ${connectionId} and user_id = ${user.userId}`)
}
