import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** Another OpenID issuer, as a CI system is one: discovery, keys and signed tokens, and nobody who signs in. */
export type TokenIssuer = {
  readonly url: string
  /** `localhost:port`, for the list of issuers inside the own network. */
  readonly host: string
  mint(claims: { sub: string; aud: string; [name: string]: unknown }, lifeSeconds?: number): Promise<string>
  close(): Promise<void>
}

/** Starts the issuer on loopback. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'ci', alg: 'ES256', use: 'sig' }]
  const server = createServer((request, response) => {
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer: url,
        jwks_uri: `${url}/keys`,
        authorization_endpoint: `${url}/none`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      },
      '/keys': { keys },
    }
    const answer = answers[request.url ?? '']
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const host = `localhost:${(server.address() as AddressInfo).port}`
  const url = `http://${host}`
  return {
    url,
    host,
    mint: ({ sub, aud, ...claims }, lifeSeconds = 300) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'ci' })
        .setIssuer(url)
        .setSubject(sub)
        .setAudience(aud)
        .setIssuedAt()
        .setExpirationTime(`${lifeSeconds}s`)
        .sign(privateKey),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
