/**
 * Pod Identity: the agent of a Kubernetes node trades the token of a pod's service account for the role session that the
 * cluster associates with it. The pods know nothing of Signet: their SDKs ask the agent (`signet agent --pods`).
 *
 * URL: `POST /clusters/{name}/assume-role-for-pod-identity`, signed for `eks-auth`. EKS Auth API, AssumeRoleForPodIdentity.
 * Owns the table `pod_cluster`.
 */
export { clusterArn, findCluster, listClusters, putCluster, removeCluster } from './cluster.ts'
export type { Cluster } from './cluster.ts'
export { podIdentityRoutes } from './routes.ts'
