import { createHash, timingSafeEqual } from 'node:crypto'
import * as client from 'openid-client'
import type { Clock, Secret } from '#kernel'
import { isFailure, refuse } from '#kernel'
import { isListed, type Outgoing, type OutgoingRules } from '#http'
import type { Connection } from './connection.ts'

/** What an upstream says about who came. Claims that were absent are undefined, which is not the same as empty. */
export type UpstreamIdentity = {
  readonly subject: string
  readonly mail: string | undefined
  readonly mailVerified: boolean
  readonly name: string | undefined
  readonly preferredUserName: string | undefined
  readonly groups: readonly string[] | undefined
  readonly mfa: boolean
}

/** What a trip to an upstream begins with. */
export type Departure = {
  readonly url: URL
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** One upstream OpenID provider, by its connection. */
export type OidcConnector = {
  depart(connection: Connection, request: { loginHint: string | undefined }): Promise<Departure>
  /** @throws Failure forbidden federation/…, unavailable federation/upstream-away */
  arrive(
    connection: Connection,
    response: { at: URL; state: string; nonce: string; verifier: string },
  ): Promise<UpstreamIdentity>
}

/** Signatures that an ID token may carry: asymmetric ones. Also a bound against downgrades in discovery. */
const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519', 'ES384', 'RS384', 'RS512'] as const
const keepMinutes = 10

type Needs = {
  readonly clock: Clock
  readonly outgoing: Outgoing
  readonly rules: OutgoingRules
  readonly callback: URL
  secretOf(connectionId: string): Promise<Secret | undefined>
}

/**
 * OpenID Connect as a relying party (Core 1.0 §3.1): discovery, PKCE, state, nonce, signature, audience, issuer of the
 * response (RFC 9207), `at_hash`. All requests go through the guard of outgoing ones.
 */
export function createOidcConnector(needs: Needs): OidcConnector {
  const known = new Map<
    string,
    { readonly until: Temporal.Instant; readonly config: Promise<client.Configuration> }
  >()

  const customFetch: client.CustomFetch = (url, options) => {
    const { body } = options
    return needs.outgoing(new URL(url), {
      method: options.method,
      headers: Object.fromEntries(new Headers(options.headers).entries()),
      body: body === undefined || body === null ? undefined : String(body as string | URLSearchParams),
    })
  }

  async function discover(connection: Connection): Promise<client.Configuration> {
    const { settings, clientId, connectionId } = connection
    const secret = (await needs.secretOf(connectionId))?.reveal() ?? ''
    const authentication = {
      basic: () => client.ClientSecretBasic(secret),
      post: () => client.ClientSecretPost(secret),
      none: () => client.None(),
    }[settings.client_authentication]()
    const issuer = new URL(settings.issuer)
    const inner = issuer.protocol === 'http:' && isListed(needs.rules, issuer)
    return client.discovery(issuer, clientId, undefined, authentication, {
      execute: [client.enableNonRepudiationChecks, ...(inner ? [client.allowInsecureRequests] : [])],
      [client.customFetch]: customFetch,
      timeout: 10,
    })
  }

  /** The upstream's configuration; callers of one moment share one discovery, and a failure is not kept. */
  function configurationOf(connection: Connection): Promise<client.Configuration> {
    const key = `${connection.connectionId} ${connection.updatedAt.toString()}`
    const now = needs.clock()
    const present = known.get(key)
    if (present !== undefined && Temporal.Instant.compare(now, present.until) < 0) return present.config
    const config = discover(connection)
    if (known.size > 200) known.clear()
    known.set(key, { config, until: now.add({ minutes: keepMinutes }) })
    config.catch(() => known.delete(key))
    return config.catch(away)
  }

  return {
    async depart(connection, { loginHint }) {
      const config = await configurationOf(connection)
      const verifier = client.randomPKCECodeVerifier()
      const [state, nonce] = [client.randomState(), client.randomNonce()]
      const { preset, hosted_domains: hosted, scopes } = connection.settings
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: needs.callback.href,
        scope: [...new Set(['openid', ...scopes])].join(' '),
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
        // A hint for Google's page only; what counts is the claim.
        ...(preset === 'google' ? { hd: hosted.length === 1 ? (hosted[0] ?? '*') : '*' } : {}),
      })
      return { url, state, nonce, verifier }
    },
    async arrive(connection, response) {
      const config = await configurationOf(connection)
      const tokens = await client
        .authorizationCodeGrant(config, response.at, {
          expectedState: response.state,
          expectedNonce: response.nonce,
          pkceCodeVerifier: response.verifier,
          idTokenExpected: true,
        })
        .catch(refused)
      const claims = tokens.claims()
      if (claims === undefined || tokens.id_token === undefined) return distrust('no ID token')
      checkToken(tokens.id_token, tokens.access_token, claims)
      if (connection.settings.preset === 'google') checkHostedDomain(connection, claims['hd'])
      const complete = hasAll(connection, claims)
        ? claims
        : { ...(await userInfo(config, tokens.access_token, claims.sub)), ...claims }
      return identityOf(connection, complete)
    },
  }
}

