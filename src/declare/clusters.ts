import { findRole } from '#iam'
import { clusterArn, findCluster, putCluster } from '#pod-identity'
import { type Applying, leaveOut, outcomeOf, problemAt, same } from './applying.ts'

/** Kubernetes clusters, and which role the pods of a service account get. What the file leaves out has its default. */
export async function applyClusters(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const { value, path } of declaration.things.clusters)
    await applying.step(
      { kind: 'cluster', name: value.name, path, account: value.account },
      async (accountId) => {
        const associations: { namespace: string; serviceAccount: string; roleArn: string }[] = []
        for (const [index, each] of (value.associations ?? []).entries()) {
          const { namespace, service_account: serviceAccount, role: name } = each
          const at = [...path, 'associations', index]
          if (
            associations.some((one) => one.namespace === namespace && one.serviceAccount === serviceAccount)
          )
            problemAt(at, 'This service account stands in the list twice. Keep one of the two.')
          const role = await findRole(tx, accountId, name)
          if (role !== undefined) associations.push({ namespace, serviceAccount, roleArn: role.arn })
          else if (declaration.named.roles.has(name.toLowerCase())) leaveOut()
          else
            problemAt([...at, 'role'], `There is no role ${name} in this account. Declare it under roles:.`)
        }
        const wanted = {
          accountId,
          name: value.name,
          issuer: value.issuer,
          associations,
          enabled: value.enabled ?? true,
        }
        const found = await findCluster(tx, accountId, value.name)
        const isSame =
          found !== undefined &&
          same(
            { ...found, arn: '', associations: found.associations.map((each) => ({ ...each, id: '' })) },
            { ...wanted, arn: '', associations: associations.map((each) => ({ ...each, id: '' })) },
          )
        if (!isSame) await putCluster(tx, needs.clock, wanted)
        return {
          outcome: outcomeOf(found === undefined, !isSame),
          event: {
            name: found === undefined ? 'CreateCluster' : 'UpdateCluster',
            parameters: { name: value.name, issuer: value.issuer, associations, enabled: wanted.enabled },
            arn: clusterArn(accountId, value.name),
          },
        }
      },
    )
}
