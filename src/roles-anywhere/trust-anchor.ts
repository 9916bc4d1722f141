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

/** The ARN of an account's trust anchor. ARNs carry a region; ours is always this one. */
export const trustAnchorArn = (accountId: string, name: string): string =>
  `arn:aws:rolesanywhere:us-east-1:${accountId}:trust-anchor/${name}`

/** Makes an account's trust anchor like this. What was issued by the old one ends. @returns its ARN */
export async function putTrustAnchor(
  tx: Queryable,
  clock: Clock,
  anchor: Omit<TrustAnchor, 'arn'>,
): Promise<string> {
  checkTrustAnchor(anchor)
  const { accountId, name, certificates, revocationLists, enabled } = anchor
  await tx.query(
    sql`insert into trust_anchor (account_id, name, name_key, certificates, revocation_lists, enabled, created_at)
        values (${accountId}, ${name}, ${name.toLowerCase()}, ${certificates}, ${revocationLists}, ${enabled}, ${clock()})
        on conflict (account_id, name_key) do update
          set certificates = excluded.certificates, revocation_lists = excluded.revocation_lists, enabled = excluded.enabled`,
  )
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

/** The trust anchor of an ARN. */
export async function findTrustAnchor(db: Queryable, arn: string): Promise<TrustAnchor | undefined> {
  const [, accountId, name] =
    /^arn:aws:rolesanywhere:[\w-]+:(\d{12}):trust-anchor\/([\w.-]{1,128})$/.exec(arn) ?? []
  if (accountId === undefined || name === undefined) return undefined
  const { rows } = await db.query<Row>(
    sql`select account_id, name, certificates, revocation_lists, enabled from trust_anchor
        where account_id = ${accountId} and name_key = ${name.toLowerCase()}`,
  )
  const [row] = rows
  return (
    row && {
      arn: trustAnchorArn(row.account_id, row.name),
      accountId: row.account_id,
      name: row.name,
      certificates: row.certificates,
      revocationLists: row.revocation_lists,
      enabled: row.enabled,
    }
  )
}

/** Names what a session rests on among the revocation epochs of kind `session`. */
export const epochIdOf = ({ accountId, name }: Pick<TrustAnchor, 'accountId' | 'name'>): string =>
  `trust-anchor/${accountId}/${name.toLowerCase()}`
