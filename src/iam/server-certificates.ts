import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, uniqueId } from '#kernel'
import { checkPrivateKey, readCertificate, readCertificates, validityOf } from './pem.ts'

/** A TLS certificate that services look up. Its private key was seen once, and is not kept. */
export type ServerCertificate = {
  readonly serverCertificateId: string
  readonly accountId: string
  readonly name: string
  readonly path: string
  readonly arn: string
  readonly tags: Readonly<Record<string, string>>
  readonly uploadedAt: Temporal.Instant
  readonly expiresAt: Temporal.Instant
}

type Row = {
  server_certificate_id: string
  account_id: string
  name: string
  path: string
  tags: string
  uploaded_at: Temporal.Instant
  expires_at: Temporal.Instant
}

const columns = sql`server_certificate_id, account_id, name, path, tags, uploaded_at, expires_at`

const toCertificate = (row: Row): ServerCertificate => ({
  serverCertificateId: row.server_certificate_id,
  accountId: row.account_id,
  name: row.name,
  path: row.path,
  arn: `arn:aws:iam::${row.account_id}:server-certificate${row.path}${row.name}`,
  tags: JSON.parse(row.tags) as Record<string, string>,
  uploadedAt: row.uploaded_at,
  expiresAt: row.expires_at,
})

const taken = (name: string): never =>
  refuse(
    'conflict',
    'iam/server-certificate-exists',
    `The Server Certificate with name ${name} already exists.`,
  )

/**
 * Keeps a certificate with its chain, after its private key was held against it.
 *
 * @throws Failure malformed iam/malformed-certificate, iam/key-pair-mismatch; conflict iam/server-certificate-exists
 */
export async function createServerCertificate(
  tx: Queryable,
  clock: Clock,
  certificate: {
    accountId: string
    name: string
    path?: string | undefined
    body: string
    chain?: string | undefined
    privateKey: string
    tags?: Readonly<Record<string, string>> | undefined
  },
): Promise<ServerCertificate> {
  const now = clock()
  const read = readCertificate(certificate.body, now)
  if (certificate.chain !== undefined) readCertificates(certificate.chain, 'certificate chain')
  checkPrivateKey(read, certificate.privateKey)
  const { rows } = await tx.query<Row>(
    sql`insert into server_certificate (server_certificate_id, account_id, name, path, body, chain, tags, uploaded_at, expires_at)
        values (${uniqueId('ASCA')}, ${certificate.accountId}, ${certificate.name}, ${certificate.path ?? '/'},
                ${certificate.body}, ${certificate.chain}, ${JSON.stringify(certificate.tags ?? {})}, ${now},
                ${validityOf(read).to})
        on conflict on constraint server_certificate_name do nothing
        returning ${columns}`,
  )
  return rows[0] === undefined ? taken(certificate.name) : toCertificate(rows[0])
}

/** The certificate of a name. */
export async function findServerCertificate(
  db: Queryable,
  accountId: string,
  name: string,
): Promise<ServerCertificate | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from server_certificate where account_id = ${accountId} and name = ${name}`,
  )
  return rows[0] === undefined ? undefined : toCertificate(rows[0])
}

/** The same, with the row locked until the transaction ends. */
export async function lockServerCertificate(
  tx: Queryable,
  accountId: string,
  name: string,
): Promise<ServerCertificate | undefined> {
  const { rows } = await tx.query<Row>(
    sql`select ${columns} from server_certificate
        where account_id = ${accountId} and name = ${name} for update`,
  )
  return rows[0] === undefined ? undefined : toCertificate(rows[0])
}

/** The PEM texts of a certificate, byte for byte as they were uploaded. */
export async function serverCertificateText(
  db: Queryable,
  id: string,
): Promise<{ readonly body: string; readonly chain: string | undefined }> {
  const { rows } = await db.query<{ body: string; chain: string | null }>(
    sql`select body, chain from server_certificate where server_certificate_id = ${id}`,
  )
  return { body: rows[0]?.body ?? '', chain: rows[0]?.chain ?? undefined }
}

/** Certificates in the order of their names. `after` is the name before the first. */
export async function listServerCertificates(
  db: Queryable,
  {
    accountId,
    pathPrefix = '/',
    after = '',
    limit = 100,
  }: {
    accountId: string
    pathPrefix?: string | undefined
    after?: string | undefined
    limit?: number | undefined
  },
): Promise<readonly ServerCertificate[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from server_certificate
        where account_id = ${accountId} and name > ${after} and starts_with(path, ${pathPrefix})
        order by name limit ${limit}`,
  )
  return rows.map(toCertificate)
}

/** How many certificates an account has. */
export async function countServerCertificates(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from server_certificate where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/** Renames, moves or tags a certificate. @throws Failure conflict iam/server-certificate-exists */
export async function updateServerCertificate(
  tx: Queryable,
  now: ServerCertificate,
  changes: {
    readonly name?: string | undefined
    readonly path?: string | undefined
    readonly tags?: Readonly<Record<string, string>> | undefined
  },
): Promise<void> {
  const name = changes.name ?? now.name
  try {
    await tx.query(
      sql`update server_certificate
          set name = ${name}, path = ${changes.path ?? now.path}, tags = ${JSON.stringify(changes.tags ?? now.tags)}
          where server_certificate_id = ${now.serverCertificateId}`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    taken(name)
  }
}

/** Deletes a certificate. */
export async function deleteServerCertificate(tx: Queryable, id: string): Promise<void> {
  await tx.query(sql`delete from server_certificate where server_certificate_id = ${id}`)
}
