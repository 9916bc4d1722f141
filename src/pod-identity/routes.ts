import { z } from 'zod'
import {
  answering,
  answerJson,
  exceptionWire,
  headerPairs,
  limitByAddress,
  readJson,
  readRaw,
  requestInfo,
  Router,
  type Told,
  type Wire,
} from '#http'
import { type Failure, type FailureKind, refuse } from '#kernel'
import { authenticate, type StsNeeds } from '#sts'
import { assumeForPod, audience } from './assume.ts'

const body = z.object({
  token: z.string().min(1).max(16_384),
  // Told by the agent, proven by nobody: they are for its own logs.
  eksNodeName: z.string().max(256).nullish(),
  instanceId: z.string().max(256).nullish(),
  zone: z.string().max(256).nullish(),
})

/** Exceptions of the service model, by kind. */
const byKind: Readonly<Record<FailureKind, Told>> = {
  malformed: [400, 'InvalidRequestException'],
  unauthenticated: [403, 'UnrecognizedClientException'],
  forbidden: [400, 'AccessDeniedException'],
  'not-found': [404, 'ResourceNotFoundException'],
  conflict: [400, 'InvalidRequestException'],
  expired: [400, 'ExpiredTokenException'],
  throttled: [429, 'ThrottlingException'],
  unavailable: [503, 'ServiceUnavailableException'],
}

/** Where the node's own signature is what is wrong, clients look for these names: they correct their clock by them. */
function named({ reason, kind }: Failure): Told | undefined {
  if (reason === 'sigv4/incomplete-signature') return [403, 'IncompleteSignatureException']
  if (reason.startsWith('sigv4/')) return [403, 'InvalidSignatureException']
  if (reason === 'sts/missing-authentication') return [403, 'MissingAuthenticationTokenException']
  if (reason === 'pod-identity/parameter') return [400, 'InvalidParameterException']
  if (reason.startsWith('sts/identity-token-') && kind === 'malformed') return [400, 'InvalidTokenException']
  if (reason === 'pod-identity/token') return [400, 'InvalidTokenException']
  return undefined
}

const wire: Wire = exceptionWire({ named, byKind })

const bodyBytes = 32_768

/** `POST /clusters/{name}/assume-role-for-pod-identity`. */
export function podIdentityRoutes(needs: StsNeeds): Router {
  const router = new Router()
  router.post(
    '/clusters/:name/assume-role-for-pod-identity',
    answering(wire),
    // A node asks for each of its pods when they start.
    limitByAddress({ points: 1_200, seconds: 60 }),
    async (ctx) => {
      const name = ctx.params['name'] ?? ''
      ctx.set('x-amzn-RequestId', requestInfo(ctx).id)
      const raw = await readRaw(ctx, bodyBytes)
      const signed = await authenticate(
        needs,
        {
          method: 'POST',
          rawUrl: ctx.req.url ?? '/',
          headers: headerPairs(ctx.req.rawHeaders),
          body: new Uint8Array(raw),
        },
        { services: ['eks-auth'] },
      )
      if (!/^[\w-]{1,100}$/.test(name))
        refuse('malformed', 'pod-identity/parameter', 'The cluster name is not valid.')
      const read = body.safeParse(await readJson(ctx, { limit: bodyBytes, depth: 4, anyType: true }))
      if (!read.success)
        return refuse(
          'malformed',
          'pod-identity/parameter',
          `The parameter ${read.error.issues[0]?.path.join('.') || 'body'} is not valid.`,
        )
      const { issued, association, associationArn } = await assumeForPod(needs, {
        signed,
        from: requestInfo(ctx),
        clusterName: name,
        token: read.data.token,
      })
      const { credentials, arn, assumedRoleId } = issued
      return answerJson(ctx, {
        subject: { namespace: association.namespace, serviceAccount: association.serviceAccount },
        audience,
        podIdentityAssociation: { associationArn, associationId: association.id },
        // The model's spelling.
        assumedRoleUser: { arn, assumeRoleId: assumedRoleId },
        credentials: {
          accessKeyId: credentials.accessKeyId,
          secretAccessKey: credentials.secretAccessKey.reveal(),
          sessionToken: credentials.sessionToken,
          expiration: credentials.expiration.epochMilliseconds / 1_000,
        },
      })
    },
  )
  return router
}
