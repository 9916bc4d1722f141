import { equal, type Vault } from '#crypto'

/** What a token is good for. A token of one kind is nothing to whoever takes another. */
export type TokenKind = 'sso-access' | 'sso-refresh' | 'login-refresh'

/**
 * A token of a session: its id, a number (the second it expires at, or the number of the refresh token), and a MAC over
 * both by a key outside the database.
 */
export const writeToken = (
  vault: Pick<Vault, 'mac'>,
  kind: TokenKind,
  { sessionId, number }: { readonly sessionId: string; readonly number: number },
): string => `${kind}.${sessionId}.${number}.${macOf(vault, kind, sessionId, number)}`

/** Reads what `writeToken` wrote; undefined for anything else. */
export function readToken(
  vault: Pick<Vault, 'mac'>,
  kind: TokenKind,
  token: string,
): { readonly sessionId: string; readonly number: number } | undefined {
  if (token.length > 200) return undefined
  const [, sessionId, text, mac] =
    /^([\w-]+)\.(\d{1,12})\.([\w-]{43})$/.exec(
      token.startsWith(`${kind}.`) ? token.slice(kind.length + 1) : '',
    ) ?? []
  if (sessionId === undefined || text === undefined || mac === undefined) return undefined
  const number = Number(text)
  return equal(mac, macOf(vault, kind, sessionId, number)) ? { sessionId, number } : undefined
}

const macOf = (vault: Pick<Vault, 'mac'>, kind: TokenKind, sessionId: string, number: number): string =>
  vault.mac(`cli-session/${kind}`, `${sessionId}\n${number}`)
