import { z } from 'zod'
import { sha256, type Vault } from '#crypto'
import { type Database, type Queryable, sql } from '#database'
import { findOrganization } from '#iam'
import { type Clock, randomId, refuse } from '#kernel'

const lifeMinutes = 30

/** What the first administrator has entered so far. */
export type Draft = {
  readonly organization: string
  readonly userName: string
  readonly mail: string
  readonly phc: string
  /** Base32, for the authenticator app. */
  readonly seed: string
  /** The time step of the code that confirmed the app; absent before. */
  readonly confirmedStep?: number | undefined
  /** Shown once the app is confirmed. */
  readonly codes?: readonly string[] | undefined
}

const draftShape = z.object({
  organization: z.string(),
  userName: z.string(),
  mail: z.string(),
  phc: z.string(),
  seed: z.string(),
  confirmedStep: z.number().optional(),
  codes: z.array(z.string()).optional(),
})

/** A setup link as it stands. */
export type SetupLink =
  | { readonly state: 'open'; readonly draft: Draft | undefined }
  | { readonly state: 'unknown' | 'expired' | 'claimed' }

const context = (hash: Buffer) => `setup_link/draft/${hash.toString('hex')}`

/**
 * Makes a setup link, valid for 30 minutes and for one claim; the one before is void.
 *
 * @throws Failure conflict setup/claimed when the instance has an owner
 */
export async function newSetupLink(needs: {
  readonly database: Database
  readonly clock: Clock
  readonly publicUrl: URL
}): Promise<string> {
  const token = randomId()
  await needs.database.transaction(async (tx) => {
    if ((await findOrganization(tx)) !== undefined)
      refuse(
        'conflict',
        'setup/claimed',
        'This Signet already has an administrator: there is nothing to set up.',
      )
    await tx.query(sql`delete from setup_link`)
    await tx.query(
      sql`insert into setup_link (token_hash, expires_at)
          values (${sha256(token)}, ${needs.clock().add({ minutes: lifeMinutes })})`,
    )
  })
  return `${needs.publicUrl.origin}/setup/${token}`
}

/** The link of a token, with what was entered on it. */
export async function findSetupLink(
  needs: { readonly database: Queryable; readonly clock: Clock; readonly vault: Vault },
  token: string,
): Promise<SetupLink> {
  if ((await findOrganization(needs.database)) !== undefined) return { state: 'claimed' }
  const hash = sha256(token)
  const { rows } = await needs.database.query<{ expires_at: Temporal.Instant; draft: Buffer | null }>(
    sql`select expires_at, draft from setup_link where token_hash = ${hash}`,
  )
  const [row] = rows
  if (row === undefined) return { state: 'unknown' }
  if (Temporal.Instant.compare(row.expires_at, needs.clock()) <= 0) return { state: 'expired' }
  const text = row.draft === null ? undefined : needs.vault.open(row.draft, context(hash)).toString()
  return { state: 'open', draft: text === undefined ? undefined : draftShape.parse(JSON.parse(text)) }
}

/** Keeps what was entered, and gives another 30 minutes for the rest. */
export async function saveDraft(
  needs: { readonly database: Queryable; readonly clock: Clock; readonly vault: Vault },
  token: string,
  draft: Draft,
): Promise<void> {
  const hash = sha256(token)
  await needs.database.query(
    sql`update setup_link
        set draft = ${needs.vault.seal(JSON.stringify(draft), context(hash))},
            expires_at = ${needs.clock().add({ minutes: lifeMinutes })}
        where token_hash = ${hash}`,
  )
}

/** Uses the link up: of two who finish at once, exactly one does. @throws Failure expired setup/link-over */
export async function redeemSetupLink(tx: Queryable, clock: Clock, token: string): Promise<void> {
  const { rows } = await tx.query(
    sql`delete from setup_link where token_hash = ${sha256(token)} and expires_at > ${clock()}
        returning token_hash`,
  )
  if (rows.length === 0) refuse('expired', 'setup/link-over', 'This setup link has been used or is too old.')
}
