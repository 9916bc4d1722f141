import { equal, type Vault } from '#crypto'
import { type Database, sql } from '#database'
import { type Clock, refuse } from '#kernel'

/**
 * Makes sure that this database was made with this master key; the first start leaves the key's fingerprint there.
 *
 * @throws Failure conflict installation/other-key
 */
export async function checkKey(needs: {
  database: Database
  vault: Vault
  clock: Clock
  dataDir: string
}): Promise<void> {
  const fingerprint = needs.vault.derive('installation/fingerprint', 16)
  await needs.database.query(
    sql`insert into installation (key_fingerprint, created_at) values (${fingerprint}, ${needs.clock()})
        on conflict do nothing`,
  )
  const { rows } = await needs.database.query<{ key_fingerprint: Buffer }>(
    sql`select key_fingerprint from installation`,
  )
  if (rows[0] !== undefined && equal(rows[0].key_fingerprint, fingerprint)) return
  refuse(
    'conflict',
    'installation/other-key',
    `This database was made with another SECRET_KEY, so what is sealed in it cannot be opened. Set SECRET_KEY to the key it was made with, or put that key back into ${needs.dataDir}/secret.key. Every node of one database needs the same key.`,
  )
}
