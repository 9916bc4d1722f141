import { randomBytes } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { openVault } from '#crypto'
import { Secret } from '#kernel'
import { sessionTokens, type SessionClaims } from '#sts'
import { rememberOpened } from '#src/sts/opened-tokens.ts'
import { tampered } from '../support/tampered.ts'

const now = Temporal.Instant.from('2026-11-21T22:15:00Z')
const claims: SessionClaims = {
  accountId: '111122223333',
  principal: { kind: 'root' },
  issuedAt: now,
  expiresAt: now.add({ hours: 1 }),
  epochs: [],
  tags: [],
  transitiveTagKeys: [],
  sessionPolicyArns: [],
  federatedContext: [],
  chainDepth: 0,
}
const refused = expect.objectContaining({ reason: 'sts/invalid-token' })

function counting() {
  const { derive } = openVault(new Secret('a master key of this deployment, long enough'))
  const real = sessionTokens({ derive, random: randomBytes, clock: () => now })
  let opened = 0
  const tokens = rememberOpened({
    mint: real.mint,
    open: (accessKeyId, token) => {
      opened++
      return real.open(accessKeyId, token)
    },
  })
  return { tokens, opened: () => opened }
}

describe('an opened token', () => {
  it('is opened once', () => {
    const { tokens, opened } = counting()
    const { accessKeyId, sessionToken, secretAccessKey } = tokens.mint(claims)
    for (let time = 0; time < 3; time++) {
      expect(tokens.open(accessKeyId, sessionToken).secretAccessKey.reveal()).toBe(secretAccessKey.reveal())
    }
    expect(opened()).toBe(1)
  })

  it('answers for no other key id and no other token', () => {
    const { tokens } = counting()
    const [one, other] = [tokens.mint(claims), tokens.mint(claims)]
    tokens.open(one.accessKeyId, one.sessionToken)
    tokens.open(other.accessKeyId, other.sessionToken)
    expect(() => tokens.open(other.accessKeyId, one.sessionToken)).toThrow(refused)
    expect(() => tokens.open(one.accessKeyId, tampered(one.sessionToken))).toThrow(refused)
  })

  it('is forgotten when many others were used since', () => {
    const { tokens, opened } = counting()
    const first = tokens.mint(claims)
    tokens.open(first.accessKeyId, first.sessionToken)
    for (let other = 0; other < 10_001; other++) {
      const { accessKeyId, sessionToken } = tokens.mint(claims)
      tokens.open(accessKeyId, sessionToken)
    }
    const before = opened()
    tokens.open(first.accessKeyId, first.sessionToken)
    expect(opened()).toBe(before + 1)
  })
})
