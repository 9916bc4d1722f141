import { type Queryable, sql } from '#database'
import { type Clock, refuse } from '#kernel'
import { readCertificate, readPem } from './certificate.ts'
import { isListOf, readRevocationList } from './revocation-list.ts'

/** Certificate authorities whose certificates an account trusts. */
export type TrustAnchor = {
  readonly arn: string
  readonly accountId: string
  readonly name: string
  /** PEM. */
  readonly certificates: string
  /** PEM; empty without any. */
  readonly revocationLists: string
  readonly enabled: boolean
}

type Row = {
  account_id: string
  name: string
  certificates: string
  revocation_lists: string
  enabled: boolean
}

const columns = sql`account_id, name, certificates, revocation_lists, enabled`

const toTrustAnchor = (row: Row): TrustAnchor => ({
  arn: trustAnchorArn(row.account_id, row.name),
  accountId: row.account_id,
  name: row.name,
  certificates: row.certificates,
  revocationLists: row.revocation_lists,
  enabled: row.enabled,
})

/** The ARN of an account's trust anchor. ARNs carry a region; ours is always this one. */
export const trustAnchorArn = (accountId: string, name: string): string =>
  `arn:aws:rolesanywhere:us-east-1:${accountId}:trust-anchor/${name}`

/**
 * Makes an account's trust anchor like this. What was issued by the old one ends. @returns its ARN
 *
 * @param mode `create` refuses where there is one of that name
 * @throws Failure malformed or forbidden `roles-anywhere/…`; conflict roles-anywhere/exists
 */
export async function putTrustAnchor(
  tx: Queryable,
  clock: Clock,
  anchor: Omit<TrustAnchor, 'arn'>,
  mode: 'put' | 'create' = 'put',
): Promise<string> {
  checkTrustAnchor(anchor)
  const { accountId, name, certificates, revocationLists, enabled } = anchor
  const { rows } = await tx.query(
    sql`insert into trust_anchor (account_id, name, name_key, certificates, revocation_lists, enabled, created_at)
        values (${accountId}, ${name}, ${name.toLowerCase()}, ${certificates}, ${revocationLists}, ${enabled}, ${clock()})
        on conflict (account_id, name_key) do update
          set certificates = excluded.certificates, revocation_lists = excluded.revocation_lists, enabled = excluded.enabled
          where ${mode === 'put'}::boolean
        returning name`,
  )
  if (rows.length === 0)
    refuse('conflict', 'roles-anywhere/exists', `There is a trust anchor ${name} already.`)
  return trustAnchorArn(accountId, name)
}

/**
 * Refuses what could never prove anybody, when it is saved.
 *
 * @throws Failure malformed or forbidden `roles-anywhere/…`
 */
function checkTrustAnchor({
  certificates,
  revocationLists,
}: Pick<TrustAnchor, 'certificates' | 'revocationLists'>): void {
  const authorities = readPem(certificates, 'CERTIFICATE').map(readCertificate)
  const bad = (message: string): never => refuse('malformed', 'roles-anywhere/trust-anchor', message)
  if (authorities.some(({ isCa }) => !isCa)) bad('A certificate here is not one of an authority.')
  if (revocationLists === '') return
  const lists = readPem(revocationLists, 'X509 CRL').map(readRevocationList)
  if (!lists.every((list) => authorities.some((each) => isListOf(list, each))))
    bad('A revocation list is not signed by any of these authorities.')
}

/** The trust anchor of an ARN; with `change` its row is locked until the transaction ends. */
export async function findTrustAnchor(
  db: Queryable,
  arn: string,
  use: 'read' | 'change' = 'read',
): Promise<TrustAnchor | undefined> {
  const [, accountId, name] =
    /^arn:aws:rolesanywhere:[\w-]+:(\d{12}):trust-anchor\/([\w.-]{1,128})$/.exec(arn) ?? []
  if (accountId === undefined || name === undefined) return undefined
  const { rows } = await db.query<Row>(
    sql`select ${columns} from trust_anchor
        where account_id = ${accountId} and name_key = ${name.toLowerCase()}
        ${use === 'change' ? sql`for update` : sql``}`,
  )
  const [row] = rows
  return row && toTrustAnchor(row)
}

/** All trust anchors of an account, by name. */
export async function listTrustAnchors(db: Queryable, accountId: string): Promise<readonly TrustAnchor[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from trust_anchor where account_id = ${accountId} order by name_key`,
  )
  return rows.map(toTrustAnchor)
}

/** Removes a trust anchor; what was issued on its word ends. @returns whether there was one */
export async function removeTrustAnchor(tx: Queryable, accountId: string, name: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from trust_anchor where account_id = ${accountId} and name_key = ${name.toLowerCase()} returning name`,
  )
  return rows.length > 0
}

/** Names what a session rests on among the revocation epochs of kind `session`. */
export const epochIdOf = ({ accountId, name }: Pick<TrustAnchor, 'accountId' | 'name'>): string =>
  `trust-anchor/${accountId}/${name.toLowerCase()}`
