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
      snippet: [
        `[profile ${profileName(role)}]`,
        `credential_process = signet credentials --role ${role.arn}`,
        `region = ${region}`,
        `endpoint_url = ${publicUrl.origin}`,
      ].join('\n'),
      open: false,
    },
  ]
}

/** A name for ~/.aws/config: small letters, digits and dashes. */
const profileName = (role: { name: string; accountName: string }): string =>
  `${role.accountName}-${role.name}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
