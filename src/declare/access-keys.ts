import { createAccessKey, deleteAccessKey, findAccessKey, isKeyOf } from '#directory'
import type { Applying } from './applying.ts'
import { problemAt } from './applying.ts'
import type { DeclaredKey } from './read.ts'

/**
 * Makes sure that a user (or with no user the root user) has these keys with these secrets. Other keys stay.
 *
 * @returns whether anything changed
 */
export async function putAccessKeys(
  { tx, needs }: Applying,
  owner: { readonly accountId: string; readonly userId?: string | undefined },
  keys: readonly DeclaredKey[],
): Promise<boolean> {
  let changed = false
  for (const { id, secret, sigv4aOnly, path } of keys) {
    const found = await findAccessKey(tx, needs.vault, id)
    if (found !== undefined && (found.accountId !== owner.accountId || found.userId !== owner.userId))
      problemAt([...path, 'id'], `The access key ${id} belongs to somebody else. Write another id.`)
    const isSame =
      found !== undefined && (!sigv4aOnly || found.publicKey !== undefined) && isKeyOf(found, secret)
    if (isSame) continue
    // Another secret is another key: what was signed with the old one ends with it.
    if (found !== undefined) await deleteAccessKey(tx, id)
    await createAccessKey(tx, needs, { ...owner, accessKeyId: id, secret, sigv4aOnly })
    changed = true
  }
  return changed
}
