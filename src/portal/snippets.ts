import type { Translate } from '#http'
import type { Way } from './pages.ts'

/** Temporary credentials as a page shows them, once. */
export type ShownCredentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

const region = 'us-east-1'

/** The ways to use a role session, with lines to copy. */
export function waysToUse(
  credentials: ShownCredentials,
  role: { readonly name: string; readonly arn: string; readonly accountName: string },
  publicUrl: URL,
  t: Translate,
): readonly Way[] {
  const variables = [
    ['AWS_ACCESS_KEY_ID', credentials.accessKeyId],
    ['AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey],
    ['AWS_SESSION_TOKEN', credentials.sessionToken],
    ['AWS_ENDPOINT_URL', publicUrl.origin],
    ['AWS_REGION', region],
    ['AWS_DEFAULT_REGION', region],
  ] as const
  return [
    {
      id: 'bash',
      label: t('role.way-bash'),
      text: t('role.way-bash-text'),
      snippet: variables
        .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`)
        .join('\n'),
      open: true,
    },
    {
      id: 'powershell',
      label: t('role.way-powershell'),
      text: t('role.way-powershell-text'),
      snippet: variables.map(([name, value]) => `$env:${name} = '${value.replaceAll("'", "''")}'`).join('\n'),
      open: false,
    },
    {
      id: 'process',
      label: t('role.way-process'),
      text: t('role.way-process-text'),
      snippet: processLines(profileName(role), role.arn, publicUrl.origin).join('\n'),
      open: false,
    },
  ]
}

/** A profile that asks `signet`, with its own services section: other services stay where they are. */
const processLines = (profile: string, roleArn: string, origin: string): readonly string[] => [
  `[profile ${profile}]`,
  `credential_process = signet credentials --role ${roleArn} --url ${origin}`,
  `region = ${region}`,
  `services = ${profile}`,
  `[services ${profile}]`,
  ...['sts', 'iam'].flatMap((service) => [`${service} =`, `  endpoint_url = ${origin}`]),
]

/** A name for ~/.aws/config: small letters, digits and dashes. */
const profileName = (role: { name: string; accountName: string }): string =>
  `${role.accountName}-${role.name}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')

/**
 * The ways to log a command line in, with lines to copy; none of them holds a secret. The first is the shortest, the last
 * for what cannot be told an address.
 *
 * @param label random letters of this deployment: `sso_start_url` must be a name of Amazon's, and shall be nobody's
 */
export function waysToLogIn(
  role: {
    readonly name: string
    readonly arn: string
    readonly accountId: string
    readonly accountName: string
  },
  publicUrl: URL,
  label: string,
  t: Translate,
): readonly Way[] {
  const { origin } = publicUrl
  const profile = profileName(role)
  const way = (id: string, label: string, text: string, lines: readonly string[]): Way => ({
    id: `log-in-${id}`,
    label,
    text,
    snippet: lines.join('\n'),
    open: id === 'login',
  })
  return [
    way('login', t('access.way-login'), t('access.way-login-text'), [
      `export AWS_ENDPOINT_URL=${origin}`,
      `export AWS_REGION=${region}`,
      'aws login',
    ]),
    // Once per machine: a second section of the same name would make the file unreadable.
    way('sso', t('access.way-sso'), t('access.way-sso-text'), [
      '[services signet]',
      ...['sts', 'iam', 'sso', 'sso_oidc', 'signin'].flatMap((service) => [
        `${service} =`,
        `  endpoint_url = ${origin}`,
      ]),
      '[sso-session signet]',
      `sso_region = ${region}`,
      t('access.start-url-comment'),
      `sso_start_url = https://signet-${label}.awsapps.com/start`,
      'sso_registration_scopes = sso:account:access',
    ]),
    way('sso-profile', t('access.way-sso-profile'), t('access.way-sso-profile-text'), [
      `[profile ${profile}]`,
      'services = signet',
      `region = ${region}`,
      'sso_session = signet',
      `sso_account_id = ${role.accountId}`,
      `sso_role_name = ${role.name}`,
    ]),
    way('sso-run', t('access.way-sso-run'), t('access.way-sso-run-text'), [
      `aws sso login --profile ${profile}`,
      `aws sts get-caller-identity --profile ${profile}`,
    ]),
    way(
      'process',
      t('access.way-process'),
      t('access.way-process-text'),
      processLines(profile, role.arn, origin),
    ),
    way('agent', t('access.way-agent'), t('access.way-agent-text'), [
      `signet login --url ${origin}`,
      `signet agent --role ${role.arn} --url ${origin}`,
    ]),
    way('old', t('access.way-old'), t('access.way-old-text'), [`signet aws-models --url ${origin}`]),
  ]
}
