import { z } from 'zod'
import type { RequestInfo } from '#http'
import { findRole } from '#iam'
import type { Bearer } from '#oidc'
import { assumeRole, type StsNeeds } from '#sts'
import { personOf } from './person.ts'

/** The body of `POST /api/v1/role-sessions`. */
export const roleSessionRequest = z.strictObject({
  /** The role's ARN, or its name in the home account. */
  role: z.string().min(1).max(2_048),
  session_name: z.string().optional(),
  duration_seconds: z.int().optional(),
})

/** A role session as the JSON API writes it. */
export type RoleSessionAnswer = {
  readonly role_arn: string
  readonly assumed_role_arn: string
  readonly access_key_id: string
  readonly secret_access_key: string
  readonly session_token: string
  /** RFC 3339. */
  readonly expiration: string
}

/**
 * Takes a role for the person behind an access token: AssumeRole as that user, with the second factor of the sign-in
 * that the token came from.
 *
 * @throws Failure forbidden api/not-a-person, and those of `assumeRole`
 */
export async function takeRole(
  needs: StsNeeds,
  request: { bearer: Bearer; from: RequestInfo; body: z.infer<typeof roleSessionRequest> },
): Promise<RoleSessionAnswer> {
  const { bearer, from, body } = request
  const { caller, sessionFamily } = personOf(bearer, from)
  const { user } = caller
  const roleArn = body.role.startsWith('arn:')
    ? body.role
    : ((await findRole(needs.database, user.accountId, body.role))?.arn ??
      `arn:aws:iam::${user.accountId}:role/${body.role}`)
  const issued = await assumeRole(needs, {
    by: caller,
    family: sessionFamily,
    from,
    roleArn,
    sessionName:
      body.session_name ??
      user.name
        .replaceAll(/[^\w+=,.@-]/g, '-')
        .padEnd(2, '-')
        .slice(0, 64),
    durationSeconds: body.duration_seconds,
  })
  return {
    role_arn: issued.role.arn,
    assumed_role_arn: issued.arn,
    access_key_id: issued.credentials.accessKeyId,
    secret_access_key: issued.credentials.secretAccessKey.reveal(),
    session_token: issued.credentials.sessionToken,
    expiration: issued.claims.expiresAt.toString({ smallestUnit: 'second' }),
  }
}
