import type { OpenedSession, SessionTokens } from './session-token.ts'

const maxTokens = 5_000
const maxCharacters = 4_096

/**
 * Remembers opened tokens: a caller sends the same one with every request. The name in the memory is key id and the whole
 * token, so nothing but the very pair that was proven is found. Whether the session still counts is asked each time by
 * who opens it.
 */
export function rememberOpened(tokens: SessionTokens): SessionTokens {
  const opened = new Map<string, OpenedSession>()
  return {
    mint: tokens.mint,
    open(accessKeyId, token) {
      const name = `${accessKeyId} ${token}`
      const known = opened.get(name)
      if (known !== undefined) return known
      const session = tokens.open(accessKeyId, token)
      if (name.length > maxCharacters) return session
      const oldest = opened.size >= maxTokens ? opened.keys().next().value : undefined
      if (oldest !== undefined) opened.delete(oldest)
      opened.set(name, session)
      return session
    },
  }
}
