import { z } from 'zod'
import {
  appAction,
  appResource,
  appResourceType,
  authorityKeyNames,
  proxySettings,
  upstreamSettings,
} from '#apps'
import { connectionSettings } from '#federation'

const text = z.string().min(1)
const named = (most: number) =>
  z.string().regex(new RegExp(`^[\\w+=,.@-]{1,${most}}$`), {
    error: `Write a name of letters, digits and + = , . @ _ -, at most ${most} characters.`,
  })
const accountId = z
  .string({ error: 'Write the 12 digits of the account id in quotes: "111122223333".' })
  .regex(/^\d{12}$/, { error: 'Write the 12 digits of the account id in quotes: "111122223333".' })
const path = z
  .string()
  .max(512)
  .regex(/^\/([!-~]+\/)?$/, {
    error: 'Write a path that begins and ends with a slash, such as /staff/.',
  })
const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'Write a full web address, such as https://app.example.com/callback.',
})
const tags = z.record(z.string().min(1).max(128), z.string().max(256))
/** A policy: a mapping, JSON text, or the path of a JSON file. Read by the policy engine, not here. */
const document = z.union([z.string().min(1), z.record(z.string(), z.unknown())])
/** Secrets stand in the environment (`${NAME}`) or in a file, never in signet.yaml itself. */
const fromEnvironment = z.string().regex(/^\$\{[A-Z_][A-Z0-9_]*\}$/, {
  error:
    'A secret does not stand in this file. Write ${NAME} for an environment variable, or use the key that ends in _file.',
})

const attached = {
  /** Managed policies by name or ARN; exactly these. */
  policies: z.array(text).optional(),
  /** Inline policies by name; exactly these. */
  inline_policies: z.record(named(128), document).optional(),
}

const accessKey = z.strictObject({
  id: z
    .string()
    .regex(/^AKIA[A-Z0-9]{12,124}$/, { error: 'Write an access key id: AKIA and 16 capitals and digits.' }),
  secret: fromEnvironment.optional(),
  secret_file: text.optional(),
  /** The key signs with SigV4A alone, and its secret is not kept here. */
  sigv4a_only: z.boolean().optional(),
})

const whole = (least: number, most: number) =>
  z
    .int({ error: `Write a whole number from ${least} to ${most}.` })
    .min(least, { error: `Write a whole number from ${least} to ${most}.` })
    .max(most, { error: `Write a whole number from ${least} to ${most}.` })

/** IAM's password policy of an account, as a whole: what is left out has its default. */
const passwordPolicy = z.strictObject({
  minimum_length: whole(6, 128).optional(),
  require_symbols: z.boolean().optional(),
  require_numbers: z.boolean().optional(),
  require_uppercase: z.boolean().optional(),
  require_lowercase: z.boolean().optional(),
  allow_users_to_change: z.boolean().optional(),
  max_age_days: whole(1, 1_095).optional(),
  reuse_prevention: whole(1, 24).optional(),
  hard_expiry: z.boolean().optional(),
})

const account = z.strictObject({
  id: accountId.optional(),
  name: text,
  alias: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$/)
    .optional(),
  root_access_keys: z.array(accessKey).max(2).optional(),
  /** Whether new access keys of this account sign with SigV4A alone. */
  sigv4a_keys_only: z.boolean().optional(),
  /** null takes it away, so that the house's own rules hold. */
  password_policy: passwordPolicy.nullable().optional(),
  /** The path of its organizational unit, or `root`. */
  unit: text.optional(),
  scp_full_access: z.boolean().optional(),
})

const organizationalUnit = z.strictObject({
  name: z.string().regex(/^[^/\s](?:[^/]{0,126}[^/\s])?$/, {
    error: 'Write a name without slashes, at most 128 characters.',
  }),
  /** The path of the unit above it; absent directly under the root. */
  parent: text.optional(),
  scp_full_access: z.boolean().optional(),
})

const guardRail = z.strictObject({
  name: z.string().regex(/^[ -~]{1,128}$/, { error: 'Write a name of at most 128 ASCII characters.' }),
  type: z.enum(['scp', 'rcp'], {
    error: 'Write scp (what principals of the accounts may do) or rcp (what may be done to their resources).',
  }),
  description: z.string().max(512).optional(),
  document,
  /** Exactly these. */
  targets: z
    .array(
      z.union([z.literal('root'), z.strictObject({ unit: text }), z.strictObject({ account: text })], {
        error: 'Write root, { unit: PATH } or { account: NAME }.',
      }),
    )
    .optional(),
})

