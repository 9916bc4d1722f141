import { z } from 'zod'
import type { RequestInfo } from '#http'
import { demand } from '#iam'
import { refuse } from '#kernel'
import {
  assumeRoleForService,
  type IssuedRoleSession,
  type SignedCaller,
  type StsNeeds,
  verifyWebIdentity,
} from '#sts'
import {
  type Association,
  associationArn,
  type Cluster,
  clusterArn,
  epochIdOf,
  findCluster,
} from './cluster.ts'

/** What a node's agent asks for, for one pod. */
export type PodRequest = {
  /** The node's agent. */
  readonly signed: SignedCaller
  readonly from: RequestInfo
  readonly clusterName: string
  /** The token of the pod's service account. */
  readonly token: string
}

/** A role session for a pod. */
export type PodSession = {
  readonly issued: IssuedRoleSession
  readonly cluster: Cluster
  readonly association: Association
  readonly associationArn: string
}

/** What the tokens are for, and nothing else's: a token for the cluster's own API is not traded here. */
export const audience = 'pods.eks.amazonaws.com'

/** What Kubernetes tells of the pod in a bound token (Kubernetes, "Service account token volume projection"). */
const podClaims = z.object({
  'kubernetes.io': z.object({
    namespace: z.string().max(63),
    serviceaccount: z.object({ name: z.string().max(253) }),
    pod: z.object({ name: z.string().max(253), uid: z.string().max(64) }),
  }),
})

const badToken = (message: string): never => refuse('malformed', 'pod-identity/token', message)

/**
 * Trades the token of a pod's service account for the role session that the cluster associates with it: the node's own
 * right, the token, the association, the role's trust policy.
 *
 * EKS Auth API, AssumeRoleForPodIdentity.
 *
 * @throws Failure forbidden iam/denied, sts/not-authorized; not-found pod-identity/…; malformed pod-identity/token,
 * sts/identity-token-…; expired sts/identity-token-expired; unavailable sts/issuer-unreachable
 */
export async function assumeForPod(needs: StsNeeds, request: PodRequest): Promise<PodSession> {
  const { signed, from, clusterName, token } = request
  const { accountId } = signed.caller
  const arn = clusterArn(accountId, clusterName)
  await demand(needs, {
    caller: signed.caller,
    action: 'eks-auth:AssumeRoleForPodIdentity',
    resource: { arn, accountId },
    from,
    context: [['aws:RequestedRegion', signed.region]],
  })
  const cluster = await findCluster(needs.database, accountId, clusterName)
  if (cluster === undefined || !cluster.enabled)
    return refuse('not-found', 'pod-identity/cluster', `No cluster found for name: ${clusterName}.`)

  const identity = await verifyWebIdentity(
    {
      clock: needs.clock,
      keysOf: needs.keysOf,
      findProvider: async (issuer) =>
        issuer === cluster.issuer ? { arn: cluster.arn, issuer, clientIds: [audience] } : undefined,
    },
    token.trim(),
  )
  const [, namespace = '', serviceAccount = ''] =
    /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/.exec(identity.subject) ??
    badToken('The token is not one of a service account.')
  const pod = podOf(token)
  if (pod.namespace !== namespace || pod.serviceaccount.name !== serviceAccount)
    badToken('The token names two service accounts.')
  const association = cluster.associations.find(
    (each) => each.namespace === namespace && each.serviceAccount === serviceAccount,
  )
  if (association === undefined)
    return refuse(
      'not-found',
      'pod-identity/association',
      `No association found for service account ${namespace}/${serviceAccount} in cluster ${cluster.name}.`,
    )

  const tags = [
    { key: 'eks-cluster-arn', value: cluster.arn },
    { key: 'eks-cluster-name', value: cluster.name },
    { key: 'kubernetes-namespace', value: namespace },
    { key: 'kubernetes-service-account', value: serviceAccount },
    { key: 'kubernetes-pod-name', value: pod.pod.name },
    { key: 'kubernetes-pod-uid', value: pod.pod.uid },
  ]
  const issued = await assumeRoleForService(needs, {
    service: audience,
    from,
    region: signed.region,
    roleArn: association.roleArn,
    sessionName: `eks-${cluster.name}-${pod.pod.name}`.slice(0, 64),
    tags,
    transitiveTagKeys: tags.map(({ key }) => key),
    context: [
      ['aws:SourceArn', cluster.arn],
      ['aws:SourceAccount', accountId],
    ],
    subject: { providerArn: cluster.arn, subject: identity.subject },
    family: [epochIdOf(association)],
  })
  return { issued, cluster, association, associationArn: associationArn(cluster, association) }
}

/** What a verified token tells of its pod. */
function podOf(token: string): z.infer<typeof podClaims>['kubernetes.io'] {
  const [, body = ''] = token.trim().split('.')
  const read = podClaims.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()))
  return read.success ? read.data['kubernetes.io'] : badToken('The token is not bound to a pod.')
}
