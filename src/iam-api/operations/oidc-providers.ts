import {
  findOidcProviderByArn,
  listOidcProviders,
  putOidcProvider,
  removeOidcProvider,
  updateOidcProvider,
} from '#iam'
import { refuse } from '#kernel'

import type { Handlers } from '../call.ts'
import { invalidInput, requireRoom } from '../limits.ts'
import { pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { tagList, tagsFrom, tagsOrNone, withoutTags, withTags } from '../tags.ts'

/** OpenID Connect providers: the issuers whose tokens open sessions. */
export const oidcProviders = {
  CreateOpenIDConnectProvider: async (call) => {
    const { db, needs, accountId, input } = call
    const { client_ids_per_oidc_provider, oidc_providers_per_account } = needs.settings
    const url = issuerOf(input.Url)
    const tags = tagsFrom(input.Tags)
    const clientIds = [...new Set(input.ClientIDList)]
    requireRoom(clientIds.length - 1, client_ids_per_oidc_provider, 'ClientIdsPerOpenIdConnectProvider')
    await requireAccountRoom(
      call,
      'OpenIdConnectProvidersPerAccount',
      oidc_providers_per_account,
      async () => (await listOidcProviders(db, accountId)).length,
    )
    const arn = `arn:aws:iam::${accountId}:oidc-provider/${url.slice('https://'.length)}`
    if ((await findOidcProviderByArn(db, arn)) !== undefined)
      refuse('conflict', 'iam-api/provider-exists', `Provider with url ${url} already exists.`)
    const thumbprints = thumbprintsOf(input.ThumbprintList)
    await putOidcProvider(db, needs.clock, { accountId, url, clientIds, thumbprints })
    const made = await findOidcProviderByArn(db, arn)
    if (made !== undefined) await updateOidcProvider(db, made, { tags })
    return { OpenIDConnectProviderArn: arn, Tags: tagsOrNone(tags) }
  },

  GetOpenIDConnectProvider: async ({ entity }) => ({
    Url: entity.url.replace(/^https?:\/\//, ''),
    ClientIDList: entity.clientIds,
    ThumbprintList: entity.thumbprints,
    CreateDate: entity.createdAt,
    Tags: tagList(entity.tags),
  }),

  ListOpenIDConnectProviders: async ({ db, accountId }) => ({
    OpenIDConnectProviderList: (await listOidcProviders(db, accountId)).map(({ arn }) => ({ Arn: arn })),
  }),

  DeleteOpenIDConnectProvider: async ({ db, entity }) => {
    await removeOidcProvider(db, entity.arn)
    return undefined
  },

  UpdateOpenIDConnectProviderThumbprint: async ({ db, entity, input }) => {
    await updateOidcProvider(db, entity, { thumbprints: thumbprintsOf(input.ThumbprintList) })
    return undefined
  },

  AddClientIDToOpenIDConnectProvider: async ({ db, needs, entity, input: { ClientID } }) => {
    if (entity.clientIds.includes(ClientID)) return undefined
    requireRoom(
      entity.clientIds.length,
      needs.settings.client_ids_per_oidc_provider,
      'ClientIdsPerOpenIdConnectProvider',
    )
    await updateOidcProvider(db, entity, { clientIds: [...entity.clientIds, ClientID] })
    return undefined
  },

  RemoveClientIDFromOpenIDConnectProvider: async ({ db, entity, input: { ClientID } }) => {
    await updateOidcProvider(db, entity, { clientIds: entity.clientIds.filter((id) => id !== ClientID) })
    return undefined
  },

  TagOpenIDConnectProvider: async ({ db, entity, input }) => {
    await updateOidcProvider(db, entity, { tags: withTags(entity.tags, input.Tags) })
    return undefined
  },

  UntagOpenIDConnectProvider: async ({ db, entity, input }) => {
    await updateOidcProvider(db, entity, { tags: withoutTags(entity.tags, input.TagKeys) })
    return undefined
  },

  ListOpenIDConnectProviderTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },
} satisfies Handlers

/** The issuer as tokens name it. @throws Failure malformed iam-api/invalid-url */
function issuerOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url?.protocol !== 'https:' ||
    url.username !== '' ||
    url.password !== '' ||
    /[?#\s]/.test(text) ||
    !text.toLowerCase().startsWith('https://')
  )
    return refuse(
      'malformed',
      'iam-api/invalid-url',
      'Invalid Open ID Connect Provider URL. It must be https, without query, fragment or user.',
    )
  return `https://${text.slice('https://'.length).replace(/\/$/, '')}`
}

const mostThumbprints = 5

/** @throws Failure malformed iam-api/invalid-input */
function thumbprintsOf(list: readonly string[] = []): readonly string[] {
  if (list.length > mostThumbprints) invalidInput('Thumbprint list must contain fewer than 5 entries.')
  if (list.some((print) => !/^[0-9a-f]{40}$/i.test(print)))
    invalidInput('A thumbprint is 40 hexadecimal digits.')
  return list
}
