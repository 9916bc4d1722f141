import { randomBytes } from 'node:crypto'

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { openVault } from '#crypto'
import { Secret } from '#kernel'
import { accountOfSessionKeyId, sessionTokens, type SessionClaims } from '#sts'
import { packedPolicySize, tokenUtilization } from '#src/sts/packed-size.ts'

const now = Temporal.Instant.from('2026-11-21T22:15:00Z')
const tokensAt = (at: Temporal.Instant, master = 'a master key of this deployment, long enough') =>
  sessionTokens({ derive: openVault(new Secret(master)).derive, random: randomBytes, clock: () => at })
const tokens = tokensAt(now)

const claims: SessionClaims = {
  accountId: '011122223333',
  principal: { kind: 'role', roleId: 'AROAAAAAAAAAAAAAAAAAA', roleName: 'Deploy', sessionName: 'ci' },
  issuedAt: now,
  expiresAt: now.add({ hours: 1 }),
  epochs: [
    ['account', '011122223333', 0],
    ['role', 'AROAAAAAAAAAAAAAAAAAA', 3],
  ],
  sourceIdentity: 'alice',
  tags: [
    { key: 'team', value: 'payments' },
    { key: '__proto__', value: '' },
  ],
  transitiveTagKeys: ['team'],
  sessionPolicy: JSON.stringify({ Statement: [{ Effect: 'Allow', Action: 'orders:*', Resource: '*' }] }),
  sessionPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  mfaAt: now.subtract({ minutes: 3 }),
  federatedProvider: 'arn:aws:iam::011122223333:oidc-provider/ci.example.com',
  federatedContext: [['ci.example.com:sub', 'repo:signet']],
  chainDepth: 1,
}
const refused = expect.objectContaining({ kind: 'unauthenticated', reason: 'sts/invalid-token' })

describe('a session token', () => {
  it('gives back what it was made from, with the same secret, on every node', () => {
    const minted = tokens.mint(claims)
    const opened = tokensAt(now.add({ minutes: 59 })).open(minted.accessKeyId, minted.sessionToken)
    expect(opened.claims).toEqual(claims)
    expect(opened.secretAccessKey.reveal()).toBe(minted.secretAccessKey.reveal())
    expect(minted.secretAccessKey.reveal()).toMatch(/^[A-Za-z0-9+/]{40}$/)
    expect(minted.expiration).toEqual(claims.expiresAt)
  })

  it('is sealed with a new key each day and after so many tokens, and every node opens it as long as it lives', () => {
    const { derive } = openVault(new Secret('a master key of this deployment, long enough'))
    const used: string[] = []
    let at = now
    const node = sessionTokens({
      derive: (label) => {
        used.push(label)
        return derive(label)
      },
      random: randomBytes,
      clock: () => at,
      tokensPerKey: 2,
    })
    const minted = [0, 0, 0, 24, 24].map((hours) => {
      at = now.add({ hours })
      return { ...node.mint(claims), at }
    })
    expect(new Set(used.filter((label) => label.startsWith('sts/sst1/seal/')))).toEqual(
      new Set(['sts/sst1/seal/20778', 'sts/sst1/seal/20778/1', 'sts/sst1/seal/20779']),
    )
    for (const { accessKeyId, sessionToken, secretAccessKey, at: since } of minted) {
      const opened = tokensAt(since.add({ hours: 36 })).open(accessKeyId, sessionToken)
      expect(opened.secretAccessKey.reveal()).toBe(secretAccessKey.reveal())
    }
  })

  it('carries every kind of principal and the bare minimum too', () => {
    const bare: SessionClaims = {
      accountId: '111122223333',
      principal: { kind: 'root' },
      issuedAt: now,
      expiresAt: now.add({ minutes: 15 }),
      epochs: [],
      tags: [],
      transitiveTagKeys: [],
      sessionPolicyArns: [],
      federatedContext: [],
      chainDepth: 0,
    }
    for (const principal of [
      { kind: 'root' },
      { kind: 'user', userId: 'AIDAX' },
      { kind: 'federated-user', name: 'bob' },
      { kind: 'federated-user', name: 'bob', userId: 'AIDAX' },
    ] as const) {
      const minted = tokens.mint({ ...bare, principal })
      expect(tokens.open(minted.accessKeyId, minted.sessionToken).claims).toEqual({ ...bare, principal })
    }
  })

  it('names its account in the access key id', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{12}$/), (accountId) => {
        const { accessKeyId } = tokens.mint({ ...claims, accountId })
        expect(accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/)
        expect(accountOfSessionKeyId(accessKeyId)).toBe(accountId)
      }),
    )
    expect(accountOfSessionKeyId('AKIAAAAAAAAAAAAAAAAA')).toBeUndefined()
    expect(accountOfSessionKeyId('ASIAAAAAAAAAAAAAAAAA')).toBeUndefined()
    expect(accountOfSessionKeyId('ASIA7777777777777777')).toBeUndefined()
  })

  it('is padded to the size that was asked for, and never shorter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4096 }), fc.boolean(), (size, withPolicy) => {
        const { sessionPolicy, ...plain } = claims
        const wanted = withPolicy ? { ...plain, sessionPolicy } : plain
        const minted = tokens.mint(wanted, size)
        expect(minted.sessionToken.length).toBeGreaterThanOrEqual(size)
        expect(tokens.open(minted.accessKeyId, minted.sessionToken).claims).toEqual(wanted)
      }),
    )
  })

  it('holds neither the secret nor readable claims', () => {
    const minted = tokens.mint(claims)
    const raw = Buffer.from(minted.sessionToken, 'base64').toString('latin1')
    for (const hidden of ['Deploy', 'alice', 'payments', minted.secretAccessKey.reveal()]) {
      expect(raw).not.toContain(hidden)
    }
  })
})

