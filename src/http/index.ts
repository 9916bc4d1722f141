/**
 * The HTTP edges: reading with limits, cookies, CSRF, security headers, request ids, and `answering(wire)`, which puts
 * a refusal into the words of the wire it came by. No product words.
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
