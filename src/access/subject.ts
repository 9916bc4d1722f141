import type { Queryable } from '#database'
import { findUserById, findUserByMail, findUserByName, type User } from '#directory'
import { type Caller, recalled, userCaller } from '#iam'
import { isFailure } from '#kernel'
import type { EnforcementPoint } from './caller.ts'
import type { DecideNeeds } from './decide.ts'
import type { Entity } from './shapes.ts'

/** What an access token stands for, as the OpenID provider reads it. */
export type ReadToken = (token: string) => Promise<
  | {
      readonly kind: 'user'
      readonly user: User
      readonly authTime: Temporal.Instant | undefined
      readonly amr: readonly string[]
    }
  | { readonly kind: 'client' }
>

/** Who stands behind a session token of STS. @throws Failure when it is damaged, over or revoked */
export type ReadSession = (accessKeyId: string, sessionToken: string) => Promise<Caller>

/** How subjects become callers. */
export type SubjectNeeds = Pick<DecideNeeds, 'database' | 'memory'> & {
  readonly authenticateBearer: ReadToken
  readonly callerOfSession: ReadSession
}

/**
 * The caller that a subject means; undefined for nobody, who may do nothing.
 *
 * `user`: by name, unique id, ARN or verified mail. `access_token`: the person behind an access token of ours.
 * `role_session`: a session token, with its access key id as the property `access_key_id`; session policies and boundary
 * then bear on the decision.
 */
export async function subjectOf(
  needs: SubjectNeeds,
  point: EnforcementPoint,
  { type, id, properties }: Entity,
): Promise<Caller | undefined> {
  if (id.includes('\0')) return undefined
  switch (type) {
    case 'user': {
      const { accountId } = point.app
      const user = await recalled(needs, `subject ${accountId} ${id}`, () =>
        findUser(needs.database, accountId, id),
      )
      return user?.status === 'active' ? userCaller(user) : undefined
    }
    case 'access_token':
      return orNobody(async () => {
        const bearer = await needs.authenticateBearer(id)
        return bearer.kind === 'client'
          ? undefined
          : userCaller(bearer.user, {
              issuedAt: bearer.authTime,
              mfaAt: bearer.amr.includes('mfa') ? bearer.authTime : undefined,
            })
      })
    case 'role_session': {
      const accessKeyId = properties?.['access_key_id']
      return typeof accessKeyId === 'string'
        ? orNobody(() => needs.callerOfSession(accessKeyId, id))
        : undefined
    }
    default:
      return undefined
  }
}

/** A token that proves nobody is an answer, not an error. */
async function orNobody(read: () => Promise<Caller | undefined>): Promise<Caller | undefined> {
  try {
    return await read()
  } catch (thrown) {
    if (isFailure(thrown) && thrown.kind !== 'unavailable') return undefined
    throw thrown
  }
}

async function findUser(database: Queryable, accountId: string, id: string): Promise<User | undefined> {
  if (/^AIDA[A-Z2-7]{17}$/.test(id)) return findUserById(database, id)
  const [, account = accountId, name] = /^arn:aws:iam::(\d{12}):user\/(?:.*\/)?([^/]+)$/.exec(id) ?? []
  if (name !== undefined) {
    const user = await findUserByName(database, account, name)
    return user?.arn === id ? user : undefined
  }
  return (
    (await findUserByName(database, accountId, id)) ??
    (id.includes('@') ? await findUserByMail(database, accountId, id) : undefined)
  )
}