type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** Signature algorithm and `at_hash` (Core §3.1.3.6): the access token must be the one that the ID token came with. */
function checkToken(idToken: string, accessToken: string, claims: Claims): void {
  const header = JSON.parse(Buffer.from(idToken.split('.')[0] ?? '', 'base64url').toString()) as {
    alg?: string
  }
  const alg = algorithms.find((each) => each === header.alg)
  if (alg === undefined) return distrust('an algorithm that is not allowed')
  const atHash = claims['at_hash']
  if (typeof atHash !== 'string') return undefined
  const hash = alg.endsWith('384')
    ? 'sha384'
    : alg.endsWith('512') || alg.startsWith('Ed')
      ? 'sha512'
      : 'sha256'
  const digest = createHash(hash).update(accessToken).digest()
  const expected = digest.subarray(0, digest.length / 2)
  const given = Buffer.from(atHash, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) distrust('at_hash')
  return undefined
}

/**
 * Google Workspace: only the `hd` of the ID token tells that the account is managed by the domain. A mail address of the
 * domain does not (anybody can have made an account with it).
 */
function checkHostedDomain({ settings }: Connection, hd: unknown): void {
  if (typeof hd !== 'string' || !settings.hosted_domains.includes(hd.toLowerCase()))
    refuse(
      'forbidden',
      'federation/hosted-domain',
      'This Google account does not belong to your organization. Choose the one that does.',
      { hd },
    )
}

const hasAll = ({ settings }: Connection, claims: Claims): boolean =>
  claims['email'] !== undefined &&
  claims['name'] !== undefined &&
  (settings.groups_claim === undefined || claims[settings.groups_claim] !== undefined)

/** What userinfo adds; an upstream without that endpoint, or one that refuses, adds nothing. */
async function userInfo(config: client.Configuration, accessToken: string, sub: string): Promise<object> {
  if (config.serverMetadata().userinfo_endpoint === undefined) return {}
  return client.fetchUserInfo(config, accessToken, sub).catch(refused)
}

function identityOf({ settings }: Connection, claims: Claims): UpstreamIdentity {
  const text = (value: unknown): string | undefined =>
    typeof value === 'string' && value !== '' && value.length <= 320 && !value.includes('\0')
      ? value
      : undefined
  const subject = text(claims.sub)
  if (subject === undefined) return distrust('sub')
  const groups = settings.groups_claim === undefined ? undefined : claims[settings.groups_claim]
  const { amr } = claims
  return {
    subject,
    mail: text(claims['email']),
    mailVerified: claims['email_verified'] === true || claims['email_verified'] === 'true',
    name: text(claims['name']),
    preferredUserName: text(claims['preferred_username']),
    groups: Array.isArray(groups)
      ? groups.filter((each) => typeof each === 'string').slice(0, 1_000)
      : undefined,
    mfa: settings.trusts_mfa && Array.isArray(amr) && amr.includes('mfa'),
  }
}

const distrust = (why: string): never =>
  refuse(
    'forbidden',
    'federation/upstream-answer',
    'The other sign-in page gave an answer that cannot be trusted.',
    {
      why,
    },
  )

/** What openid-client throws, in our words: a server that is away, or an answer that is not to be trusted. */
function refused(thrown: unknown): never {
  if (isFailure(thrown)) return away(thrown)
  const cause = thrown instanceof Error ? thrown.cause : undefined
  if (isFailure(cause)) return away(cause)
  return distrust(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : 'unknown')
}

const away = (thrown: unknown): never =>
  refuse(
    'unavailable',
    'federation/upstream-away',
    'The other sign-in page cannot be reached. Try again in a moment.',
    isFailure(thrown) ? thrown.detail : String(thrown),
  )