const group = z.strictObject({
  name: named(128),
  account: text.optional(),
  path: path.optional(),
  ...attached,
})

const policy = z.strictObject({
  name: named(128),
  account: text.optional(),
  path: path.optional(),
  description: z.string().max(1_000).optional(),
  document,
})

const user = z.strictObject({
  name: named(64),
  account: text.optional(),
  path: path.optional(),
  display_name: text.optional(),
  mail: z.email({ error: 'Write a mail address.' }).optional(),
  mail_verified: z.boolean().optional(),
  status: z.enum(['active', 'disabled']).optional(),
  /** Groups by name; exactly these among the memberships that signet.yaml gave. */
  groups: z.array(text).optional(),
  password: fromEnvironment.optional(),
  password_file: text.optional(),
  totp_seed: fromEnvironment.optional(),
  totp_seed_file: text.optional(),
  access_keys: z.array(accessKey).max(2).optional(),
  permissions_boundary: text.optional(),
  tags: tags.optional(),
  ...attached,
})

const role = z.strictObject({
  name: named(64),
  account: text.optional(),
  path: path.optional(),
  description: z.string().max(1_000).optional(),
  trust: document,
  max_session_seconds: z.int().min(3_600).max(43_200).optional(),
  permissions_boundary: text.optional(),
  tags: tags.optional(),
  ...attached,
})

const oidcClient = z.strictObject({
  client_id: z
    .string()
    .regex(/^[!-~]{1,255}$/, { error: 'Write a client id of printable characters without spaces.' }),
  /** Neither: a public client. */
  secret: fromEnvironment.optional(),
  secret_file: text.optional(),
  redirect_uris: z.array(text).optional(),
  post_logout_redirect_uris: z.array(text).optional(),
  grants: z
    .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials', 'device_code']))
    .optional(),
  /** How it shows its secret: in the header (the default) or in the form. With keys it is always private_key_jwt. */
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])
    .optional(),
  /** Instead of a secret: the public keys that sign its client assertions (RFC 7523), here or at its own address. */
  jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1) }).optional(),
  jwks_uri: httpUrl.optional(),
  /** Its access tokens are bound to a key of its own (RFC 9449), and its requests are pushed (RFC 9126). */
  dpop_bound_access_tokens: z.boolean().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  /** Where it is told that a person signed out (OpenID Connect Back-Channel Logout). */
  backchannel_logout_uri: httpUrl.optional(),
  consent: z.boolean().optional(),
  pkce_optional: z.boolean().optional(),
  id_token_signing: z.enum(['ES256', 'RS256']).optional(),
})

const samlServiceProvider = z.strictObject({
  metadata_file: text.optional(),
  entity_id: text.optional(),
  acs: z.union([httpUrl, z.array(httpUrl).min(1)]).optional(),
  slo: httpUrl.optional(),
  sign: z.enum(['assertion', 'response', 'both']).optional(),
  /** Assertions are encrypted for the key that its metadata names. */
  encrypt: z.boolean().optional(),
  name_id_format: z.enum(['persistent', 'transient', 'email', 'unspecified']).optional(),
  attributes: z
    .record(
      text,
      z.union(
        [
          z.enum(['user_name', 'user_id', 'mail', 'display_name', 'groups', 'account_id']),
          z.strictObject({ values: z.array(text).min(1) }),
        ],
        {
          error:
            'Write one of user_name, user_id, mail, display_name, groups, account_id, or { values: [ … ] } for what is the same for everybody.',
        },
      ),
    )
    .optional(),
  idp_initiated: z.boolean().optional(),
})

