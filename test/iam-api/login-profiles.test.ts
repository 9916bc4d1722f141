import {
  ChangePasswordCommand,
  CreateLoginProfileCommand,
  CreateUserCommand,
  DeleteAccountPasswordPolicyCommand,
  DeleteLoginProfileCommand,
  DeleteUserCommand,
  GetAccountPasswordPolicyCommand,
  GetLoginProfileCommand,
  UpdateAccountPasswordPolicyCommand,
  UpdateLoginProfileCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { checkPassword, createUser, type User } from '#directory'
import { putInlinePolicy } from '#iam'

import { fixedClock, home } from '../support/fixtures.ts'
import { bugs, document, refusal, startIam, type Credentials, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let number = 0
let UserName: string
let user: User

beforeAll(async () => {
  server = await startIam(clock)
})
afterAll(() => server.close())
beforeEach(async () => {
  clock.advance({ minutes: 20 })
  UserName = `Person${++number}`
  user = await createUser(server.database, clock, { accountId: home, name: UserName })
})
afterEach(async () => {
  await send(new DeleteAccountPasswordPolicyCommand({})).catch(() => undefined)
  expect(bugs).toEqual([])
})

// The clock moves: each call is signed by it anew.
const send: IamServer['admin']['send'] = ((command: never) =>
  server.client(server.adminCredentials).send(command)) as never
const Password = 'marble ladder october fig'
const create = (more: { Password?: string; PasswordResetRequired?: boolean } = {}) =>
  send(new CreateLoginProfileCommand({ UserName, Password, ...more }))
const signsIn = async (password: string) =>
  (await checkPassword(
    { database: server.database, hasher: server.hasher, clock },
    { accountId: home, identifier: UserName, password },
  )) !== undefined

describe('a login profile', () => {
  it('is created, read in any case, and lets its user sign in', async () => {
    const { LoginProfile } = await create({ PasswordResetRequired: true })
    const createdAt = new Date(clock().epochMilliseconds)
    expect(LoginProfile).toEqual({ UserName, CreateDate: createdAt, PasswordResetRequired: true })
    clock.advance({ hours: 1 })
    const read = await send(new GetLoginProfileCommand({ UserName: UserName.toUpperCase() }))
    expect(read.LoginProfile).toEqual(LoginProfile)
    expect(await signsIn(Password)).toBe(true)
  })

  it('keeps its date when the password changes, and forgets to ask for another', async () => {
    const { LoginProfile } = await create({ PasswordResetRequired: true })
    clock.advance({ hours: 1 })
    const next = 'violet kettle umbrella'
    await send(new UpdateLoginProfileCommand({ UserName, Password: next }))
    const read = await send(new GetLoginProfileCommand({ UserName }))
    expect(read.LoginProfile).toEqual({ ...LoginProfile, PasswordResetRequired: false })
    expect([await signsIn(Password), await signsIn(next)]).toEqual([false, true])
    await send(new UpdateLoginProfileCommand({ UserName, PasswordResetRequired: true }))
    expect((await send(new GetLoginProfileCommand({ UserName }))).LoginProfile?.PasswordResetRequired).toBe(
      true,
    )
    expect(await signsIn(next)).toBe(true)
  })

  it('is deleted, and stands in the way of deleting its user', async () => {
    await create()
    expect(await refusal(send(new DeleteUserCommand({ UserName })))).toMatch(
      /^409 DeleteConflict.*login profile/,
    )
    await send(new DeleteLoginProfileCommand({ UserName }))
    expect(await signsIn(Password)).toBe(false)
    for (const command of [
      new GetLoginProfileCommand({ UserName }),
      new DeleteLoginProfileCommand({ UserName }),
      new UpdateLoginProfileCommand({ UserName, Password }),
    ])
      expect(await refusal(send(command as GetLoginProfileCommand))).toBe(
        `404 NoSuchEntity Login Profile for User ${UserName} cannot be found.`,
      )
    await send(new DeleteUserCommand({ UserName }))
  })

  it('is created once', async () => {
    await create()
    expect(await refusal(create())).toMatch(/^409 EntityAlreadyExists/)
    UserName = 'Race'
    await send(new CreateUserCommand({ UserName }))
    const outcomes = await Promise.all(Array.from({ length: 3 }, () => refusal(create())))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome.startsWith('409 EntityAlreadyExists'))).toHaveLength(2)
  })

  it.each([
    ['a short one', 'short', 'at least 15 characters'],
    ['a common one', 'passwordpassword', 'lists of common passwords'],
    ['one with the user’s name in it', 'xx person@ yy october fig', 'contains the name'],
  ])('refuses %s by the rules of the house', async (_title, wanted, why) => {
    const password = wanted.replace('person@', UserName)
    expect(await refusal(create({ Password: password }))).toMatch(
      new RegExp(`^400 PasswordPolicyViolation .*${why}`),
    )
  })

  it('needs a password', async () => {
    expect(await refusal(send(new CreateLoginProfileCommand({ UserName })))).toMatch(/^400 ValidationError/)
  })

  it('leaves no password in the log', async () => {
    await create()
    await send(new UpdateLoginProfileCommand({ UserName, Password: 'violet kettle umbrella' }))
    const [event] = (await server.events('CreateLoginProfile')).slice(-1)
    expect(event).toMatchObject({ requestParameters: { userName: UserName } })
    const all = JSON.stringify([
      await server.events('CreateLoginProfile'),
      await server.events('UpdateLoginProfile'),
    ])
    expect(all).not.toMatch(/marble|violet|argon2/)
  })
})

