import {
  disableOutboundFederation,
  enableOutboundFederation,
  findAccount,
  hasOutboundFederation,
  outboundIssuer,
  removeAccountAlias,
  setAccountAlias,
  setGlobalEndpointTokenVersion,
} from '#iam'
import { refuse } from '#kernel'

import type { Handlers } from '../call.ts'
import { noSuchEntity } from '../limits.ts'
import { pageOf } from '../paging.ts'

/** The account's alias, and what its security token service does. */
export const accountSettings = {
  CreateAccountAlias: async ({ db, accountId, input }) => {
    if (/^\d{12}$/.test(input.AccountAlias))
      refuse(
        'malformed',
        'iam-api/alias-like-an-account',
        "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must not be an account id",
      )
    await setAccountAlias(db, accountId, input.AccountAlias)
    return undefined
  },

  DeleteAccountAlias: async ({ db, accountId, input }) => {
    if (!(await removeAccountAlias(db, accountId, input.AccountAlias)))
      return noSuchEntity(`The account alias ${input.AccountAlias} does not exist.`)
    return undefined
  },

  ListAccountAliases: async (call) => {
    const alias = (await findAccount(call.db, call.accountId))?.alias
    const [AccountAliases, paged] = pageOf(call, alias === undefined ? [] : [alias])
    return { AccountAliases, ...paged }
  },

  SetSecurityTokenServicePreferences: async ({ db, accountId, input }) => {
    await setGlobalEndpointTokenVersion(db, accountId, input.GlobalEndpointTokenVersion === 'v2Token' ? 2 : 1)
    return undefined
  },

  EnableOutboundWebIdentityFederation: async ({ db, needs, accountId }) => {
    if (!(await enableOutboundFederation(db, needs.clock, accountId)))
      refuse('conflict', 'iam-api/feature-enabled', 'Outbound web identity federation is already enabled.')
    return { IssuerIdentifier: outboundIssuer(needs.publicUrl, accountId) }
  },

  DisableOutboundWebIdentityFederation: async ({ db, accountId }) => {
    if (!(await disableOutboundFederation(db, accountId))) return featureDisabled()
    return undefined
  },

  GetOutboundWebIdentityFederationInfo: async ({ db, needs, accountId }) =>
    (await hasOutboundFederation(db, accountId))
      ? { IssuerIdentifier: outboundIssuer(needs.publicUrl, accountId), JwtVendingEnabled: true }
      : featureDisabled(),
} satisfies Handlers

const featureDisabled = (): never =>
  refuse('not-found', 'iam-api/feature-disabled', 'Outbound web identity federation is not enabled.')
