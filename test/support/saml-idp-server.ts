import { createServer } from 'node:http'
import { inflateRawSync } from 'node:zlib'
import { foreignIdp, idpMetadata } from './saml-idp.ts'
import type { ForeignIdp, Mint } from './saml-idp.ts'

/** The foreign identity provider as a server on loopback. Everybody who comes is signed in as the user it was given. */
export type ForeignIdpServer = ForeignIdp & {
  readonly url: string
  close(): Promise<void>
}

const attributeOf = (xml: string, name: string): string | undefined =>
  new RegExp(`\\s${name}="([^"]*)"`).exec(xml)?.[1]

/**
 * Starts it: `/metadata`, and `/sso`, which answers an AuthnRequest by Redirect or POST with a form for its
 * AssertionConsumerServiceURL. `/mint?recipient=…` gives a SAMLResponse that nobody asked for, as base64.
 */
export async function startForeignIdp(
  user: Pick<Mint, 'nameId' | 'nameIdFormat' | 'attributes'>,
  now: () => Temporal.Instant,
): Promise<ForeignIdpServer> {
  let idp: ForeignIdp | undefined
  let url = ''
  const server = createServer((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', url)
      const body = (await request.toArray()).join('')
      if (!idp) throw new Error('not ready')
      if (pathname === '/metadata') {
        response.setHeader('content-type', 'application/samlmetadata+xml')
        return response.end(idpMetadata(idp.entityId, idp.certificate, `${url}/sso`))
      }
      if (pathname === '/mint')
        return response.end(idp.mint({ ...user, now: now(), recipient: searchParams.get('recipient') ?? '' }))
      const form = request.method === 'POST' ? new URLSearchParams(body) : searchParams
      const message = Buffer.from(form.get('SAMLRequest') ?? '', 'base64')
      const asked = (request.method === 'POST' ? message : inflateRawSync(message)).toString()
      const recipient = attributeOf(asked, 'AssertionConsumerServiceURL') ?? ''
      const inResponseTo = attributeOf(asked, 'ID') ?? ''
      const audience = /<(?:\w+:)?Issuer[^>]*>([^<]*)</.exec(asked)?.[1] ?? ''
      const answer = idp.mint({ ...user, now: now(), recipient, inResponseTo, audience })
      const relayState = (form.get('RelayState') ?? '').replaceAll('&', '&amp;').replaceAll('"', '&quot;')
      response.setHeader('content-type', 'text/html; charset=utf-8')
      return response.end(
        `<!doctype html><title>IdP</title><form method="post" action="${recipient}"><input type="hidden" name="SAMLResponse" value="${answer}"><input type="hidden" name="RelayState" value="${relayState}"><button>Continue</button></form>`,
      )
    })().catch((thrown: unknown) => {
      response.statusCode = 500
      response.end(String(thrown))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  idp = foreignIdp(`${url}/metadata`)
  return { ...idp, url, close: () => new Promise((resolve) => server.close(() => resolve())) }
}
