import { sha256 } from '#crypto'
import { type Queryable, sql } from '#database'
import { randomId } from '#kernel'
import type { AuthnRequest } from './authn-request.ts'

/** What a checked request asked, as it waits for its user. `id` undefined: nobody asked, a launch from the portal. */
export type Asked = Pick<
  AuthnRequest,
  'forceAuthn' | 'isPassive' | 'subject' | 'nameIdPolicy' | 'requestedContext'
> & {
  readonly id: string | undefined
  readonly acsUrl: string
}

/** A request that waits. */
export type Parked = {
  readonly appId: string
  readonly asked: Asked
  readonly relayState: string | undefined
  /** How the sign-in ended when nobody was signed in. */
  readonly outcome: 'denied' | 'cancelled' | undefined
  readonly createdAt: Temporal.Instant
}

type Row = {
  app_id: string
  asked: string
  relay_state: string | null
  outcome: Parked['outcome'] | null
  created_at: Temporal.Instant
}

const columns = sql`app_id, asked, relay_state, outcome, created_at`

const toParked = (row: Row): Parked => ({
  appId: row.app_id,
  asked: JSON.parse(row.asked) as Asked,
  relayState: row.relay_state ?? undefined,
  outcome: row.outcome ?? undefined,
  createdAt: row.created_at,
})

/** A waiting request is forgotten after this long. */
const life = Temporal.Duration.from({ hours: 1 })

/** Parks a checked request; the answer is the id for its URL. */
export async function park(
  db: Queryable,
  now: Temporal.Instant,
  request: { appId: string; asked: Asked; relayState: string | undefined },
): Promise<string> {
  const id = randomId()
  await db.query(
    sql`insert into saml_request (id_hash, app_id, asked, relay_state, created_at, expires_at)
        values (${sha256(id)}, ${request.appId}, ${JSON.stringify(request.asked)}, ${request.relayState}, ${now}, ${now.add(life)})`,
  )
  return id
}

/** The waiting request of an id, for the one browser that asked for it first. */
export async function claimParked(
  db: Queryable,
  now: Temporal.Instant,
  id: string,
  browser: string,
): Promise<Parked | undefined> {
  const { rows } = await db.query<Row>(
    sql`update saml_request set browser_hash = ${sha256(browser)}
        where id_hash = ${sha256(id)} and expires_at > ${now}
          and (browser_hash is null or browser_hash = ${sha256(browser)})
        returning ${columns}`,
  )
  return rows[0] && toParked(rows[0])
}

/** Takes a waiting request away: of any number at once, one gets true and may answer it. */
export async function takeParked(tx: Queryable, id: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from saml_request where id_hash = ${sha256(id)} returning app_id`,
  )
  return rows.length === 1
}

/** Notes how the sign-in for a waiting request ended without a user. */
export async function settleParked(
  db: Queryable,
  id: string,
  outcome: 'denied' | 'cancelled',
): Promise<void> {
  await db.query(sql`update saml_request set outcome = ${outcome} where id_hash = ${sha256(id)}`)
}
