import {
  findOidcProviderByArn,
  findPolicy,
  findSamlProvider,
  lockOidcProvider,
  lockPolicy,
  lockSamlProvider,
  type BuiltInPolicy,
  type ManagedPolicy,
  type OidcProvider,
  type SamlProvider,
} from '#iam'

import { invalidInput } from '../limits.ts'
import type { Resolver } from './resource.ts'

/** A managed policy: the customer's own, or one that comes with Signet and nobody changes. */
export type PolicyEntity =
  | { readonly type: 'own'; readonly policy: ManagedPolicy }
  | { readonly type: 'built-in'; readonly policy: BuiltInPolicy }

/** The managed policy of an ARN. One of another account is that account's: the caller needs a permission there. */
export const policy: Resolver<PolicyEntity> = async ({ db, builtInPolicies, accountId, lock }, arn) => {
  const owner = ownerOf(arn, 'policy')
  const missing = `Policy ${arn} was not found.`
  if (owner === 'aws') {
    const found = builtInPolicies.get(arn)
    return {
      arn,
      // Everybody reads them as their own, and nobody writes what belongs to no account.
      accountId: lock ? undefined : accountId,
      entity: found && { type: 'built-in', policy: found },
      missing,
    }
  }
  const found = owner === accountId ? await (lock ? lockPolicy : findPolicy)(db, arn) : undefined
  return { arn, entity: found && { type: 'own', policy: found }, tags: found?.tags, missing }
}

export const oidcProvider: Resolver<OidcProvider> = async ({ db, accountId, lock }, arn) => {
  const own = ownerOf(arn, 'oidc-provider') === accountId
  const entity = own ? await (lock ? lockOidcProvider : findOidcProviderByArn)(db, arn) : undefined
  return { arn, entity, tags: entity?.tags, missing: `OpenIDConnect Provider not found for arn ${arn}` }
}

export const samlProvider: Resolver<SamlProvider> = async ({ db, accountId, lock }, arn) => {
  const own = ownerOf(arn, 'saml-provider') === accountId
  const entity = own ? await (lock ? lockSamlProvider : findSamlProvider)(db, arn) : undefined
  return { arn, entity, tags: entity?.tags, missing: `Manifest not found for arn ${arn}` }
}

/**
 * The account in an ARN of a kind.
 *
 * @throws Failure malformed iam-api/invalid-input for what is no such ARN
 */
function ownerOf(arn: string, kind: string): string {
  const [, owner, type] = /^arn:aws[a-z-]*:iam::(\d{12}|aws):([a-z-]+)\/./.exec(arn) ?? []
  return owner !== undefined && type === kind ? owner : invalidInput(`ARN ${arn} is not valid.`)
}
