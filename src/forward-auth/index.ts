/**
 * Apps behind a reverse proxy that asks Signet about each request: nginx (`auth_request`), Traefik and Caddy (forward
 * auth), Envoy (`ext_authz` over HTTP). Host, path and method become an action and a resource by the app's rules; who it
 * is comes from a session of that host, an access token, or a SigV4 signature.
 *
 * URLs: `/forward-auth/{nginx,traefik,caddy,envoy,start}` here; `/.signet/{callback,signout}` at the app's own host. Owns
 * the tables `proxy_code` and `proxy_session`.
 */
export { answerProxy, identityHeaders } from './answer.ts'
export type { ForwardAuthNeeds, Outcome } from './answer.ts'
export { siteCookies } from './cookies.ts'
export { originalOf } from './original.ts'
export type { Original } from './original.ts'
export { forwardAuthProxies, forwardAuthStart } from './routes.ts'
export { sweepForwardAuth } from './sessions.ts'
export { forwardAuthKind, resumeForwardAuth } from './start.ts'
