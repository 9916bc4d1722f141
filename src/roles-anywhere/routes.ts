import { z } from 'zod'
import {
  answering,
  answerJson,
  exceptionWire,
  headerPairs,
  limitByAddress,
  readJson,
  readQuery,
  readRaw,
  requestInfo,
  Router,
  type Told,
  type Wire,
} from '#http'
import { type FailureKind, refuse } from '#kernel'
import { createSession } from './create-session.ts'
import type { RolesAnywhereNeeds } from './needs.ts'

const body = z.object({
  durationSeconds: z.int().min(900).max(43_200).nullish(),
  roleSessionName: z.string().max(64).nullish(),
  profileArn: z.string().max(2_048).nullish(),
  roleArn: z.string().max(2_048).nullish(),
  trustAnchorArn: z.string().max(2_048).nullish(),
})

const byKind: Readonly<Record<FailureKind, Told>> = {
  malformed: [400, 'ValidationException'],
  unauthenticated: [403, 'AccessDeniedException'],
  forbidden: [403, 'AccessDeniedException'],
  'not-found': [404, 'ResourceNotFoundException'],
  conflict: [400, 'ValidationException'],
  expired: [403, 'AccessDeniedException'],
  throttled: [429, 'ThrottlingException'],
  unavailable: [503, 'ServiceUnavailableException'],
}

const wire: Wire = exceptionWire({ byKind })

/** `POST /sessions`. */
export function rolesAnywhereRoutes(needs: RolesAnywhereNeeds): Router {
  const router = new Router()
  router.post('/sessions', answering(wire), limitByAddress({ points: 300, seconds: 60 }), async (ctx) => {
    const raw = await readRaw(ctx, 65_536)
    const read = body.safeParse(
      raw.length === 0 ? {} : await readJson(ctx, { limit: 65_536, depth: 4, anyType: true }),
    )
    if (!read.success)
      return refuse(
        'malformed',
        'roles-anywhere/body',
        `The parameter ${read.error.issues[0]?.path.join('.') || 'body'} is not valid.`,
      )
    const query = readQuery(ctx)
    const named = (name: 'profileArn' | 'roleArn' | 'trustAnchorArn'): string =>
      query.get(name) ??
      read.data[name] ??
      refuse('malformed', 'roles-anywhere/parameter', `The parameter ${name} is missing.`)
    const { issued, certificate } = await createSession(needs, {
      request: {
        method: 'POST',
        rawUrl: ctx.req.url ?? '/',
        headers: headerPairs(ctx.req.rawHeaders),
        body: new Uint8Array(raw),
      },
      from: requestInfo(ctx),
      trustAnchorArn: named('trustAnchorArn'),
      profileArn: named('profileArn'),
      roleArn: named('roleArn'),
      durationSeconds: read.data.durationSeconds ?? undefined,
      sessionName: read.data.roleSessionName ?? undefined,
      certificate: ctx.get('x-amz-x509'),
      chain: ctx.get('x-amz-x509-chain').replaceAll(/\s/g, ''),
    })
    const { credentials, role, claims, arn, assumedRoleId, packedPolicySize } = issued
    return answerJson(
      ctx,
      {
        credentialSet: [
          {
            assumedRoleUser: { arn, assumedRoleId },
            credentials: {
              accessKeyId: credentials.accessKeyId,
              secretAccessKey: credentials.secretAccessKey.reveal(),
              sessionToken: credentials.sessionToken,
              expiration: credentials.expiration.toString({ smallestUnit: 'second' }),
            },
            packedPolicySize: packedPolicySize ?? 0,
            roleArn: role.arn,
            sourceIdentity: claims.sourceIdentity,
          },
        ],
        subjectArn: `arn:aws:rolesanywhere:us-east-1:${role.accountId}:subject/${certificate.serial.toString(16)}`,
      },
      201,
    )
  })
  return router
}
