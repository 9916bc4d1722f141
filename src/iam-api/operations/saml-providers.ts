import { createHash } from 'node:crypto'

import {
  findSamlProvider,
  listSamlProviders,
  putSamlProvider,
  removeSamlProvider,
  setSamlProviderTags,
  type SamlProvider,
} from '#iam'
import { isFailure, refuse } from '#kernel'
import { parseIdpMetadata } from '#saml'

import type { Handlers } from '../call.ts'
import { invalidInput } from '../limits.ts'
import { pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { tagList, tagsFrom, tagsOrNone, withoutTags, withTags } from '../tags.ts'

/** SAML providers: the identity providers whose assertions open sessions. */
export const samlProviders = {
  CreateSAMLProvider: async (call) => {
    const { db, needs, accountId, input } = call
    requireUsable(input)
    const tags = tagsFrom(input.Tags)
    await requireAccountRoom(
      call,
      'SAMLProvidersPerAccount',
      needs.settings.saml_providers_per_account,
      async () => (await listSamlProviders(db, accountId)).length,
    )
    const { Name: name, SAMLMetadataDocument: metadata } = input
    if ((await findSamlProvider(db, `arn:aws:iam::${accountId}:saml-provider/${name}`)) !== undefined)
      refuse('conflict', 'iam-api/provider-exists', `SAMLProvider ${name} already exists.`)
    const arn = await putSamlProvider(db, needs.clock, { accountId, name, metadata })
    await setSamlProviderTags(db, arn, tags)
    return { SAMLProviderArn: arn, Tags: tagsOrNone(tags) }
  },

  GetSAMLProvider: async ({ entity }) => ({
    SAMLProviderUUID: uuidOf(entity),
    SAMLMetadataDocument: entity.metadata,
    CreateDate: entity.createdAt,
    ValidUntil: validUntil(entity),
    Tags: tagList(entity.tags),
    AssertionEncryptionMode: 'Allowed',
    PrivateKeyList: [],
  }),

  ListSAMLProviders: async ({ db, accountId }) => ({
    SAMLProviderList: (await listSamlProviders(db, accountId)).map((provider) => ({
      Arn: provider.arn,
      ValidUntil: validUntil(provider),
      CreateDate: provider.createdAt,
    })),
  }),

  UpdateSAMLProvider: async ({ db, needs, accountId, entity, input }) => {
    requireUsable(input)
    if (input.RemovePrivateKey !== undefined) invalidInput('The provider has no such private key.')
    const { name, arn } = entity
    if (input.SAMLMetadataDocument !== undefined)
      await putSamlProvider(db, needs.clock, { accountId, name, metadata: input.SAMLMetadataDocument })
    return { SAMLProviderArn: arn }
  },

  DeleteSAMLProvider: async ({ db, entity }) => {
    await removeSamlProvider(db, entity.arn)
    return undefined
  },

  TagSAMLProvider: async ({ db, entity, input }) => {
    await setSamlProviderTags(db, entity.arn, withTags(entity.tags, input.Tags))
    return undefined
  },

  UntagSAMLProvider: async ({ db, entity, input }) => {
    await setSamlProviderTags(db, entity.arn, withoutTags(entity.tags, input.TagKeys))
    return undefined
  },

  ListSAMLProviderTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },
} satisfies Handlers

/** @throws Failure malformed iam-api/invalid-input for metadata that STS could not use, and for encrypted assertions */
function requireUsable(input: {
  readonly SAMLMetadataDocument?: string | undefined
  readonly AssertionEncryptionMode?: string | undefined
  readonly AddPrivateKey?: string | undefined
}): void {
  if (input.AddPrivateKey !== undefined || input.AssertionEncryptionMode === 'Required')
    // A mode that nobody enforces would be a promise we do not keep.
    invalidInput('Encrypted assertions with a key of your own are not offered.')
  if (input.SAMLMetadataDocument === undefined) return
  try {
    parseIdpMetadata(input.SAMLMetadataDocument, { loopbackHttp: true })
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    invalidInput(`Could not parse metadata: ${thrown.message}`, thrown.detail)
  }
}

/** The same as long as the provider is the same one. */
const uuidOf = ({ arn, createdAt }: SamlProvider): string =>
  createHash('sha256').update(`${arn} ${createdAt.epochNanoseconds}`).digest('hex').slice(0, 32).toUpperCase()

/** Providers do not expire by themselves; clients expect a date all the same. */
const validUntil = ({ createdAt }: SamlProvider): Temporal.Instant => createdAt.add({ hours: 876_000 })
