import { type Queryable, sql } from '#database'
import type { Clock } from '#kernel'

/** An IAM OIDC provider: an issuer whose tokens STS trusts in one account. */
export type OidcProvider = {
  readonly arn: string
  readonly accountId: string
  /** The issuer with its scheme. */
  readonly url: string
  readonly clientIds: readonly string[]
  readonly thumbprints: readonly string[]
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Temporal.Instant
}

/** An IAM SAML provider: an identity provider whose assertions STS trusts in one account. */
export type SamlProvider = {
  readonly arn: string
  readonly accountId: string
  readonly name: string
  readonly metadata: string
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Temporal.Instant
}

type OidcRow = {
  arn: string
  account_id: string
  url: string
  client_ids: string
  thumbprints: string
  tags: string
  created_at: Temporal.Instant
}

const toOidc = (row: OidcRow): OidcProvider => ({
  arn: row.arn,
  accountId: row.account_id,
  url: row.url,
  clientIds: JSON.parse(row.client_ids) as string[],
  thumbprints: JSON.parse(row.thumbprints) as string[],
  tags: JSON.parse(row.tags) as Record<string, string>,
  createdAt: row.created_at,
})

const oidcColumns = sql`arn, account_id, url, client_ids, thumbprints, tags, created_at`

/** The ARN of an issuer in an account: the URL without its scheme. */
const oidcArn = (accountId: string, url: string) =>
  `arn:aws:iam::${accountId}:oidc-provider/${url.replace(/^https?:\/\//, '').replace(/\/$/, '')}`

/** Makes an account's provider of an issuer like this. @returns its ARN */
export async function putOidcProvider(
  tx: Queryable,
  clock: Clock,
  provider: {
    accountId: string
    url: string
    clientIds: readonly string[]
    thumbprints?: readonly string[] | undefined
  },
): Promise<string> {
  const arn = oidcArn(provider.accountId, provider.url)
  await tx.query(
    sql`insert into oidc_provider (arn, account_id, url, client_ids, thumbprints, created_at)
        values (${arn}, ${provider.accountId}, ${provider.url}, ${JSON.stringify(provider.clientIds)},
                ${JSON.stringify(provider.thumbprints ?? [])}, ${clock()})
        on conflict (arn) do update set url = excluded.url, client_ids = excluded.client_ids, thumbprints = excluded.thumbprints`,
  )
  return arn
}

/** An account's provider of an issuer (the token's `iss`, compared as a whole, a final slash aside). */
export async function findOidcProvider(
  db: Queryable,
  accountId: string,
  issuer: string,
): Promise<OidcProvider | undefined> {
  const { rows } = await db.query<OidcRow>(
    sql`select ${oidcColumns} from oidc_provider where arn = ${oidcArn(accountId, issuer)}`,
  )
  const [row] = rows
  if (row === undefined || row.url.replace(/\/$/, '') !== issuer.replace(/\/$/, '')) return undefined
  return toOidc(row)
}

/** All OIDC providers of an account. */
export async function listOidcProviders(db: Queryable, accountId: string): Promise<readonly OidcProvider[]> {
  const { rows } = await db.query<OidcRow>(
    sql`select ${oidcColumns} from oidc_provider where account_id = ${accountId} order by arn`,
  )
  return rows.map(toOidc)
}

/** The provider of an ARN. */
export async function findOidcProviderByArn(db: Queryable, arn: string): Promise<OidcProvider | undefined> {
  const { rows } = await db.query<OidcRow>(sql`select ${oidcColumns} from oidc_provider where arn = ${arn}`)
  return rows[0] === undefined ? undefined : toOidc(rows[0])
}

/** The same, with the row locked until the transaction ends. */
export async function lockOidcProvider(tx: Queryable, arn: string): Promise<OidcProvider | undefined> {
  const { rows } = await tx.query<OidcRow>(
    sql`select ${oidcColumns} from oidc_provider where arn = ${arn} for update`,
  )
  return rows[0] === undefined ? undefined : toOidc(rows[0])
}

/** Changes what a provider's tokens must be like, or its tags. */
export async function updateOidcProvider(
  tx: Queryable,
  provider: OidcProvider,
  changes: Partial<Pick<OidcProvider, 'clientIds' | 'thumbprints' | 'tags'>>,
): Promise<void> {
  const { clientIds, thumbprints, tags } = { ...provider, ...changes }
  await tx.query(
    sql`update oidc_provider
        set client_ids = ${JSON.stringify(clientIds)}, thumbprints = ${JSON.stringify(thumbprints)}, tags = ${JSON.stringify(tags)}
        where arn = ${provider.arn}`,
  )
}

/** Removes a provider: its tokens open nothing from now on. */
export async function removeOidcProvider(tx: Queryable, arn: string): Promise<void> {
  await tx.query(sql`delete from oidc_provider where arn = ${arn}`)
}

type SamlRow = {
  arn: string
  account_id: string
  name: string
  metadata: string
  tags: string
  created_at: Temporal.Instant
}

const samlColumns = sql`arn, account_id, name, metadata, tags, created_at`

const toSaml = (row: SamlRow): SamlProvider => ({
  arn: row.arn,
  accountId: row.account_id,
  name: row.name,
  metadata: row.metadata,
  tags: JSON.parse(row.tags) as Record<string, string>,
  createdAt: row.created_at,
})

/** Makes an account's SAML provider of a name like this; the caller has read the metadata. @returns its ARN */
export async function putSamlProvider(
  tx: Queryable,
  clock: Clock,
  provider: { accountId: string; name: string; metadata: string },
): Promise<string> {
  const arn = `arn:aws:iam::${provider.accountId}:saml-provider/${provider.name}`
  const now = clock()
  await tx.query(
    sql`insert into saml_provider (arn, account_id, name, metadata, created_at, updated_at)
        values (${arn}, ${provider.accountId}, ${provider.name}, ${provider.metadata}, ${now}, ${now})
        on conflict (arn) do update set metadata = excluded.metadata, updated_at = excluded.updated_at`,
  )
  return arn
}

/** The SAML provider of an ARN. */
export async function findSamlProvider(db: Queryable, arn: string): Promise<SamlProvider | undefined> {
  const { rows } = await db.query<SamlRow>(sql`select ${samlColumns} from saml_provider where arn = ${arn}`)
  return rows[0] === undefined ? undefined : toSaml(rows[0])
}

/** The same, with the row locked until the transaction ends. */
export async function lockSamlProvider(tx: Queryable, arn: string): Promise<SamlProvider | undefined> {
  const { rows } = await tx.query<SamlRow>(
    sql`select ${samlColumns} from saml_provider where arn = ${arn} for update`,
  )
  return rows[0] === undefined ? undefined : toSaml(rows[0])
}

/** Makes the tags of a SAML provider exactly these. */
export async function setSamlProviderTags(
  tx: Queryable,
  arn: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await tx.query(sql`update saml_provider set tags = ${JSON.stringify(tags)} where arn = ${arn}`)
}

/** All SAML providers of an account. */
export async function listSamlProviders(db: Queryable, accountId: string): Promise<readonly SamlProvider[]> {
  const { rows } = await db.query<SamlRow>(
    sql`select ${samlColumns} from saml_provider where account_id = ${accountId} order by arn`,
  )
  return rows.map(toSaml)
}

/** Removes a provider: its assertions open nothing from now on. @returns whether there was one */
export async function removeSamlProvider(tx: Queryable, arn: string): Promise<boolean> {
  const { rows } = await tx.query(sql`delete from saml_provider where arn = ${arn} returning arn`)
  return rows.length > 0
}
