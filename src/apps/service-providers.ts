import { z } from 'zod'
import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse } from '#kernel'

const endpoint = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  binding: z.enum(['post', 'redirect']).default('post'),
  index: z.int().min(0).optional(),
  isDefault: z.boolean().optional(),
  responseUrl: z.url({ protocol: /^https?$/ }).optional(),
})

/** What Signet keeps of a SAML service provider, from its metadata or typed in. */
export const serviceProviderSettings = z.strictObject({
  acs: z.array(endpoint).min(1),
  slo: z.array(endpoint).default([]),
  /** PEM certificates that sign its requests. */
  signingCertificates: z.array(z.string()).default([]),
  encryptionCertificates: z.array(z.string()).default([]),
  /** It signs its AuthnRequests: an unsigned one is then refused. */
  requestsSigned: z.boolean().default(false),
  /** Its assertions are encrypted for the first RSA key of `encryptionCertificates`. */
  encrypt: z.boolean().default(false),
  sign: z.enum(['assertion', 'response', 'both']).default('assertion'),
  nameIdFormat: z.enum(['persistent', 'transient', 'email', 'unspecified']).default('persistent'),
  /** SAML attribute name to what it holds: something of the user, or the same values for everybody. */
  attributes: z
    .record(
      z.string(),
      z.union([
        z.enum(['user_name', 'user_id', 'mail', 'display_name', 'groups', 'account_id']),
        z.strictObject({ values: z.array(z.string()).min(1) }),
      ]),
    )
    .default({}),
  idpInitiated: z.boolean().default(false),
  relayStates: z.array(z.string()).default([]),
})

export type ServiceProviderSettings = z.infer<typeof serviceProviderSettings>

/** An app's SAML side. */
export type ServiceProvider = {
  readonly entityId: string
  readonly appId: string
  readonly settings: ServiceProviderSettings
  readonly updatedAt: Temporal.Instant
}

/**
 * Makes an app's service provider like this.
 *
 * @throws Failure conflict apps/entity-id when the entity id belongs to another app
 */
export async function putServiceProvider(
  tx: Queryable,
  clock: Clock,
  provider: { entityId: string; appId: string; settings: ServiceProviderSettings },
): Promise<void> {
  try {
    await tx.query(
      sql`insert into saml_service_provider (entity_id, app_id, settings, updated_at)
          values (${provider.entityId}, ${provider.appId}, ${JSON.stringify(provider.settings)}, ${clock()})
          on conflict (app_id) do update
            set entity_id = excluded.entity_id, settings = excluded.settings, updated_at = excluded.updated_at`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'apps/entity-id', `Another app already has the entity id ${provider.entityId}.`)
  }
}

type Row = { entity_id: string; app_id: string; settings: string; updated_at: Temporal.Instant }

/** The service provider of an entity id, or of an app. */
export async function findServiceProvider(
  db: Queryable,
  by: { entityId: string } | { appId: string },
): Promise<ServiceProvider | undefined> {
  const { rows } = await db.query<Row>(
    sql`select entity_id, app_id, settings, updated_at from saml_service_provider
        where ${'entityId' in by ? sql`entity_id = ${by.entityId}` : sql`app_id = ${by.appId}`}`,
  )
  const [row] = rows
  if (row === undefined) return undefined
  return {
    entityId: row.entity_id,
    appId: row.app_id,
    settings: serviceProviderSettings.parse(JSON.parse(row.settings)),
    updatedAt: row.updated_at,
  }
}
