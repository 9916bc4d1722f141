import { createHash } from 'node:crypto'
import { type Queryable, sql } from '#database'
import { type Clock, refuse, uniqueId } from '#kernel'
import { readSshKey } from './pem.ts'

/** A user's public key, which Git servers and the like look up. */
export type SshPublicKey = {
  readonly sshPublicKeyId: string
  readonly userId: string
  /** OpenSSH's line without a comment; `sshKeyAs` gives the other form. */
  readonly body: string
  /** MD5 of the wire form, in pairs of digits with colons, as IAM shows it. */
  readonly fingerprint: string
  readonly status: 'Active' | 'Inactive'
  readonly uploadedAt: Temporal.Instant
}

type Row = {
  ssh_public_key_id: string
  user_id: string
  body: string
  fingerprint: string
  status: 'Active' | 'Inactive'
  uploaded_at: Temporal.Instant
}

const columns = sql`ssh_public_key_id, user_id, body, fingerprint, status, uploaded_at`

const toKey = (row: Row): SshPublicKey => ({
  sshPublicKeyId: row.ssh_public_key_id,
  userId: row.user_id,
  body: row.body,
  fingerprint: row.fingerprint,
  status: row.status,
  uploadedAt: row.uploaded_at,
})

/** A stored key in the encoding asked for. */
export const sshKeyAs = (key: SshPublicKey, encoding: 'SSH' | 'PEM'): string =>
  encoding === 'SSH' ? key.body : readSshKey(key.body).pem

/**
 * Keeps a key for a user, once.
 *
 * @throws Failure malformed iam/invalid-public-key; conflict iam/duplicate-ssh-key
 */
export async function addSshPublicKey(
  tx: Queryable,
  clock: Clock,
  request: { accountId: string; userId: string; body: string },
): Promise<SshPublicKey> {
  const { ssh, wire } = readSshKey(request.body)
  const fingerprint = createHash('md5')
    .update(wire)
    .digest('hex')
    .replaceAll(/(..)(?=.)/g, '$1:')
  const { rows } = await tx.query<Row>(
    sql`insert into ssh_public_key (ssh_public_key_id, account_id, user_id, body, fingerprint, uploaded_at)
        values (${uniqueId('APKA')}, ${request.accountId}, ${request.userId}, ${ssh}, ${fingerprint}, ${clock()})
        on conflict on constraint ssh_public_key_once do nothing
        returning ${columns}`,
  )
  return rows[0] === undefined
    ? refuse(
        'conflict',
        'iam/duplicate-ssh-key',
        'The SSH public key is already associated with the specified IAM user.',
      )
    : toKey(rows[0])
}

/** A user's keys, oldest first. */
export async function listSshPublicKeys(db: Queryable, userId: string): Promise<readonly SshPublicKey[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from ssh_public_key where user_id = ${userId}
        order by uploaded_at, ssh_public_key_id limit 1000`,
  )
  return rows.map(toKey)
}

/** A user's key of an id. @throws Failure not-found iam/no-ssh-key */
export async function getSshPublicKey(db: Queryable, userId: string, id: string): Promise<SshPublicKey> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from ssh_public_key where user_id = ${userId} and ssh_public_key_id = ${id}`,
  )
  return rows[0] === undefined ? missing(id) : toKey(rows[0])
}

/** Switches a key on or off. @throws Failure not-found iam/no-ssh-key */
export async function setSshPublicKeyStatus(
  tx: Queryable,
  userId: string,
  id: string,
  status: 'Active' | 'Inactive',
): Promise<void> {
  const { rows } = await tx.query(
    sql`update ssh_public_key set status = ${status}
        where user_id = ${userId} and ssh_public_key_id = ${id} returning ssh_public_key_id`,
  )
  if (rows.length === 0) missing(id)
}

/** Removes a key. @throws Failure not-found iam/no-ssh-key */
export async function deleteSshPublicKey(tx: Queryable, userId: string, id: string): Promise<void> {
  const { rows } = await tx.query(
    sql`delete from ssh_public_key
        where user_id = ${userId} and ssh_public_key_id = ${id} returning ssh_public_key_id`,
  )
  if (rows.length === 0) missing(id)
}

const missing = (id: string): never =>
  refuse('not-found', 'iam/no-ssh-key', `The Public Key with id ${id} cannot be found.`)
