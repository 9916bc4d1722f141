import { type Queryable, sql } from '#database'
import { type Clock, randomId } from '#kernel'

/** Which role the pods of one service account get. */
export type Association = {
  /** `a-…`, as long as it gives this role. */
  readonly id: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly roleArn: string
}

/** A Kubernetes cluster whose pods may have role sessions. */
export type Cluster = {
  readonly arn: string
  readonly accountId: string
  readonly name: string
  /** The issuer of its service accounts' tokens, exactly as they name it. */
  readonly issuer: string
  readonly associations: readonly Association[]
  readonly enabled: boolean
}

/** The ARN of an account's cluster. */
export const clusterArn = (accountId: string, name: string): string =>
  `arn:aws:eks:us-east-1:${accountId}:cluster/${name}`

/** The ARN of an association. */
export const associationArn = ({ accountId, name }: Cluster, { id }: Association): string =>
  `arn:aws:eks:us-east-1:${accountId}:podidentityassociation/${name}/${id}`

/** Names what a session rests on among the revocation epochs of kind `session`. */
export const epochIdOf = ({ id }: Pick<Association, 'id'>): string => `pod-identity/${id}`

/** A cluster as somebody wants it: associations have no ids of their own there. */
export type WantedCluster = Omit<Cluster, 'arn' | 'associations'> & {
  readonly associations: readonly Omit<Association, 'id'>[]
}

/**
 * Makes an account's cluster like this. An association that gives the same role keeps its id; what was issued by one that is
 * gone, gives another role, or stands in a cluster that is switched off or has another issuer ends.
 */
export async function putCluster(tx: Queryable, clock: Clock, wanted: WantedCluster): Promise<Cluster> {
  const { accountId, name, issuer, enabled } = wanted
  const before = await findCluster(tx, accountId, name, 'change')
  const stays = before?.issuer === issuer && (enabled || !before.enabled)
  const kept = stays ? (before?.associations ?? []) : []
  const associations = wanted.associations.map((each): Association => {
    const same = kept.find(
      ({ namespace, serviceAccount, roleArn }) =>
        namespace === each.namespace && serviceAccount === each.serviceAccount && roleArn === each.roleArn,
    )
    return (
      same ?? {
        id: `a-${randomId()
          .replaceAll(/[^a-z0-9]/gi, '')
          .slice(0, 17)
          .toLowerCase()}`,
        ...each,
      }
    )
  })
  await tx.query(
    sql`insert into pod_cluster (account_id, name, name_key, issuer, associations, enabled, created_at)
        values (${accountId}, ${name}, ${name.toLowerCase()}, ${issuer}, ${JSON.stringify(associations)}, ${enabled},
                ${clock()})
        on conflict (account_id, name_key) do update
          set issuer = excluded.issuer, associations = excluded.associations, enabled = excluded.enabled`,
  )
  for (const gone of before?.associations ?? [])
    if (!associations.some(({ id }) => id === gone.id))
      await tx.query(sql`select raise_epoch('session', ${epochIdOf(gone)})`)
  return { arn: clusterArn(accountId, name), accountId, name, issuer, associations, enabled }
}

type Row = { name: string; issuer: string; associations: string; enabled: boolean }

const toCluster = (accountId: string, row: Row): Cluster => ({
  arn: clusterArn(accountId, row.name),
  accountId,
  name: row.name,
  issuer: row.issuer,
  associations: JSON.parse(row.associations) as Association[],
  enabled: row.enabled,
})

/** The cluster of a name in an account. @param to whether it is held until the transaction ends */
export async function findCluster(
  db: Queryable,
  accountId: string,
  name: string,
  to: 'look' | 'change' = 'look',
): Promise<Cluster | undefined> {
  const held = to === 'change' ? sql`for update` : sql``
  const { rows } = await db.query<Row>(
    sql`select name, issuer, associations, enabled from pod_cluster
        where account_id = ${accountId} and name_key = ${name.toLowerCase()} ${held}`,
  )
  return rows[0] && toCluster(accountId, rows[0])
}

/** All clusters of an account, by name. */
export async function listClusters(db: Queryable, accountId: string): Promise<readonly Cluster[]> {
  const { rows } = await db.query<Row>(
    sql`select name, issuer, associations, enabled from pod_cluster where account_id = ${accountId}
        order by name_key limit 1000`,
  )
  return rows.map((row) => toCluster(accountId, row))
}

/** Removes a cluster; what it gave ends. @returns whether it was there */
export async function removeCluster(tx: Queryable, accountId: string, name: string): Promise<boolean> {
  const found = await findCluster(tx, accountId, name, 'change')
  for (const gone of found?.associations ?? [])
    await tx.query(sql`select raise_epoch('session', ${epochIdOf(gone)})`)
  await tx.query(
    sql`delete from pod_cluster where account_id = ${accountId} and name_key = ${name.toLowerCase()}`,
  )
  return found !== undefined
}
