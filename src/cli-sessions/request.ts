import { sha256, type Vault } from '#crypto'
import { type Queryable, sql } from '#database'
import type { RequestInfo } from '#http'
import { type Clock, random, randomId } from '#kernel'

/** By which way a command line asks. */
export type CliFlow = 'sso-device' | 'sso-code' | 'login-same-device' | 'login-cross-device'

/** A command line's request for a session of its person. */
export type CliRequest = {
  /** SHA-256 of the id in the page's URL. */
  readonly idHash: Buffer
  readonly flow: CliFlow
  /** What the client calls itself: shown, never believed. */
  readonly clientName: string
  /** SHA-256 of the client id. */
  readonly clientHash: Buffer
  readonly redirectUri: string | undefined
  readonly state: string | undefined
  readonly codeChallenge: string | undefined
  /** Where the request came from: the device itself, or for the other flows the browser. */
  readonly ip: string
  readonly userAgent: string
  readonly outcome: Outcome
  /** The session that its code was traded for. */
  readonly sessionId: string | undefined
  readonly expiresAt: Temporal.Instant
}

/** Whom a request was answered by, and for which role; without a role, for the person's own session. */
export type Allowed = {
  readonly userId: string
  readonly userEpoch: number
  readonly browserFamily: string
  readonly authTime: Temporal.Instant
  readonly mfaAt: Temporal.Instant | undefined
  readonly roleId: string | undefined
}

type Outcome =
  { readonly state: 'waiting' } | { readonly state: 'denied' } | ({ readonly state: 'allowed' } & Allowed)

export type Row = {
  id_hash: Buffer
  flow: CliFlow
  client_name: string
  client_hash: Buffer
  redirect_uri: string | null
  state: string | null
  code_challenge: string | null
  ip: string
  user_agent: string
  outcome: 'allowed' | 'denied' | null
  user_id: string | null
  user_epoch: number | null
  browser_family: string | null
  auth_time: Temporal.Instant | null
  mfa_at: Temporal.Instant | null
  role_id: string | null
  session_id: string | null
  expires_at: Temporal.Instant
}

export const columns = sql`id_hash, flow, client_name, client_hash, redirect_uri, state, code_challenge, ip, user_agent, outcome,
  user_id, user_epoch, browser_family, auth_time, mfa_at, role_id, session_id, expires_at`

function outcomeOf(row: Row): Outcome {
  const { user_id: userId, user_epoch: userEpoch, browser_family: browserFamily, auth_time: authTime } = row
  if (row.outcome === null) return { state: 'waiting' }
  if (
    row.outcome === 'denied' ||
    userId === null ||
    userEpoch === null ||
    browserFamily === null ||
    authTime === null
  )
    return { state: 'denied' }
  return {
    state: 'allowed',
    userId,
    userEpoch,
    browserFamily,
    authTime,
    mfaAt: row.mfa_at ?? undefined,
    roleId: row.role_id ?? undefined,
  }
}

export const toRequest = (row: Row): CliRequest => ({
  idHash: row.id_hash,
  flow: row.flow,
  clientName: row.client_name,
  clientHash: row.client_hash,
  redirectUri: row.redirect_uri ?? undefined,
  state: row.state ?? undefined,
  codeChallenge: row.code_challenge ?? undefined,
  ip: row.ip,
  userAgent: row.user_agent,
  outcome: outcomeOf(row),
  sessionId: row.session_id ?? undefined,
  expiresAt: row.expires_at,
})

/** A request waits this long for its person, and its code as long for the client. */
const life = Temporal.Duration.from({ minutes: 10 })

/**
 * The code (or device code) of a request: made from its id by a key outside the database, so that a page of ours can show
 * it again, and nobody else can tell it from the id.
 */
export const codeOf = (vault: Pick<Vault, 'mac'>, id: string): string => vault.mac('cli-request/code', id)

const macOfUserCode = (vault: Pick<Vault, 'mac'>, userCode: string): string =>
  vault.mac('cli-request/user-code', userCode.toUpperCase().replaceAll(/[^A-Z]/g, ''))

/** Letters that are hard to mistake and make no words (RFC 8628 §6.1). */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'

