import { expect, it } from 'vitest'
import { callerIdentity, type Caller } from '#iam'

const role = (name: string) => ({
  roleId: 'AROA1',
  arn: `arn:aws:iam::111122223333:role/${name}`,
  name,
  permissionsBoundary: undefined,
})
const ofA = role('A')
const at = Temporal.Instant.from('2026-01-02T03:04:05Z')
const session = (change: object): Caller => ({
  type: 'role-session',
  accountId: '111122223333',
  arn: 'arn:aws:sts::111122223333:assumed-role/A/s',
  userId: 'AROA1:s',
  accessKeyId: 'ASIA1',
  issuedAt: at,
  expiresAt: at,
  tags: {},
  role: ofA,
  sessionName: 's',
  sessionPolicies: [],
  transitiveTagKeys: [],
  chained: false,
  ...change,
})

it('the same caller is named by the same object, and one that differs in anything that is told by another', () => {
  const first = callerIdentity(session({}))
  expect(callerIdentity(session({}))).toBe(first)
  for (const change of [
    { arn: 'arn:aws:sts::111122223333:assumed-role/A/t' },
    { userId: 'AROA1:t' },
    { issuedAt: at.add({ seconds: 1 }) },
    { mfaAt: at },
    { role: role('A') },
    { accessKeyId: 'ASIA2' },
  ])
    expect(callerIdentity(session(change))).not.toBe(callerIdentity(session({})))
  expect(callerIdentity(session({ mfaAt: at }))).toMatchObject({
    sessionContext: { attributes: { mfaAuthenticated: 'true' } },
  })
  expect(callerIdentity(session({ role: role('B') }))).toMatchObject({
    sessionContext: { sessionIssuer: { userName: 'B' } },
  })
})
