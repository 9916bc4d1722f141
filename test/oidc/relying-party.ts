import * as client from 'openid-client'
import { CookieBrowser, type Page } from './browser.ts'
import { clientSecret, redirectUri, type World } from './world.ts'

/** An app that signs people in through the world's provider, by a certified relying party library. */
export async function relyingParty(
  world: World,
  clientId: string,
  authentication: client.ClientAuth = client.ClientSecretBasic(clientSecret),
): Promise<client.Configuration> {
  return client.discovery(new URL(world.origin), clientId, undefined, authentication, {
    execute: [client.allowInsecureRequests],
  })
}

export type Tokens = Awaited<ReturnType<typeof client.authorizationCodeGrant>>

/** What was asked, kept for checking the answer. */
export type Asked = {
  readonly url: URL
  readonly verifier: string | undefined
  readonly state: string
  readonly nonce: string
}

/** An authorization request with PKCE, state and nonce. */
export async function ask(
  config: client.Configuration,
  parameters: Record<string, string> = {},
  { pkce = true } = {},
): Promise<Asked> {
  const verifier = pkce ? client.randomPKCECodeVerifier() : undefined
  const state = client.randomState()
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email groups',
    state,
    nonce,
    ...(verifier === undefined
      ? {}
      : { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }),
    ...parameters,
  })
  return { url, verifier, state, nonce }
}

/** Exchanges the code that the browser brought to the app's border. */
export const exchange = (config: client.Configuration, asked: Asked, at: URL): Promise<Tokens> =>
  client.authorizationCodeGrant(config, at, {
    expectedState: asked.state,
    expectedNonce: asked.nonce,
    ...(asked.verifier === undefined ? {} : { pkceCodeVerifier: asked.verifier }),
  })

/** Opens the app's request and signs in where a page asks for it. */
export async function signIn(
  browser: CookieBrowser,
  asked: Asked,
  typed: Record<string, string> = { user: 'alice' },
): Promise<Page> {
  const page = await browser.open(asked.url)
  return page.body.includes('<h1>Sign in</h1>') ? browser.submit(page, typed) : page
}

/** The whole sign-in: from the app's request to its tokens. */
export async function tokensFor(
  config: client.Configuration,
  parameters: Record<string, string> = {},
  browser = new CookieBrowser(),
): Promise<{ browser: CookieBrowser; tokens: Tokens }> {
  const asked = await ask(config, parameters)
  const page = await signIn(browser, asked)
  if (page.left !== true) throw new Error(`still at ${page.url.href}: ${page.status} ${page.body}`)
  return { browser, tokens: await exchange(config, asked, page.url) }
}
