/**
 * The HTTP edges: reading with limits, cookies, CSRF, security headers, request ids, and `answering(wire)`, which puts
 * a refusal into the words of the wire it came by; pages (eta under `views/`, read once) and their static files. No
 * product words.
 */
export { default as Router } from '@koa/router'
export type { Context, Middleware } from 'koa'
export { addressOf, trustedProxies } from './address.ts'
export type { TrustedProxies } from './address.ts'
export { answering, jsonWire, statusOf } from './answering.ts'
export type { Wire } from './answering.ts'
export { cookieJar } from './cookies.ts'
export type { CookieJar } from './cookies.ts'
export { formGuard } from './form-guard.ts'
export type { FormGuard } from './form-guard.ts'
export { contentSecurityPolicy, securityHeaders } from './headers.ts'
export { listen } from './listen.ts'
export type { Listening } from './listen.ts'
export { readForm, readJson, readQuery, readRaw } from './readers.ts'
export type { Form } from './readers.ts'
export { nonceOf, requestEdge, requestInfo, requestLog } from './request.ts'
export type { RequestInfo, RequestLog } from './request.ts'
export { limitByAddress } from './throttle.ts'
export { openAssets, serveAssets } from './assets.ts'
export type { Assets } from './assets.ts'
export { directionOf, openMessages } from './messages.ts'
export type { MessageId, Messages, MessageValues, Translate } from './messages.ts'
export { openPages } from './pages.ts'
export type { HttpPages, Pages, Render, Shell } from './pages.ts'
