import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../support/signet-process.ts'
import { type Apache, startApache } from './apache.ts'
import { type Company, pageSecret } from './company.ts'

/** A page behind Apache: where it is, what declares it to Signet, and what starts it once it is declared. */
export type ApachePage = {
  readonly url: string
  readonly declaration: object
  start(): Promise<Apache>
}

// The page prints what the module gives to the application behind it.
const page = (folder: string): void => {
  mkdirSync(join(folder, 'www', 'app'), { recursive: true })
  writeFileSync(
    join(folder, 'www', 'app', 'index.shtml'),
    '<!doctype html><link rel="icon" href="data:,"><title>The app</title><h1>Hello <!--#echo var="REMOTE_USER" --></h1><pre><!--#printenv --></pre>',
  )
}
const included = ['include', 'mime']
const shown = `
TypesConfig /dev/null
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Directory />
  Options +Includes
</Directory>`

/** A page behind mod_auth_openidc: client `page`, code with PKCE, logout at Signet. */
export async function openidcPage(company: Company): Promise<ApachePage> {
  const folder = join(company.folder, 'openidc')
  mkdirSync(folder)
  page(folder)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    declaration: {
      name: 'Page',
      launch_url: `${url}/app/`,
      require_mfa: true,
      oidc: {
        client_id: 'page',
        secret: '${PAGE_SECRET}',
        redirect_uris: [`${url}/app/redirect`],
        post_logout_redirect_uris: [`${url}/`],
        grants: ['authorization_code', 'refresh_token'],
      },
    },
    start: () =>
      startApache(
        folder,
        port,
        [...included, 'auth_openidc'],
        `${shown}
OIDCProviderMetadataURL ${company.url}/.well-known/openid-configuration
OIDCClientID page
OIDCClientSecret ${pageSecret}
OIDCRedirectURI ${url}/app/redirect
OIDCCryptoPassphrase a-passphrase-of-the-peers-test
OIDCScope "openid profile email groups"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
OIDCPassIDTokenAs claims payload serialized
<Location /app>
  AuthType openid-connect
  Require valid-user
</Location>`,
      ),
  }
}

/** A page behind mod_auth_mellon, with keys and metadata made by its own tool. */
export async function mellonPage(company: Company): Promise<ApachePage> {
  const folder = join(company.folder, 'mellon')
  mkdirSync(folder)
  page(folder)
  const port = await freePort()
  // Over http a browser takes no cookie with SameSite=None, which is what mellon gives unless told; and without it, the
  // cookie comes back with a form from the same site alone, so the page is at localhost as Signet is.
  const url = `http://localhost:${port}`
  execFileSync('mellon_create_metadata', [`${url}/mellon/metadata`, `${url}/mellon`], {
    cwd: folder,
    stdio: 'pipe',
  })
  const made = join(folder, `http_localhost_${port}_mellon_metadata`)
  return {
    url,
    declaration: {
      name: 'Wiki',
      launch_url: `${url}/app/`,
      saml: {
        metadata_file: `${made}.xml`,
        attributes: { uid: 'user_name', mail: 'mail', displayName: 'display_name', groups: 'groups' },
      },
    },
    async start() {
      const metadata = await fetch(`${company.url}/saml/metadata`)
      writeFileSync(join(folder, 'idp.xml'), await metadata.text())
      // Read before Apache gives up root, and by nobody else.
      chmodSync(`${made}.key`, 0o600)
      return startApache(
        folder,
        port,
        [...included, 'setenvif', 'auth_mellon'],
        `${shown}
MellonCacheSize 100
SetEnvIf Request_URI ^ MELLON_DISABLE_SAMESITE=1
<Location />
  MellonEnable "info"
  MellonEndpointPath "/mellon"
  MellonSPPrivateKeyFile ${made}.key
  MellonSPCertFile ${made}.cert
  MellonSPMetadataFile ${made}.xml
  MellonIdPMetadataFile ${folder}/idp.xml
  MellonSecureCookie Off
  MellonUser "uid"
  MellonSignatureMethod rsa-sha256
  MellonMergeEnvVars On
</Location>
<Location /app>
  AuthType Mellon
  MellonEnable "auth"
  Require valid-user
</Location>`,
      )
    },
  }
}

/** A variable of the page's `printenv`. */
export const shownVariable = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]