describe('refuses a token', () => {
  const minted = tokens.mint(claims)

  it('with any bit changed', () => {
    const raw = Buffer.from(minted.sessionToken, 'base64')
    for (let bit = 0; bit < raw.length * 8; bit++) {
      const changed = Buffer.from(raw)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => tokens.open(minted.accessKeyId, changed.toString('base64'))).toThrow(refused)
    }
  })

  it('with the access key id of another session, of the same account or of another', () => {
    const other = tokens.mint(claims)
    const foreign = tokens.mint({ ...claims, accountId: '444455556666' })
    expect(() => tokens.open(other.accessKeyId, minted.sessionToken)).toThrow(refused)
    expect(() => tokens.open(foreign.accessKeyId, minted.sessionToken)).toThrow(refused)
  })

  it('of another deployment', () => {
    const elsewhere = tokensAt(now, 'another master key')
    expect(() => elsewhere.open(minted.accessKeyId, minted.sessionToken)).toThrow(refused)
  })

  it('of a day from which no session can be alive, and of a day to come', () => {
    expect(() => tokensAt(now.add({ hours: 72 })).open(minted.accessKeyId, minted.sessionToken)).toThrow(
      refused,
    )
    expect(() => tokensAt(now.subtract({ hours: 48 })).open(minted.accessKeyId, minted.sessionToken)).toThrow(
      refused,
    )
    expect(tokensAt(now.add({ hours: 36 })).open(minted.accessKeyId, minted.sessionToken).claims).toEqual(
      claims,
    )
  })

  it('in another spelling of the same bytes, empty, far too long, or garbage', () => {
    const { accessKeyId, sessionToken } = minted
    for (const token of [
      ` ${sessionToken}`,
      sessionToken.replaceAll('+', '-').replaceAll('/', '_') + '=',
      `${sessionToken}====`,
      '',
      'A'.repeat(10_000_000),
      '💥',
    ]) {
      expect(() => tokens.open(accessKeyId, token)).toThrow(refused)
    }
    fc.assert(
      fc.property(fc.string(), (token) => {
        expect(() => tokens.open(accessKeyId, token)).toThrow(refused)
      }),
    )
  })
})

describe('the packed budget', () => {
  it('is nothing for a bare session and counts policy, ARNs and tags', () => {
    expect(packedPolicySize({ policyArns: [], tags: [] })).toBe(0)
    expect(
      packedPolicySize({ policy: claims.sessionPolicy, policyArns: [], tags: claims.tags }),
    ).toBeGreaterThan(0)
    expect(tokenUtilization('x'.repeat(41))).toBe(2)
  })

  it('refuses what does not fit, and says whether the tags are to blame', () => {
    const noise = (bytes: number) => randomBytes(bytes).toString('base64')
    expect(() => packedPolicySize({ policy: noise(1500), policyArns: [], tags: [] })).toThrow(
      /^Packed policy consumes \d+% of allotted space, please use smaller policy\.$/,
    )
    const tags = Array.from({ length: 50 }, (_, index) => ({ key: `k${index}`, value: noise(100) }))
    expect(() => packedPolicySize({ policyArns: [], tags })).toThrow(/^Packed size of session tags consumes/)
  })
})
