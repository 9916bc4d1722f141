import { Failure, refuse } from '#kernel'

/** An answer: its status and its JSON, `undefined` when it holds none. */
export type Answer = { readonly status: number; readonly body: unknown }

/**
 * Asks the server, in at most 20 seconds, following no redirect.
 *
 * @throws Failure unavailable cli/no-answer
 */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(20_000) })
  } catch (thrown) {
    const cause =
      thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : String(thrown)
    throw new Failure(
      'unavailable',
      'cli/no-answer',
      `${new URL(url).origin} does not answer (${cause}). Give the server's address with --url or SIGNET_URL.`,
      undefined,
      { cause: thrown },
    )
  }
  try {
    return { status: response.status, body: await response.json() }
  } catch {
    return { status: response.status, body: undefined }
  }
}

/** An answer's text member, or undefined. */
export function member(body: unknown, name: string): string | undefined {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}

/** An endpoint out of the server's discovery document. @throws Failure unavailable cli/not-signet */
export async function endpoint(url: string, name: string): Promise<string> {
  const { body } = await ask(`${url}/.well-known/openid-configuration`)
  const found = member(body, name)
  // The document is believed about paths, not about hosts: tokens go nowhere else.
  if (found === undefined || URL.parse(found)?.origin !== url)
    return refuse(
      'unavailable',
      'cli/not-signet',
      `${url} is no Signet that offers this (${name}). Check the address.`,
    )
  return found
}
