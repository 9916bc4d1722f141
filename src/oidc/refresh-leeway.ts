import { sha256, type Vault } from '#crypto'
import { type Queryable, sql } from '#database'
import { models } from './artifact.ts'

/**
 * For this long after a refresh token was rotated, the same client gets the same successor again: server-rendered apps
 * refresh twice at once. After it, or once the successor was used, the old token's return revokes the family.
 */
export const leeway = Temporal.Duration.from({ seconds: 10 })

/** The successor of a refresh token: the same for whoever rotates it, and not to be guessed without our key. */
export const successorOf = (vault: Vault, id: string): string => vault.mac('oidc/refresh-successor', id)

/** Whether a spent refresh token may still be answered with its successor. */
export async function withinLeeway(
  needs: { readonly database: Queryable; readonly vault: Vault },
  id: string,
  now: Temporal.Instant,
): Promise<boolean> {
  const { rows } = await needs.database.query(sql`
    select 1 as lenient
      from oidc_artifact as spent
     where spent.model = ${models.RefreshToken} and spent.id_hash = ${sha256(id)}
       and spent.consumed_at > ${now.subtract(leeway)}
       and not exists (
         select from oidc_artifact as successor
          where successor.model = ${models.RefreshToken}
            and successor.id_hash = ${sha256(successorOf(needs.vault, id))}
            and successor.consumed_at is not null)`)
  return rows.length === 1
}
