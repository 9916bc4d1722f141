import type { Handlers, Preparations } from '../call.ts'
import { accessKeys } from './access-keys.ts'
import { account } from './account.ts'
import { attachments } from './attachments.ts'
import { groups } from './groups.ts'
import { inlinePolicies } from './inline-policies.ts'
import { oidcProviders } from './oidc-providers.ts'
import { policies } from './policies.ts'
import { roles } from './roles.ts'
import { samlProviders } from './saml-providers.ts'
import { accessReports } from './access-reports.ts'
import { accountSettings } from './account-settings.ts'
import { credentialReports } from './credential-report.ts'
import { instanceProfiles } from './instance-profiles.ts'
import { loginProfilePreparations, loginProfiles } from './login-profiles.ts'
import { mfaDevices } from './mfa-devices.ts'
import { passwordPolicy } from './password-policy.ts'
import { publicKeys } from './public-keys.ts'
import { serverCertificates } from './server-certificates.ts'
import { serviceCredentials } from './service-credentials.ts'
import { simulation } from './simulation.ts'
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
  ...loginProfiles,
  ...passwordPolicy,
  ...mfaDevices,
  ...accountSettings,
  ...instanceProfiles,
  ...simulation,
  ...credentialReports,
  ...accessReports,
  ...serverCertificates,
  ...publicKeys,
  ...serviceCredentials,
}

/** What some of them do before their transaction begins. */
export const preparations: Preparations = { ...loginProfilePreparations }
