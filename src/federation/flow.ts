import { z } from 'zod'
import { sha256, type Vault } from '#crypto'
import { type Queryable, sql } from '#database'
import type { Clock } from '#kernel'

/** One trip to an upstream: what must come back, and where the sign-in goes on. */
export type Flow = {
  readonly connectionId: string
  readonly pendingId: string
  readonly nonce: string
  readonly verifier: string
}

const content = z.object({ pendingId: z.string(), nonce: z.string(), verifier: z.string() })

const minutes = 15
const context = (state: string) => `federation_flow/${sha256(state).toString('hex')}`

type Needs = { readonly database: Queryable; readonly vault: Vault; readonly clock: Clock }

/** Remembers a trip under its `state`, for this browser only. */
export async function rememberFlow(
  needs: Needs,
  trip: { readonly state: string; readonly browser: string; readonly flow: Flow },
): Promise<void> {
  const { connectionId, ...rest } = trip.flow
  await needs.database.query(sql`
    insert into federation_flow (state_hash, connection_id, browser_hash, sealed, expires_at)
    values (${sha256(trip.state)}, ${connectionId}, ${sha256(trip.browser)},
            ${needs.vault.seal(JSON.stringify(rest), context(trip.state))}, ${needs.clock().add({ minutes })})`)
}

/**
 * Takes a trip back, once: one statement, so that a response that is sent twice is answered once. Another browser's
 * state, an old one and one of nobody's are the same.
 */
export async function takeFlow(
  needs: Needs,
  back: { readonly state: string; readonly browser: string },
): Promise<Flow | undefined> {
  const { rows } = await needs.database.query<{ connectionId: string; sealed: Buffer }>(sql`
    delete from federation_flow
     where state_hash = ${sha256(back.state)} and browser_hash = ${sha256(back.browser)}
       and expires_at > ${needs.clock()}
    returning connection_id as "connectionId", sealed`)
  const [row] = rows
  if (row === undefined) return undefined
  const opened = needs.vault.open(row.sealed, context(back.state)).toString()
  return { connectionId: row.connectionId, ...content.parse(JSON.parse(opened)) }
}

/** Forgets trips that nobody came back from. */
export async function sweepFlows(database: Queryable, clock: Clock): Promise<void> {
  await database.query(sql`
    delete from federation_flow
     where state_hash in (select state_hash from federation_flow where expires_at < ${clock()} limit 500)`)
}
