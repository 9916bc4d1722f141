import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newUserCode, readToken, type TokenKind, writeToken } from '#cli-sessions'
import { openVault } from '#crypto'
import { Secret } from '#kernel'
import { testVault } from '../support/fixtures.ts'

const kinds: readonly TokenKind[] = ['sso-access', 'sso-refresh', 'login-refresh']
const session = '3f1c2a9e-6d0b-4f6e-9a57-0c2f1f1b7a11'

describe('a token of a command line', () => {
  it('says which session and which number, to whoever takes its kind alone', () => {
    for (const kind of kinds) {
      const token = writeToken(testVault, kind, { sessionId: session, number: 7 })
      for (const other of kinds)
        expect(readToken(testVault, other, token)).toEqual(
          other === kind ? { sessionId: session, number: 7 } : undefined,
        )
      const [, ...rest] = token.split('.')
      for (const other of kinds.filter((each) => each !== kind))
        expect(readToken(testVault, other, [other, ...rest].join('.'))).toBeUndefined()
    }
  })

  it('is nothing when any character of it is another', () => {
    const token = writeToken(testVault, 'sso-access', { sessionId: session, number: 1_900_000_000 })
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom(...'abcXYZ0189.-_'.split('')),
        (at, character) => {
          fc.pre(token[at] !== character)
          const changed = token.slice(0, at) + character + token.slice(at + 1)
          // The last character of a MAC holds four bits: some spellings mean the same bytes, and none is taken but ours.
          expect(readToken(testVault, 'sso-access', changed)).toBeUndefined()
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is nothing to a server with another key', () => {
    const token = writeToken(testVault, 'login-refresh', { sessionId: session, number: 0 })
    const other = openVault(new Secret('another key for tests, thirty-two bytes or more'))
    expect(readToken(other, 'login-refresh', token)).toBeUndefined()
  })

  it('may be any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(readToken(testVault, 'sso-access', text)).toBeUndefined()
      }),
    )
  })
})

it('user codes have eight letters that make no words, each as likely as the next', () => {
  const counts = new Map<string, number>()
  for (let times = 0; times < 2_000; times++) {
    const code = newUserCode()
    expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    for (const letter of code.replace('-', '')) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  expect(counts.size).toBe(20)
  // 800 each; six deviations to either side.
  for (const count of counts.values()) expect(Math.abs(count - 800)).toBeLessThan(170)
})
