import { recent } from '#kernel'

import type { OpenedSession, SessionTokens } from './session-token.ts'

const maxTokens = 5_000
const maxCharacters = 4_096

type Opened = { readonly accessKeyId: string; readonly session: OpenedSession }

/**
 * Remembers opened tokens: a caller sends the same one with every request. An entry is found by the whole token and
 * answers for the very key id that was proven with it. Whether the session still counts is asked each time by who opens
 * it.
 */
export function rememberOpened(tokens: SessionTokens): SessionTokens {
  const opened = recent<Opened>(maxTokens)
  return {
    mint: tokens.mint,
    open(accessKeyId, token, now) {
      const known = opened.get(token)
      if (known?.accessKeyId === accessKeyId) return known.session
      const session = tokens.open(accessKeyId, token, now)
      if (token.length <= maxCharacters) opened.set(token, { accessKeyId, session })
      return session
    },
  }
}
