import { type Queryable, sql } from '#database'
import { certificateId, type Clock, refuse } from '#kernel'
import { readCertificate } from './pem.ts'

/** An X.509 certificate whose holder signs requests of old services. `userId` is absent for the root user's. */
export type SigningCertificate = {
  readonly certificateId: string
  readonly userId: string | undefined
  /** PEM, as it was uploaded. */
  readonly body: string
  readonly status: 'Active' | 'Inactive'
  readonly uploadedAt: Temporal.Instant
}

type Row = {
  certificate_id: string
  user_id: string | null
  body: string
  status: 'Active' | 'Inactive'
  uploaded_at: Temporal.Instant
}

const columns = sql`certificate_id, user_id, body, status, uploaded_at`

const toCertificate = (row: Row): SigningCertificate => ({
  certificateId: row.certificate_id,
  userId: row.user_id ?? undefined,
  body: row.body,
  status: row.status,
  uploadedAt: row.uploaded_at,
})

/** Whose it is: a user, or (without `userId`) the root user of the account. */
type Owner = { readonly accountId: string; readonly userId: string | undefined }

const owned = ({ accountId, userId }: Owner) =>
  sql`account_id = ${accountId} and user_id is not distinct from ${userId ?? null}`

/**
 * Keeps a certificate; one that anybody in the account has already is refused.
 *
 * @throws Failure malformed iam/malformed-certificate; conflict iam/duplicate-certificate
 */
export async function addSigningCertificate(
  tx: Queryable,
  clock: Clock,
  request: Owner & { readonly body: string },
): Promise<SigningCertificate> {
  const now = clock()
  const read = readCertificate(request.body, now)
  const { rows } = await tx.query<Row>(
    sql`insert into signing_certificate (certificate_id, account_id, user_id, body, fingerprint, uploaded_at)
        values (${certificateId()}, ${request.accountId}, ${request.userId}, ${request.body},
                ${Buffer.from(read.fingerprint256.replaceAll(':', ''), 'hex')}, ${now})
        on conflict on constraint signing_certificate_once do nothing
        returning ${columns}`,
  )
  return rows[0] === undefined
    ? refuse(
        'conflict',
        'iam/duplicate-certificate',
        'The certificate is already associated with an IAM user of this account.',
      )
    : toCertificate(rows[0])
}

/** An owner's certificates, oldest first. */
export async function listSigningCertificates(
  db: Queryable,
  owner: Owner,
): Promise<readonly SigningCertificate[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from signing_certificate where ${owned(owner)} order by uploaded_at, certificate_id limit 1000`,
  )
  return rows.map(toCertificate)
}

/** The certificates of several owners of an account, oldest first; `undefined` is the root user. */
export async function signingCertificatesOf(
  db: Queryable,
  accountId: string,
  userIds: readonly (string | undefined)[],
): Promise<readonly SigningCertificate[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from signing_certificate
        where account_id = ${accountId}
          and coalesce(user_id, '') = any(${userIds.map((id) => id ?? '')}::text[])
        order by uploaded_at, certificate_id`,
  )
  return rows.map(toCertificate)
}

/** Switches a certificate on or off. @throws Failure not-found iam/no-signing-certificate */
export async function setSigningCertificateStatus(
  tx: Queryable,
  owner: Owner,
  id: string,
  status: 'Active' | 'Inactive',
): Promise<void> {
  const { rows } = await tx.query(
    sql`update signing_certificate set status = ${status}
        where certificate_id = ${id} and ${owned(owner)} returning certificate_id`,
  )
  if (rows.length === 0) missing(id)
}

/** Removes a certificate. @throws Failure not-found iam/no-signing-certificate */
export async function deleteSigningCertificate(tx: Queryable, owner: Owner, id: string): Promise<void> {
  const { rows } = await tx.query(
    sql`delete from signing_certificate where certificate_id = ${id} and ${owned(owner)} returning certificate_id`,
  )
  if (rows.length === 0) missing(id)
}

const missing = (id: string): never =>
  refuse('not-found', 'iam/no-signing-certificate', `The Certificate with id ${id} cannot be found.`)
