import type { ServiceProvider } from '#apps'
import { type Queryable, sql } from '#database'
import type { User } from '#directory'
import type { NameIdPolicy } from './authn-request.ts'
import type { NameId } from './name-id.ts'
import { nameIdFormats } from './names.ts'

type Kind = 'persistent' | 'transient' | 'email' | 'unspecified'

const formatOf: Readonly<Record<Kind, string>> = {
  persistent: nameIdFormats.persistent,
  transient: nameIdFormats.transient,
  email: nameIdFormats.emailAddress,
  unspecified: nameIdFormats.unspecified,
}

/** What it takes to name a user to a service provider. `newId` makes a random identifier of at least 128 bits. */
export type NamingNeeds = {
  readonly tx: Queryable
  readonly now: Temporal.Instant
  readonly newId: () => string
  readonly entityId: string
}

/**
 * Which kind of name a request gets: the app's own when it asks for none, the opaque ones when it asks for them, and
 * the telling ones only where they are the app's own. Undefined: InvalidNameIDPolicy.
 */
export function nameIdKind(
  { settings, entityId }: ServiceProvider,
  policy: NameIdPolicy | undefined,
): Kind | undefined {
  if (policy?.spNameQualifier !== undefined && policy.spNameQualifier !== entityId) return undefined
  const wanted = policy?.format ?? nameIdFormats.unspecified
  if (wanted === nameIdFormats.unspecified) return settings.nameIdFormat
  const kind = (['persistent', 'transient', 'email'] as const).find((each) => formatOf[each] === wanted)
  return kind === 'email' && settings.nameIdFormat !== 'email' ? undefined : kind
}

/**
 * The name of a user for a service provider. Undefined: there is none to give, which is InvalidNameIDPolicy.
 *
 * Persistent: random, one per user and provider, never anybody else's. Transient: new each time. Email: the verified
 * mail alone. Unspecified: the user name.
 */
export async function giveNameId(
  needs: NamingNeeds,
  provider: ServiceProvider,
  user: User,
  policy: NameIdPolicy | undefined,
): Promise<NameId | undefined> {
  const kind = nameIdKind(provider, policy)
  if (kind === undefined) return undefined
  const value = await valueOf(needs, kind, provider.entityId, user, policy?.allowCreate !== false)
  if (value === undefined) return undefined
  const qualified = kind === 'persistent' || kind === 'transient'
  return {
    value,
    format: formatOf[kind],
    nameQualifier: qualified ? needs.entityId : undefined,
    spNameQualifier: qualified ? provider.entityId : undefined,
    spProvidedId: undefined,
  }
}

function valueOf(
  needs: NamingNeeds,
  kind: Kind,
  entityId: string,
  user: User,
  mayCreate: boolean,
): Promise<string | undefined> | string | undefined {
  switch (kind) {
    case 'persistent':
      return persistentId(needs, user.userId, entityId, mayCreate)
    case 'transient':
      return needs.newId()
    case 'email':
      return user.mailVerified ? user.mail : undefined
    case 'unspecified':
      return user.name
  }
}

async function persistentId(
  { tx, now, newId }: NamingNeeds,
  userId: string,
  entityId: string,
  mayCreate: boolean,
): Promise<string | undefined> {
  if (mayCreate)
    await tx.query(
      sql`insert into saml_name_id (user_id, entity_id, value, created_at)
          values (${userId}, ${entityId}, ${newId()}, ${now})
          on conflict (user_id, entity_id) do nothing`,
    )
  return knownPersistentId(tx, userId, entityId)
}

/** The persistent name a service provider already has for a user. */
export async function knownPersistentId(
  db: Queryable,
  userId: string,
  entityId: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ value: string }>(
    sql`select value from saml_name_id where user_id = ${userId} and entity_id = ${entityId}`,
  )
  return rows[0]?.value
}
