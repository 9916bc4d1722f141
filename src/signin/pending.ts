import { z } from 'zod'
import { sha256 } from '#crypto'
import { type Queryable, sql } from '#database'
import type { Clock } from '#kernel'
import type { Factor } from '#sessions'
import { readRequirement, type Requirement, writeRequirement } from './requirement.ts'

/** How far an interaction has come. The next step is decided from this alone. */
export type Progress = {
  /** What was typed on the first page and leads to the password page. */
  readonly identifier?: string | undefined
  /** Who proved to be it, by `proofs`. */
  readonly userId?: string | undefined
  readonly proofs: readonly { readonly factor: Factor; readonly at: string }[]
  /** The user asked for the recovery code page. */
  readonly wantsRecoveryCode?: boolean | undefined
  /** A TOTP seed that waits for its first code; sealed, base64. */
  readonly seed?: string | undefined
  /** New recovery codes that wait to be kept; sealed, base64. */
  readonly codes?: string | undefined
  /** A policy asked for a second factor on the way. */
  readonly policyWantsMfa?: boolean | undefined
  /** It was begun anew after an hour: say so. */
  readonly restarted?: boolean | undefined
  /** The user asked to be somebody else than this browser's session says. */
  readonly ignoresSession?: boolean | undefined
}

/** One interaction of one browser: somebody wants somebody signed in, and is told how it went. */
export type Pending = {
  /** In the URL (43 characters); stored as its SHA-256. */
  readonly id: string
  readonly kind: string
  readonly reference: string
  readonly requirement: Requirement
  readonly progress: Progress
  readonly finished: Finished | undefined
}

/** How an interaction ended; without a user, it was given up. */
export type Finished = {
  readonly at: Temporal.Instant
  readonly session: { readonly userId: string; readonly family: string } | undefined
  /** Where it led; absent while that is being worked out. */
  readonly resultUrl: string | undefined
}

const progressShape = z.object({
  identifier: z.string().optional(),
  userId: z.string().optional(),
  proofs: z.array(
    z.object({
      factor: z.enum(['password', 'totp', 'recovery-code', 'passkey', 'upstream', 'upstream-mfa']),
      at: z.string(),
    }),
  ),
  wantsRecoveryCode: z.boolean().optional(),
  seed: z.string().optional(),
  codes: z.string().optional(),
  policyWantsMfa: z.boolean().optional(),
  restarted: z.boolean().optional(),
  ignoresSession: z.boolean().optional(),
})

const nothing: Progress = { proofs: [] }
const lifeMinutes = 60

const columns = sql`kind, reference, requirement, progress, begun_at, finished_at, user_id, session_family, result_url`

/** Writes a new interaction down. */
export async function createPending(
  db: Queryable,
  clock: Clock,
  request: {
    id: string
    kind: string
    reference: string
    requirement: Requirement
    browser: string | undefined
  },
): Promise<void> {
  const { id } = request
  const now = clock()
  await db.query(
    sql`insert into signin_pending (id_hash, kind, reference, requirement, browser_hash, progress, begun_at, created_at)
        values (${sha256(id)}, ${request.kind}, ${request.reference}, ${writeRequirement(request.requirement)},
                ${request.browser === undefined ? null : sha256(request.browser)}, ${JSON.stringify(nothing)}, ${now}, ${now})`,
  )
}

type Row = {
  kind: string
  reference: string
  requirement: string
  progress: string
  begun_at: Temporal.Instant
  finished_at: Temporal.Instant | null
  user_id: string | null
  session_family: string | null
  result_url: string | null
}

/**
 * The interaction of an id, for the browser that began it. One that is more than an hour old begins anew and keeps what
 * was typed.
 *
 * @param request `claim`: a browser that takes the interaction if no other has it yet
 * @returns undefined when there is none, or it is another browser's
 */
export async function findPending(
  db: Queryable,
  clock: Clock,
  request: { id: string; browser: string | undefined; claim?: boolean },
): Promise<Pending | undefined> {
  if (!/^[\w-]{43}$/.test(request.id) || request.browser === undefined) return undefined
  const browser = sha256(request.browser)
  const { rows } =
    request.claim === true
      ? await db.query<Row>(
          sql`update signin_pending set browser_hash = ${browser}
              where id_hash = ${sha256(request.id)} and browser_hash is null
              returning ${columns}`,
        )
      : await db.query<Row>(
          sql`select ${columns} from signin_pending
              where id_hash = ${sha256(request.id)} and browser_hash = ${browser}`,
        )
  const [row] = rows
  if (row === undefined) return undefined
  const pending: Pending = {
    id: request.id,
    kind: row.kind,
    reference: row.reference,
    requirement: readRequirement(row.requirement),
    progress: progressShape.parse(JSON.parse(row.progress)),
    finished:
      row.finished_at === null
        ? undefined
        : {
            at: row.finished_at,
            session:
              row.session_family === null || row.user_id === null
                ? undefined
                : { userId: row.user_id, family: row.session_family },
            resultUrl: row.result_url ?? undefined,
          },
  }
  const now = clock()
  if (pending.finished !== undefined || row.begun_at.until(now).total('minutes') < lifeMinutes) return pending
  const anew: Pending = {
    ...pending,
    progress: { ...nothing, restarted: true },
    requirement: {
      ...pending.requirement,
      loginHint: pending.progress.identifier ?? pending.requirement.loginHint,
    },
  }
  await db.query(
    sql`update signin_pending
        set progress = ${JSON.stringify(anew.progress)}, requirement = ${writeRequirement(anew.requirement)}, begun_at = ${now}
        where id_hash = ${sha256(request.id)} and finished_at is null`,
  )
  return anew
}

/** Writes an interaction's progress down. */
export async function saveProgress(db: Queryable, id: string, progress: Progress): Promise<void> {
  await db.query(
    sql`update signin_pending set progress = ${JSON.stringify(progress)}
        where id_hash = ${sha256(id)} and finished_at is null`,
  )
}

/** Ends an interaction: of two that finish it at once, one is told `true`. */
export async function finishPending(tx: Queryable, clock: Clock, id: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update signin_pending set finished_at = ${clock()}, progress = ${JSON.stringify(nothing)}
        where id_hash = ${sha256(id)} and finished_at is null
        returning kind`,
  )
  return rows.length > 0
}

/** Remembers which session a finished interaction made or used. */
export async function saveSession(
  tx: Queryable,
  id: string,
  session: { readonly userId: string; readonly family: string },
): Promise<void> {
  await tx.query(
    sql`update signin_pending set user_id = ${session.userId}, session_family = ${session.family}
        where id_hash = ${sha256(id)}`,
  )
}

/** Remembers where a finished interaction led, for the second click on its last form. */
export async function saveResult(db: Queryable, id: string, url: string): Promise<void> {
  await db.query(sql`update signin_pending set result_url = ${url} where id_hash = ${sha256(id)}`)
}

/** Removes what is long over. Called now and then. */
export async function sweepSignin(db: Queryable, clock: Clock): Promise<void> {
  const now = clock()
  await db.query(sql`delete from signin_pending where created_at < ${now.subtract({ hours: 24 })}`)
  await db.query(sql`delete from signin_go where expires_at < ${now}`)
  await db.query(sql`delete from signin_bucket where until < ${now}`)
}