const app = z.strictObject({
  name: z
    .string()
    .regex(/^[\w+=,.@ -]{1,128}$/, { error: 'Write a name of letters, digits, spaces and + = , . @ _ -.' }),
  account: text.optional(),
  launch_url: httpUrl.optional(),
  access: z.enum(['everyone', 'policy']).optional(),
  require_mfa: z.boolean().optional(),
  service_prefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,62}$/, {
      error: 'Write a prefix of small letters, digits and dashes, such as orders.',
    })
    .optional(),
  /** Whether the service may hold signing keys of callers it has seen, to verify them without asking each time. */
  signing_keys: z.boolean().optional(),
  /** Keys of ours that the app may assert about a subject. */
  authority_for: z
    .array(
      z.enum(authorityKeyNames).or(
        z.string().regex(/^aws:PrincipalTag\/[^\s]{1,128}$/, {
          error: `Write one of ${authorityKeyNames.join(', ')}, or aws:PrincipalTag/KEY.`,
        }),
      ),
    )
    .optional(),
  /** What the decision point answers action searches with. */
  actions: z.array(appAction).max(2_000).optional(),
  resource_types: z.array(appResourceType).max(200).optional(),
  /** Resources that are kept here: with a policy of their own, or for the inventory. Others of the app stay. */
  resources: z
    .array(appResource.extend({ policy: document.optional() }))
    .max(10_000)
    .optional(),
  enabled: z.boolean().optional(),
  oidc: oidcClient.optional(),
  saml: samlServiceProvider.optional(),
  /** Behind a reverse proxy that asks Signet about each request. */
  proxy: proxySettings
    .extend({
      upstream: upstreamSettings
        .extend({ secret: fromEnvironment.optional(), secret_file: text.optional() })
        .optional(),
    })
    .optional(),
})

const oidcProvider = z.strictObject({
  account: text.optional(),
  url: httpUrl,
  client_ids: z.array(text).min(1),
  thumbprints: z.array(z.string().regex(/^[0-9a-fA-F]{40}$/)).optional(),
})

const samlProvider = z.strictObject({
  account: text.optional(),
  name: named(128),
  metadata_file: text,
})

const anywhereName = z.string().regex(/^[\w.-]{1,128}$/, {
  error: 'Write a name of letters, digits and . _ -, at most 128 characters: it is part of the ARN.',
})

const trustAnchor = z.strictObject({
  account: text.optional(),
  name: anywhereName,
  /** Certificates of the authorities, PEM. */
  certificate_file: text,
  /** Revocation lists of theirs, PEM. */
  revocation_list_file: text.optional(),
  enabled: z.boolean().optional(),
})

const anywhereProfile = z.strictObject({
  account: text.optional(),
  name: anywhereName,
  /** Roles by name. */
  roles: z.array(text).min(1),
  /** Managed policies, by name or ARN, that limit every session. */
  session_policies: z.array(text).max(10).optional(),
  max_session_seconds: z.int().min(900).max(43_200).optional(),
  accept_session_name: z.boolean().optional(),
  enabled: z.boolean().optional(),
})

const cluster = z.strictObject({
  account: text.optional(),
  name: z.string().regex(/^[A-Za-z0-9][\w-]{0,99}$/, {
    error: 'Write a name of letters, digits, _ and -, at most 100 characters: it is part of the ARN.',
  }),
  /** The issuer of its service accounts' tokens, exactly as they name it. */
  issuer: httpUrl,
  associations: z
    .array(
      z.strictObject({
        namespace: z.string().regex(/^[a-z0-9-]{1,63}$/, { error: 'Write a namespace of Kubernetes.' }),
        service_account: z
          .string()
          .regex(/^[a-z0-9.-]{1,253}$/, { error: 'Write the name of a service account of Kubernetes.' }),
        /** A role of the account, by name. */
        role: text,
      }),
    )
    .max(5_000)
    .optional(),
  enabled: z.boolean().optional(),
})

const connection = connectionSettings.extend({
  name: z.string().regex(/^[\w+=,.@ -]{1,128}$/, {
    error: 'Write a name of letters, digits, spaces and + = , . @ _ -.',
  }),
  account: text.optional(),
  client_id: text,
  secret: fromEnvironment.optional(),
  secret_file: text.optional(),
  enabled: z.boolean().optional(),
  /** Google's is known. */
  issuer: httpUrl.optional(),
  /** What the button says; else the name. */
  label: z.string().min(1).max(60).optional(),
})

/** The lists of signet.yaml and what one entry of each looks like, in the order they are applied. */
export const lists = {
  accounts: account,
  organizational_units: organizationalUnit,
  guard_rails: guardRail,
  groups: group,
  policies: policy,
  users: user,
  roles: role,
  apps: app,
  oidc_providers: oidcProvider,
  saml_providers: samlProvider,
  trust_anchors: trustAnchor,
  anywhere_profiles: anywhereProfile,
  clusters: cluster,
  connections: connection,
} as const

export type Lists = typeof lists
export type ListName = keyof Lists
export type Declared<Name extends ListName> = z.infer<Lists[Name]>

/** Top-level keys of signet.yaml that declare things; every other one is a section of settings. */
export const thingNames: readonly string[] = ['organization', ...Object.keys(lists)]