/** A code to type: eight letters with a dash, 34 bits. */
export function newUserCode(): string {
  const picked: string[] = []
  while (picked.length < 8)
    // 240 is the greatest multiple of 20 in a byte: above it some letters would come more often.
    for (const byte of random(16)) if (byte < 240 && picked.length < 8) picked.push(letters[byte % 20] ?? 'B')
  return `${picked.slice(0, 4).join('')}-${picked.slice(4).join('')}`
}

/** Parks a request that was checked. @returns the id for its page's URL, and how long it waits */
export async function parkRequest(
  needs: { readonly database: Queryable; readonly vault: Pick<Vault, 'mac'>; readonly clock: Clock },
  request: {
    readonly flow: CliFlow
    readonly clientId: string
    readonly clientName: string
    readonly redirectUri?: string | undefined
    readonly state?: string | undefined
    readonly codeChallenge?: string | undefined
    readonly userCode?: string | undefined
    readonly from: RequestInfo
  },
): Promise<{ readonly id: string; readonly expiresInSeconds: number }> {
  const id = randomId()
  const now = needs.clock()
  const { from, userCode } = request
  await needs.database.query(
    sql`insert into cli_request (id_hash, flow, client_name, client_hash, redirect_uri, state, code_challenge, code_hash,
                                 user_code_mac, ip, user_agent, created_at, expires_at)
        values (${sha256(id)}, ${request.flow}, ${request.clientName}, ${sha256(request.clientId)}, ${request.redirectUri},
                ${request.state}, ${request.codeChallenge}, ${sha256(codeOf(needs.vault, id))},
                ${userCode === undefined ? null : macOfUserCode(needs.vault, userCode)}, ${from.ip}, ${from.userAgent},
                ${now}, ${now.add(life)})`,
  )
  return { id, expiresInSeconds: life.total('seconds') }
}

/** The request of a page's URL, for the one browser that opened it first. */
export async function findForBrowser(
  db: Queryable,
  clock: Clock,
  { id, browser }: { readonly id: string; readonly browser: string },
): Promise<CliRequest | undefined> {
  const { rows } = await db.query<Row>(
    sql`update cli_request set browser_hash = ${sha256(browser)}
        where id_hash = ${sha256(id)} and expires_at > ${clock()} and user_code_mac is null
          and (browser_hash is null or browser_hash = ${sha256(browser)})
        returning ${columns}`,
  )
  return rows[0] && toRequest(rows[0])
}

/** The request that a user code names, while it waits. */
export async function findByUserCode(
  needs: { readonly database: Queryable; readonly vault: Pick<Vault, 'mac'>; readonly clock: Clock },
  userCode: string,
): Promise<CliRequest | undefined> {
  const { rows } = await needs.database.query<Row>(
    sql`select ${columns} from cli_request
        where user_code_mac = ${macOfUserCode(needs.vault, userCode)} and outcome is null and expires_at > ${needs.clock()}`,
  )
  return rows[0] && toRequest(rows[0])
}

/** The request of a code or device code, also one that is over. */
export async function findByCode(db: Queryable, code: string): Promise<CliRequest | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from cli_request where code_hash = ${sha256(code)}`,
  )
  return rows[0] && toRequest(rows[0])
}

/** Whether a poll came when it was due. */
export type PolledAs = 'due' | 'too-soon'

/** A client waits so many seconds between two polls. */
const pollSeconds = 5

/**
 * Notes a poll. The first two may come at once: the AWS CLI asks before it shows the code, and right after.
 */
export async function pollRequest(db: Queryable, clock: Clock, request: CliRequest): Promise<PolledAs> {
  const now = clock()
  const { rows } = await db.query<{ soon: boolean }>(
    sql`update cli_request
        set polled_at = ${now}, polls = cli_request.polls + 1
        from (select id_hash, polled_at, polls from cli_request where id_hash = ${request.idHash} for update) before
        where cli_request.id_hash = before.id_hash
        returning before.polls > 1 and before.polled_at > ${now.subtract({ seconds: pollSeconds - 1 })} as soon`,
  )
  return rows[0]?.soon === true ? 'too-soon' : 'due'
}
