import { createUser, setPasswordHash, type User } from '#directory'
import { createPasswordHasher } from '#crypto'
import type { Database } from '#database'
import { createAccount, createRole, putInlinePolicy } from '#iam'
import type { Clock } from '#kernel'
import { Browser, type Page } from '../support/browser.ts'
import { home } from '../support/fixtures.ts'

/** What the people of these tests type. */
export const password = 'violet kettle umbrella'
export const otherAccount = '444455556666'

const trusting = (account: string, condition: object = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole', ...condition }],
  })

/** Roles in two accounts; one wants a second factor, one trusts somebody else. @returns the hash of `password` */
export async function seedRoles(database: Database, clock: Clock): Promise<string> {
  await createAccount(database, clock, { accountId: otherAccount, name: 'staging' })
  const mfa = { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }
  for (const [accountId, name, trust] of [
    [home, 'ReadOnly', trusting(home)],
    [home, 'Refunds', trusting(home, mfa)],
    [home, 'Others', trusting(otherAccount)],
    [otherAccount, 'Deploy', trusting(home)],
  ] as const)
    await createRole(database, clock, { accountId, name, trustDocument: trust })
  const hasher = await createPasswordHasher(
    { clock },
    { memoryKib: 19_456, passes: 2, slots: 2, queue: 50, waitMilliseconds: 2_000 },
  )
  return hasher.hash(password)
}

let number = 0

/** Somebody who may take any role that trusts them. */
export async function newPerson(database: Database, clock: Clock, phc: string): Promise<User> {
  const user = await createUser(database, clock, { accountId: home, name: `carol${++number}` })
  await setPasswordHash(database, clock, { userId: user.userId, phc })
  await putInlinePolicy(
    database,
    user.userId,
    'allow',
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
    }),
  )
  return user
}

/** Opens an address as a person who is not signed in yet, signs in, and comes to what was asked for. */
export async function signInAt(
  browser: Browser,
  url: string,
  user: { readonly name: string },
  secret: string = password,
): Promise<Page> {
  const asked = await browser.submit(await browser.open(url), { identifier: user.name })
  const page = await browser.submit(asked, { password: secret })
  const on = Browser.onward(page)
  return on === undefined ? page : browser.open(on)
}
