import { type Context, readQuery, type Show } from '#http'
import { findAccount, listAccounts } from '#iam'
import { isFailure, refuse } from '#kernel'
import { sessionForms } from '#signin'
import { assumeRole, rolesFor } from '#sts'
import type { PortalNeeds } from './needs.ts'
import type { PortalPages } from './pages.ts'
import { waysToLogIn, waysToUse } from './snippets.ts'
import { askAgain, navOf, type Visitor, visitorOf } from './visitor.ts'

const path = '/portal/roles'
const accessPath = '/portal/command-line'

/** STS wants two to 64 characters; a user name may have one. */
const sessionNameOf = ({ user }: Visitor): string => user.name.padEnd(2, '-').slice(0, 64)

/** The roles that this user may take now, by account. */
export async function showRoles(needs: PortalNeeds, ctx: Context): Promise<void> {
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor !== undefined) await render(needs, ctx, visitor, null)
}

async function render(
  needs: PortalNeeds,
  ctx: Context,
  visitor: Visitor,
  problem: string | null,
): Promise<void> {
  const { caller, from } = visitor
  const options = await rolesFor(needs, { by: caller, from, sessionName: sessionNameOf(visitor) })
  const accounts = (await listAccounts(needs.database)).flatMap(({ accountId, name }) => {
    const roles = options.filter(({ role }) => role.accountId === accountId)
    return roles.length === 0
      ? []
      : [
          {
            id: accountId,
            name,
            roles: roles.map(({ role, missing }) => ({
              arn: role.arn,
              name: role.name,
              description: role.description ?? '',
              needsMfa: missing === 'mfa',
              longestSession: role.maxSessionSeconds / 3_600,
            })),
          },
        ]
  })
  const show: Show<PortalPages> = needs.pages.show
  const page = { nav: navOf(needs, ctx, visitor.user, 'roles'), problem, accounts }
  show(ctx, 'portal/roles', page, problem === null ? 200 : 403)
}

/** How a command line logs in to a role: lines to copy, and no credentials. */
export async function showAccess(needs: PortalNeeds, ctx: Context): Promise<void> {
  const arn = readQuery(ctx).get('role') ?? ''
  const visitor = await visitorOf(
    needs,
    ctx,
    `${accessPath}?${new URLSearchParams({ role: arn }).toString()}`,
  )
  if (visitor === undefined) return
  const { caller, from, user } = visitor
  const options = await rolesFor(needs, { by: caller, from, sessionName: sessionNameOf(visitor) })
  const role = options.find((option) => option.role.arn === arn)?.role
  if (role === undefined) return refuse('not-found', 'portal/no-role', 'There is no such role for you.')
  const { accountId } = role
  const accountName = (await findAccount(needs.database, accountId))?.name ?? accountId
  // Eight letters that are the same on every node and at every visit.
  const label = Buffer.from(needs.vault.mac('portal/start-url', needs.publicUrl.origin))
    .toString('hex')
    .slice(0, 8)
  const show: Show<PortalPages> = needs.pages.show
  show(ctx, 'portal/access', {
    nav: navOf(needs, ctx, user, 'roles'),
    role: { arn, name: role.name, accountId, accountName },
    ways: waysToLogIn(
      { arn, name: role.name, accountId, accountName },
      needs.publicUrl,
      label,
      needs.pages.texts(ctx),
    ),
  })
}

/** Takes a role and shows its credentials, this once. A role that wants a second factor asks for it first. */
export async function takeRole(needs: PortalNeeds, ctx: Context): Promise<void> {
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const form = await needs.forms.read(ctx, sessionForms)
  const { caller, from, session } = visitor
  const sessionName = sessionNameOf(visitor)
  const roleArn = form.get('role') ?? ''
  const options = await rolesFor(needs, { by: caller, from, sessionName })
  const chosen = options.find(({ role }) => role.arn === roleArn)
  if (chosen?.missing === 'mfa') {
    // Fresh as well: a role may ask how old the factor is.
    return askAgain(needs, ctx, path, {
      requireMfa: true,
      ...(visitor.mfaAt === undefined ? {} : { maxAgeSeconds: 60 }),
    })
  }
  try {
    const issued = await assumeRole(needs.sts, {
      by: caller,
      family: session.family,
      from,
      roleArn,
      sessionName,
    })
    const { credentials, role } = issued
    const accountName = (await findAccount(needs.database, role.accountId))?.name ?? role.accountId
    const shown = {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey.reveal(),
      sessionToken: credentials.sessionToken,
    }
    const show: Show<PortalPages> = needs.pages.show
    show(ctx, 'portal/role', {
      nav: navOf(needs, ctx, visitor.user, 'roles'),
      role: { name: role.name, accountId: role.accountId, accountName },
      assumedRoleArn: issued.arn,
      expiresAt: credentials.expiration.toString({ smallestUnit: 'second' }),
      timeLeft: inWords(needs.clock().until(credentials.expiration)),
      ways: waysToUse(
        shown,
        { name: role.name, arn: role.arn, accountName },
        needs.publicUrl,
        needs.pages.texts(ctx),
      ),
    })
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    await render(needs, ctx, visitor, needs.pages.problem(ctx, thrown))
  }
}

/** `1 h 00 min`, `59 min`. */
function inWords(left: Temporal.Duration): string {
  const minutes = Math.round(left.total('minutes'))
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes} min` : `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
}