describe('changing one’s own password', () => {
  const next = 'violet kettle umbrella'
  let credentials: Credentials
  const change = (more: object = {}) =>
    server
      .client(credentials)
      .send(new ChangePasswordCommand({ OldPassword: Password, NewPassword: next, ...more }))
  beforeEach(async () => {
    credentials = await server.key({ accountId: home, userId: user.userId })
    await create()
  })
  const allowed = () =>
    putInlinePolicy(
      server.database,
      user.userId,
      'change',
      document({ Effect: 'Allow', Action: 'iam:ChangePassword', Resource: user.arn }),
    )

  it('takes the old password and a policy', async () => {
    expect(await refusal(change())).toMatch(/^403 AccessDenied User: .* iam:ChangePassword/)
    await allowed()
    expect(await refusal(change({ OldPassword: 'not it at all, sorry' }))).toBe(
      '403 AccessDenied The old password was incorrect.',
    )
    await change()
    expect([await signsIn(Password), await signsIn(next)]).toEqual([false, true])
  })

  it('takes no policy where the account lets its users, unless one denies it', async () => {
    await send(new UpdateAccountPasswordPolicyCommand({ AllowUsersToChangePassword: true }))
    const own = server.client(credentials)
    expect((await own.send(new GetAccountPasswordPolicyCommand({}))).PasswordPolicy).toBeDefined()
    await putInlinePolicy(
      server.database,
      user.userId,
      'no',
      document({ Effect: 'Deny', Action: 'iam:*', Resource: '*' }),
    )
    expect(await refusal(change())).toMatch(/^403 AccessDenied/)
    await putInlinePolicy(
      server.database,
      user.userId,
      'no',
      document({ Effect: 'Deny', Action: 's3:*', Resource: '*' }),
    )
    await change()
    expect(await signsIn(next)).toBe(true)
  })

  it('shares one budget of guesses with the sign-in page', async () => {
    await allowed()
    for (let guess = 0; guess < 10; guess++)
      expect(await refusal(change({ OldPassword: `guess number ${guess}` }))).toMatch(/^403/)
    expect(await refusal(change())).toBe('403 AccessDenied The old password was incorrect.')
  })

  it('is not for the root user', async () => {
    const outcome = server
      .client(server.rootCredentials)
      .send(new ChangePasswordCommand({ OldPassword: Password, NewPassword: next }))
    expect(await refusal(outcome)).toMatch(/^400 InvalidUserType/)
  })

  it('needs a login profile', async () => {
    await allowed()
    await send(new DeleteLoginProfileCommand({ UserName }))
    expect(await refusal(change())).toMatch(/^404 NoSuchEntity/)
  })
})

describe('the account’s password policy', () => {
  it('goes back to its defaults where a member is left out', async () => {
    expect(await refusal(send(new GetAccountPasswordPolicyCommand({})))).toMatch(/^404 NoSuchEntity/)
    await send(
      new UpdateAccountPasswordPolicyCommand({
        MinimumPasswordLength: 20,
        RequireSymbols: true,
        MaxPasswordAge: 90,
        PasswordReusePrevention: 5,
        HardExpiry: true,
      }),
    )
    await send(new UpdateAccountPasswordPolicyCommand({ RequireNumbers: true }))
    expect((await send(new GetAccountPasswordPolicyCommand({}))).PasswordPolicy).toEqual({
      MinimumPasswordLength: 6,
      RequireSymbols: false,
      RequireNumbers: true,
      RequireUppercaseCharacters: false,
      RequireLowercaseCharacters: false,
      AllowUsersToChangePassword: false,
      ExpirePasswords: false,
      HardExpiry: false,
    })
    await send(new DeleteAccountPasswordPolicyCommand({}))
    expect(await refusal(send(new DeleteAccountPasswordPolicyCommand({})))).toMatch(/^404 NoSuchEntity/)
  })

  it('is what new passwords are held against, the former ones included', async () => {
    await send(
      new UpdateAccountPasswordPolicyCommand({
        MinimumPasswordLength: 8,
        RequireUppercaseCharacters: true,
        PasswordReusePrevention: 2,
      }),
    )
    const policy = '400 PasswordPolicyViolation Password does not conform to the account password policy: '
    expect(await refusal(create({ Password: 'marble fig' }))).toBe(
      `${policy}it must have at least one capital letter.`,
    )
    await create({ Password: 'Marble fig' })
    await send(new UpdateLoginProfileCommand({ UserName, Password: 'Violet kettle' }))
    const again = send(new UpdateLoginProfileCommand({ UserName, Password: 'Marble fig' }))
    expect(await refusal(again)).toBe(`${policy}it must be none of the last 2.`)
  })
})
