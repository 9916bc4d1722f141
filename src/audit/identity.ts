import { recent } from '#kernel'

/** CloudTrail's `userIdentity`: who acted. */
export type UserIdentity = {
  readonly type: string
  readonly principalId?: string | undefined
  readonly arn?: string | undefined
  readonly accountId?: string | undefined
  readonly accessKeyId?: string | undefined
  readonly userName?: string | undefined
  readonly sessionContext?: object | undefined
  readonly invokedBy?: string | undefined
}

const seconds = recent<string>(1_000)

/** RFC 3339 to the second. One session makes many events, and the text of a date costs more than all the rest of a name. */
function toSecond(at: Temporal.Instant): string {
  const key = String(Math.floor(at.epochMilliseconds / 1_000))
  const known = seconds.get(key)
  if (known !== undefined) return known
  const text = at.toString({ smallestUnit: 'second' })
  seconds.set(key, text)
  return text
}

/** A user of the directory. */
export const userIdentity = (
  user: { userId: string; accountId: string; name: string; arn: string },
  session: {
    accessKeyId?: string | undefined
    mfaAuthenticated?: boolean
    createdAt?: Temporal.Instant | undefined
  } = {},
): UserIdentity => ({
  type: 'IAMUser',
  principalId: user.userId,
  arn: user.arn,
  accountId: user.accountId,
  userName: user.name,
  accessKeyId: session.accessKeyId,
  ...(session.createdAt === undefined
    ? {}
    : {
        sessionContext: {
          attributes: {
            creationDate: toSecond(session.createdAt),
            mfaAuthenticated: String(session.mfaAuthenticated ?? false),
          },
        },
      }),
})

/** The root user of an account. */
export const rootIdentity = (accountId: string, accessKeyId?: string): UserIdentity => ({
  type: 'Root',
  principalId: accountId,
  arn: `arn:aws:iam::${accountId}:root`,
  accountId,
  accessKeyId,
})

/** A role session. */
export const roleSessionIdentity = (session: {
  principalId: string
  arn: string
  accountId: string
  accessKeyId?: string | undefined
  role: { roleId: string; arn: string; name: string }
  issuedAt: Temporal.Instant
  mfaAuthenticated: boolean
}): UserIdentity => ({
  type: 'AssumedRole',
  principalId: session.principalId,
  arn: session.arn,
  accountId: session.accountId,
  accessKeyId: session.accessKeyId,
  sessionContext: {
    sessionIssuer: {
      type: 'Role',
      principalId: session.role.roleId,
      arn: session.role.arn,
      accountId: session.accountId,
      userName: session.role.name,
    },
    attributes: {
      creationDate: toSecond(session.issuedAt),
      mfaAuthenticated: String(session.mfaAuthenticated),
    },
  },
})

/** An app that acts for itself: an OIDC client, a caller of the decision point. */
export const clientIdentity = (clientId: string): UserIdentity => ({ type: 'Client', principalId: clientId })

/** Signet itself: setup, the command line on this machine, `signet.yaml`. */
export const systemIdentity = (name: string): UserIdentity => ({ type: 'SignetSystem', invokedBy: name })

/** Nobody known: an unsigned request, a failed sign-in. */
export const nobody: UserIdentity = { type: 'Unknown' }
