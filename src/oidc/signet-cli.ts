import type { KnownClient } from './clients.ts'

/** RFC 8628's grant type. */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** The built-in public client of `signet login`: the device flow and refresh tokens, nothing else. */
export const signetCli: KnownClient = {
  clientId: 'signet-cli',
  name: 'Signet command line',
  app: undefined,
  consent: false,
  secretHash: undefined,
  metadata: {
    application_type: 'native',
    client_id: 'signet-cli',
    client_name: 'Signet command line',
    grant_types: [deviceGrant, 'refresh_token'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'none',
  },
}
