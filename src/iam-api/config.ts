import { z } from 'zod'

const quota = (value: number, most = 1_000_000): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(most).default(value)

/** `iam:` in the settings: the quotas that AWS puts on IAM, with its defaults (IAM User Guide, reference_iam-quotas). */
export const iamSettings = z.strictObject({
  users_per_account: quota(5_000),
  groups_per_account: quota(300),
  roles_per_account: quota(1_000),
  policies_per_account: quota(1_500),
  instance_profiles_per_account: quota(1_000),
  server_certificates_per_account: quota(20),
  saml_providers_per_account: quota(100),
  oidc_providers_per_account: quota(100),
  client_ids_per_oidc_provider: quota(100, 1_000),
  versions_per_policy: quota(5, 100),
  policies_per_user: quota(10, 100),
  policies_per_group: quota(10, 100),
  policies_per_role: quota(10, 100),
  groups_per_user: quota(10, 1_000),
  access_keys_per_user: quota(2, 100),
  access_keys_per_root: quota(2, 100),
  /** Characters of a managed policy, white space not counted. */
  policy_size: quota(6_144, 131_072),
  /** Characters of all inline policies of one user, group or role together. */
  user_policy_size: quota(2_048, 131_072),
  group_policy_size: quota(5_120, 131_072),
  role_policy_size: quota(10_240, 131_072),
  trust_policy_size: quota(2_048, 131_072),
  mfa_devices_per_user: quota(8, 100),
  ssh_keys_per_user: quota(5, 100),
  signing_certificates_per_user: quota(2, 100),
})

export type IamSettings = z.infer<typeof iamSettings>
