import { generateKeyPair, exportJWK, SignJWT } from 'jose'
import { createServer } from 'node:http'
import { freePort } from '../../support/signet-process.ts'

/** Another OpenID issuer on this machine: its discovery document, its keys, and tokens of anything. */
export type Issuer = {
  readonly url: string
  readonly host: string
  token(claims: Readonly<Record<string, unknown>>): Promise<string>
  stop(): Promise<void>
}

/** Starts it with an RSA key of its own. */
export async function startIssuer(): Promise<Issuer> {
  const port = await freePort()
  const host = `127.0.0.1:${port}`
  const url = `http://${host}`
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const key = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  const documents: Readonly<Record<string, object>> = {
    '/.well-known/openid-configuration': {
      issuer: url,
      jwks_uri: `${url}/keys`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    },
    '/keys': { keys: [key] },
  }
  const server = createServer((request, response) => {
    const document = documents[request.url ?? '']
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url,
    host,
    token: (claims) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .setIssuer(url)
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
