import { z } from 'zod'
import { endCliSession, findLive, readToken } from '#cli-sessions'
import { type CliSession } from '#cli-sessions'
import { userIdentity } from '#audit'
import { sql } from '#database'
import type { User } from '#directory'
import { answerJson, type Context, readQuery, requestInfo } from '#http'
import { findRole, listAccounts, type UserCaller, userCaller } from '#iam'
import { refuse } from '#kernel'
import { assumeRole, rolesFor } from '#sts'
import type { AwsSsoNeeds } from './needs.ts'

type Bearer = { readonly session: CliSession; readonly user: User; readonly caller: UserCaller }

/** The session behind `x-amz-sso_bearer_token`. @throws Failure unauthenticated aws-sso/no-session */
async function bearerOf(needs: AwsSsoNeeds, ctx: Context): Promise<Bearer> {
  const read = readToken(needs.vault, 'sso-access', ctx.get('x-amz-sso_bearer_token'))
  const now = needs.clock()
  const found =
    read !== undefined && read.number * 1_000 > now.epochMilliseconds
      ? await findLive(needs.cli, read.sessionId, 'sso')
      : undefined
  if (found === undefined)
    return refuse('unauthenticated', 'aws-sso/no-session', 'Session token not found or invalid')
  const { session, user } = found
  if (session.lastUsedAt.until(now).total('seconds') >= 60)
    await needs.database.query(
      sql`update cli_session set last_used_at = ${now} where session_id = ${session.sessionId}`,
    )
  return { session, user, caller: userCaller(user, { issuedAt: session.authTime, mfaAt: session.mfaAt }) }
}

/** STS wants two to 64 characters; a user name may have one. */
const sessionNameOf = (user: User): string => user.name.padEnd(2, '-').slice(0, 64)

/** Roles that this person may take now. What a second factor keeps away is not among them. */
async function rolesOf(needs: AwsSsoNeeds, ctx: Context, { caller, user }: Bearer) {
  const options = await rolesFor(needs, {
    by: caller,
    from: requestInfo(ctx),
    sessionName: sessionNameOf(user),
  })
  return options.filter(({ missing }) => missing === undefined).map(({ role }) => role)
}

const pageToken = z.object({ o: z.int().min(0) })

/** One page of a list. Tokens are sealed to the list and its reader. */
function pageOf<Item>(
  needs: AwsSsoNeeds,
  ctx: Context,
  label: string,
  items: readonly Item[],
): { readonly page: readonly Item[]; readonly nextToken: string | undefined } {
  const query = readQuery(ctx)
  const bad = (name: string): never =>
    refuse('malformed', 'aws-sso/page', `The parameter ${name} is not valid.`)
  const most = query.get('max_result') ?? '100'
  if (!/^\d{1,3}$/.test(most) || Number(most) < 1 || Number(most) > 100) bad('max_result')
  const context = `aws-sso/page/${label}`
  const given = query.get('next_token')
  let from = 0
  if (given !== undefined) {
    try {
      from = pageToken.parse(
        JSON.parse(needs.vault.open(Buffer.from(given, 'base64url'), context).toString()),
      ).o
    } catch {
      bad('next_token')
    }
  }
  const end = from + Number(most)
  return {
    page: items.slice(from, end),
    nextToken:
      end < items.length
        ? needs.vault.seal(JSON.stringify({ o: end }), context).toString('base64url')
        : undefined,
  }
}

/** `GET /assignment/accounts` (ListAccounts): the accounts in which there is a role to take. */
export async function listOwnAccounts(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const bearer = await bearerOf(needs, ctx)
  const [roles, accounts] = await Promise.all([rolesOf(needs, ctx, bearer), listAccounts(needs.database)])
  const own = accounts.filter(({ accountId }) => roles.some((role) => role.accountId === accountId))
  const { page, nextToken } = pageOf(needs, ctx, `accounts/${bearer.user.userId}`, own)
  answerJson(ctx, {
    // The CLI's wizard prints the address of every account and stops without one; our accounts have no mailbox.
    accountList: page.map(({ accountId, name }) => ({
      accountId,
      accountName: name,
      emailAddress: `account-${accountId}@${needs.publicUrl.hostname}`,
    })),
    nextToken,
  })
}

const accountOf = (ctx: Context): string => {
  const account = readQuery(ctx).get('account_id') ?? ''
  return /^\d{12}$/.test(account)
    ? account
    : refuse('malformed', 'aws-sso/account', 'The parameter account_id must be twelve digits.')
}

/** `GET /assignment/roles` (ListAccountRoles). */
export async function listOwnRoles(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const bearer = await bearerOf(needs, ctx)
  const accountId = accountOf(ctx)
  const own = (await rolesOf(needs, ctx, bearer)).filter((role) => role.accountId === accountId)
  const { page, nextToken } = pageOf(needs, ctx, `roles/${accountId}/${bearer.user.userId}`, own)
  answerJson(ctx, { roleList: page.map(({ name }) => ({ roleName: name, accountId })), nextToken })
}

/** `GET /federation/credentials` (GetRoleCredentials): an ordinary role session. */
export async function roleCredentials(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const { session, user, caller } = await bearerOf(needs, ctx)
  const accountId = accountOf(ctx)
  const name = readQuery(ctx).get('role_name') ?? ''
  if (!/^[\w+=,.@-]{1,64}$/.test(name))
    refuse('malformed', 'aws-sso/role', 'The parameter role_name is missing or not valid.')
  const role = await findRole(needs.database, accountId, name)
  const { credentials } = await assumeRole(needs.sts, {
    by: caller,
    family: [session.browserFamily, session.sessionId],
    from: requestInfo(ctx),
    // A role that is not there is refused, and audited, like one that may not be taken.
    roleArn: role?.arn ?? `arn:aws:iam::${accountId}:role/${name}`,
    sessionName: sessionNameOf(user),
  })
  answerJson(ctx, {
    roleCredentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey.reveal(),
      sessionToken: credentials.sessionToken,
      expiration: credentials.expiration.epochMilliseconds,
    },
  })
}

/** `POST /logout` (Logout): the session ends, with its refresh tokens and the role sessions taken in it. */
export async function logout(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const { session, user } = await bearerOf(needs, ctx)
  await endCliSession(needs.cli, session.sessionId)
  await needs.audit.recordSoon({
    source: 'signin',
    name: 'EndCommandLineSession',
    by: userIdentity(user, { createdAt: session.authTime, mfaAuthenticated: session.mfaAt !== undefined }),
    request: requestInfo(ctx),
    accountId: user.accountId,
    parameters: { session: session.sessionId },
  })
  ctx.status = 200
  ctx.set('Cache-Control', 'no-store')
  ctx.body = ''
}
