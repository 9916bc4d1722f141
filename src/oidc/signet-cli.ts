import type { KnownClient } from './clients.ts'

/** RFC 8628's grant type. */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** The client id of the command line. Its tokens are for our own APIs: the person confirmed just that on the device page. */
export const signetCliId = 'signet-cli'

/** The built-in public client of `signet login`: the device flow and refresh tokens, nothing else. */
export const signetCli: KnownClient = {
  clientId: signetCliId,
  name: 'Signet command line',
  app: undefined,
  consent: false,
  secretHash: undefined,
  metadata: {
    application_type: 'native',
    client_id: signetCliId,
    client_name: 'Signet command line',
    grant_types: [deviceGrant, 'refresh_token'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'none',
  },
}
