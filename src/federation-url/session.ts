import { z } from 'zod'
import { findUserById } from '#directory'
import { type Context, readQuery, requestInfo, type Show } from '#http'
import { callerIdentity } from '#iam'
import { isFailure, refuse, uuid } from '#kernel'
import { seeOther } from '#signin'
import { proveSession, type ProvenSession } from '#sts'
import type { FederationUrlNeeds } from './needs.ts'
import type { FederationUrlPages } from './pages.ts'
import { lookAt, useUp } from './signin-token.ts'

const cookie = 'console'
const context = 'federation-url/cookie'
const purpose = 'federation-url'
const sessionPath = '/federation/session'
/** Browsers keep no cookie of more than 4,096 bytes. */
const mostCookieBytes = 3_800

const shape = z.object({ k: z.string(), t: z.string(), s: z.string() })

/** The role session, or federated user, that this browser acts as; undefined when there is none, or it is over. */
async function consoleSession(
  needs: FederationUrlNeeds,
  ctx: Context,
): Promise<(ProvenSession & { readonly family: string }) | undefined> {
  const value = needs.jar.read(ctx, cookie)
  if (value === undefined || !/^[\w-]+$/.test(value)) return undefined
  try {
    const opened = needs.vault.open(Buffer.from(value, 'base64url'), context).toString()
    const { k, t, s } = shape.parse(JSON.parse(opened))
    return { ...(await proveSession(needs.sts, { accessKeyId: k, sessionToken: t })), family: s }
  } catch (thrown) {
    if (isFailure(thrown)) return undefined
    throw thrown
  }
}

/** One of our own pages, or nothing else. @throws Failure malformed federation-url/destination */
function ownPage(needs: FederationUrlNeeds, destination: string): string {
  if (destination === '') return sessionPath
  const url = URL.parse(destination, needs.publicUrl.origin)
  if (url === null || url.origin !== needs.publicUrl.origin || url.username !== '' || url.password !== '')
    return refuse('malformed', 'federation-url/destination', 'The destination must be a page of this server.')
  return url.href
}

/** `Action=login`: signs the browser in; where somebody is signed in already, it asks first. */
export async function login(needs: FederationUrlNeeds, ctx: Context): Promise<void> {
  const query = readQuery(ctx)
  const token = query.get('SigninToken') ?? ''
  const destination = ownPage(needs, query.get('Destination') ?? '')
  const { proven } = await lookAt(needs, token)
  const [browser, other] = await Promise.all([needs.sessions.current(ctx), consoleSession(needs, ctx)])
  if (browser === undefined && other === undefined) {
    await enter(needs, ctx, token)
    ctx.status = 302
    return ctx.redirect(destination)
  }
  const user = browser && (await findUserById(needs.database, browser.userId))
  const show: Show<FederationUrlPages> = needs.pages.show
  return show(ctx, 'federation-url/ask', {
    csrf: needs.forms.token(ctx, purpose),
    arn: proven.caller.arn,
    issuer: (query.get('Issuer') ?? '').slice(0, 200),
    present: user?.name ?? other?.caller.arn ?? '',
    token,
    destination,
  })
}

/** The person agreed: `POST /federation/login`. */
export async function confirmLogin(needs: FederationUrlNeeds, ctx: Context): Promise<void> {
  const form = await needs.forms.read(ctx, purpose)
  const destination = ownPage(needs, form.get('destination') ?? '')
  await enter(needs, ctx, form.get('token') ?? '')
  seeOther(ctx, destination)
}

/** Uses the token up and gives the browser its cookie: the same session, with a family of its own that signing out ends. */
async function enter(needs: FederationUrlNeeds, ctx: Context, token: string): Promise<void> {
  const { proven, opened } = await lookAt(needs, token)
  const { session, caller } = proven
  const family = uuid()
  const minted = needs.sts.tokens.mint({
    ...session,
    // Revoking the credentials that it came from ends this one too.
    epochs: [...session.epochs, ['key', opened.k, 0], ['session', family, 0]],
  })
  const value = needs.vault
    .seal(JSON.stringify({ k: minted.accessKeyId, t: minted.sessionToken, s: family }), context)
    .toString('base64url')
  if (value.length > mostCookieBytes)
    refuse(
      'malformed',
      'federation-url/too-large',
      'The session has too many tags or too long a policy for a browser.',
    )
  await useUp(needs, opened)
  await needs.audit.recordSoon({
    source: 'signin',
    name: 'ConsoleLogin',
    by: callerIdentity(caller),
    request: requestInfo(ctx),
    accountId: caller.accountId,
    response: { ConsoleLogin: 'Success' },
    additional: { session: family },
  })
  if ((await needs.sessions.current(ctx)) !== undefined)
    await needs.database.transaction((tx) => needs.sessions.end(tx, ctx))
  const left = needs.clock().until(session.expiresAt).total('seconds')
  needs.jar.write(ctx, cookie, value, { maxAgeSeconds: Math.max(0, Math.floor(left)) })
  ctx.set('Cache-Control', 'no-store')
}

/** `GET /federation/session`: as whom this browser acts. */
export async function showSession(needs: FederationUrlNeeds, ctx: Context): Promise<void> {
  const found = await consoleSession(needs, ctx)
  if (found === undefined) return seeOther(ctx, '/')
  const { caller, session } = found
  const show: Show<FederationUrlPages> = needs.pages.show
  return show(ctx, 'federation-url/session', {
    csrf: needs.forms.token(ctx, purpose),
    arn: caller.arn,
    accountId: caller.accountId,
    until: session.expiresAt.toString({ smallestUnit: 'second' }),
  })
}

/** `POST /federation/session/end`. */
export async function endSession(needs: FederationUrlNeeds, ctx: Context): Promise<void> {
  await needs.forms.read(ctx, purpose)
  const found = await consoleSession(needs, ctx)
  if (found !== undefined)
    await needs.database.transaction((tx) => needs.cli.epochs.raise(tx, 'session', found.family))
  needs.jar.clear(ctx, cookie)
  seeOther(ctx, '/signout')
}
