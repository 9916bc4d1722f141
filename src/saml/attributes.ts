import type { ServiceProviderSettings } from '#apps'
import type { Queryable } from '#database'
import { groupsOf } from '#directory'
import type { User } from '#directory'

/** What an app is told of a user: its registered attributes, those without a value left out. */
export async function attributesFor(
  db: Queryable,
  user: User,
  settings: ServiceProviderSettings,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const wanted = Object.entries(settings.attributes)
  const groups = wanted.some(([, source]) => source === 'groups')
    ? (await groupsOf(db, user.userId)).map(({ name }) => name)
    : []
  const valuesOf = (source: (typeof wanted)[number][1]): readonly string[] => {
    if (typeof source !== 'string') return source.values
    switch (source) {
      case 'user_name':
        return [user.name]
      case 'user_id':
        return [user.userId]
      case 'mail':
        return user.mail !== undefined && user.mailVerified ? [user.mail] : []
      case 'display_name':
        return user.displayName === undefined ? [] : [user.displayName]
      case 'groups':
        return groups
      case 'account_id':
        return [user.accountId]
    }
  }
  return new Map(wanted.map(([name, source]) => [name, valuesOf(source)]))
}
