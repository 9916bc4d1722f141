import type { Handlers } from '../call.ts'
import { accessKeys } from './access-keys.ts'
import { account } from './account.ts'
import { attachments } from './attachments.ts'
import { groups } from './groups.ts'
import { inlinePolicies } from './inline-policies.ts'
import { oidcProviders } from './oidc-providers.ts'
import { policies } from './policies.ts'
import { roles } from './roles.ts'
import { samlProviders } from './saml-providers.ts'
import { users } from './users.ts'

/** Every operation that is built. What is missing here is known and not offered. */
export const handlers: Handlers = {
  ...users,
  ...groups,
  ...roles,
  ...policies,
  ...attachments,
  ...inlinePolicies,
  ...accessKeys,
  ...oidcProviders,
  ...samlProviders,
  ...account,
}
