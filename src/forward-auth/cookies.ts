import type { Original } from './original.ts'

const isTls = (origin: string): boolean => origin.startsWith('https:')
const prefixOf = (origin: string): string => (isTls(origin) ? '__Host-' : '')

/** The session's cookie at a host of an app: of this host alone, never of a parent domain. */
export const siteCookie = (origin: string): string => `${prefixOf(origin)}signet-site`

/** Binds the way through the sign-in to the browser that began it. */
export const flowCookie = (origin: string): string => `${prefixOf(origin)}signet-flow`

/** Both: an app that is passed a request to has no business with them. */
export const siteCookies = (origin: string): readonly string[] => [siteCookie(origin), flowCookie(origin)]

/** A cookie of the original request. Two of one name: somebody planted one; neither is believed. */
export function cookieOf({ headers }: Original, name: string): string | undefined {
  const found = headers
    .filter(([header]) => header === 'cookie')
    .flatMap(([, value]) => value.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined
}

/** A Set-Cookie line. */
export const cookieLine = (
  origin: string,
  name: string,
  value: string,
  { maxAgeSeconds }: { readonly maxAgeSeconds?: number } = {},
): string =>
  [
    `${name}=${value}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    ...(isTls(origin) ? ['Secure'] : []),
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
  ].join('; ')
