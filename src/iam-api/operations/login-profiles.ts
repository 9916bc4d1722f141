import type { User } from '#directory'
import {
  findPasswordPolicy,
  passwordOf,
  removePassword,
  setMustChange,
  setPasswordHash,
  type PasswordState,
} from '#directory'
import { refuse } from '#kernel'
import { createBuckets, faultOfNewPassword, tryPassword, type PasswordFault } from '#signin'

import type { Call, Handlers, Preparations } from '../call.ts'
import { noSuchEntity } from '../limits.ts'

/** Passwords of users. The hashes are made before the transaction: none of them holds a connection. */
export const loginProfiles = {
  CreateLoginProfile: async ({ db, needs, entity, input, prepared }) => {
    const { userId, name } = entity
    if ((await passwordOf(db, userId)) !== undefined)
      refuse('conflict', 'iam-api/login-profile-exists', `Login Profile for user ${name} already exists.`)
    await setPasswordHash(db, needs.clock, {
      userId,
      phc: prepared ?? noPassword(),
      mustChange: input.PasswordResetRequired === true,
    })
    return { LoginProfile: shown(entity, await profileOf(db, entity)) }
  },

  GetLoginProfile: async ({ db, entity }) => ({ LoginProfile: shown(entity, await profileOf(db, entity)) }),

  UpdateLoginProfile: async ({ db, needs, entity, input, prepared }) => {
    await profileOf(db, entity)
    const { userId } = entity
    if (prepared !== undefined)
      await setPasswordHash(db, needs.clock, {
        userId,
        phc: prepared,
        mustChange: input.PasswordResetRequired === true,
      })
    else if (input.PasswordResetRequired !== undefined)
      await setMustChange(db, userId, input.PasswordResetRequired)
    return undefined
  },

  DeleteLoginProfile: async ({ db, entity }) => {
    if (!(await removePassword(db, entity.userId))) return noProfile(entity)
    return undefined
  },

  ChangePassword: async ({ db, needs, entity, prepared }) => {
    if (entity === undefined || prepared === undefined) return notAUser()
    await setPasswordHash(db, needs.clock, { userId: entity.userId, phc: prepared })
    return undefined
  },
} satisfies Handlers

/** What is judged and hashed before the transaction. */
export const loginProfilePreparations = {
  CreateLoginProfile: async (call) => {
    const { db, entity, input } = call
    // A profile that is there is told before anything is hashed.
    if ((await passwordOf(db, entity.userId)) !== undefined) return undefined
    return hashOf(call, entity, input.Password ?? noPassword())
  },

  UpdateLoginProfile: async (call) => {
    const { db, entity, input } = call
    await profileOf(db, entity)
    return input.Password === undefined ? undefined : hashOf(call, entity, input.Password)
  },

  ChangePassword: async (call) => {
    const { needs, entity, input, accountId, from, db } = call
    if (entity === undefined) return notAUser()
    await profileOf(db, entity)
    const proved = await tryPassword(
      { ...needs, buckets: createBuckets(needs) },
      { accountId, identifier: entity.name, password: input.OldPassword, device: undefined, from },
    )
    if (proved?.userId !== entity.userId)
      refuse('forbidden', 'iam-api/wrong-password', 'The old password was incorrect.')
    return hashOf(call, entity, input.NewPassword)
  },
} satisfies Preparations

type Profiled = Pick<User, 'userId' | 'name'>

async function profileOf(db: Call['db'], user: Profiled): Promise<PasswordState> {
  return (await passwordOf(db, user.userId)) ?? noProfile(user)
}

const noProfile = ({ name }: Profiled): never =>
  noSuchEntity(`Login Profile for User ${name} cannot be found.`)

const noPassword = (): never =>
  refuse(
    'malformed',
    'iam-api/no-password',
    "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null",
  )

const notAUser = (): never =>
  refuse('malformed', 'iam-api/invalid-user-type', 'Only an IAM user can change its own password.')

const shown = ({ name }: Profiled, { createdAt, mustChange }: PasswordState) => ({
  UserName: name,
  CreateDate: createdAt,
  PasswordResetRequired: mustChange,
})

/** @throws Failure malformed iam-api/password-policy */
async function hashOf(
  { db, needs }: Pick<Call, 'db' | 'needs'>,
  user: User,
  password: string,
): Promise<string> {
  const fault = await faultOfNewPassword({ database: db, hasher: needs.hasher }, { user, password })
  if (fault !== undefined) {
    const policy = await findPasswordPolicy(db, user.accountId)
    refuse(
      'malformed',
      'iam-api/password-policy',
      `Password does not conform to the ${policy === undefined ? 'rules of this Signet' : 'account password policy'}: ${words(fault)}`,
    )
  }
  return needs.hasher.hash(password)
}

const classes = {
  symbol: "at least one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '",
  number: 'at least one digit',
  uppercase: 'at least one capital letter',
  lowercase: 'at least one small letter',
} as const

function words(fault: PasswordFault): string {
  switch (fault.why) {
    case 'too-short':
      return `it must have at least ${fault.minimum} characters.`
    case 'too-long':
      return 'it must not be longer than 1,024 bytes.'
    case 'common':
      return 'it is on lists of common passwords.'
    case 'context':
      return 'it contains the name of the user, the organization or the product.'
    case 'guessable':
      return 'it would be guessed quickly.'
    case 'lacks':
      return `it must have ${classes[fault.what]}.`
    case 'used-before':
      return `it must be none of the last ${fault.former}.`
  }
}
