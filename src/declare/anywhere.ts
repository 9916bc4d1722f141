import { findRole } from '#iam'
import { isFailure } from '#kernel'
import {
  findProfile,
  findTrustAnchor,
  profileArn,
  putProfile,
  putTrustAnchor,
  trustAnchorArn,
} from '#roles-anywhere'
import { type Applying, leaveOut, outcomeOf, problemAt, same } from './applying.ts'
import { policyArn } from './policies.ts'

/** Trust anchors and profiles of Roles Anywhere. What the file leaves out has its default. */
export async function applyAnywhere(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const { value, path, files } of declaration.things.trust_anchors)
    await applying.step(
      { kind: 'trust_anchor', name: value.name, path, account: value.account },
      async (accountId) => {
        const wanted = {
          accountId,
          name: value.name,
          certificates: files.get('certificate') ?? leaveOut(),
          revocationLists:
            value.revocation_list_file === undefined ? '' : (files.get('revocation_list') ?? leaveOut()),
          enabled: value.enabled ?? true,
        }
        const found = await findTrustAnchor(tx, trustAnchorArn(accountId, value.name))
        const arn = found?.arn ?? trustAnchorArn(accountId, value.name)
        const isSame = found !== undefined && same(found, { ...wanted, arn })
        try {
          if (!isSame) await putTrustAnchor(tx, needs.clock, wanted)
        } catch (thrown) {
          if (!isFailure(thrown) || !thrown.reason.startsWith('roles-anywhere/')) throw thrown
          problemAt([...path, 'certificate_file'], `This trust anchor cannot be used: ${thrown.message}`)
        }
        return {
          outcome: outcomeOf(found === undefined, !isSame),
          event: {
            name: found === undefined ? 'CreateTrustAnchor' : 'UpdateTrustAnchor',
            parameters: { name: value.name, enabled: wanted.enabled },
            arn,
          },
        }
      },
    )
  for (const { value, path } of declaration.things.anywhere_profiles)
    await applying.step(
      { kind: 'anywhere_profile', name: value.name, path, account: value.account },
      async (accountId) => {
        const roles: string[] = []
        for (const [index, name] of value.roles.entries()) {
          const role = await findRole(tx, accountId, name)
          if (role !== undefined) roles.push(role.arn)
          else if (declaration.named.roles.has(name.toLowerCase())) leaveOut()
          else
            problemAt(
              [...path, 'roles', index],
              `There is no role ${name} in this account. Declare it under roles:.`,
            )
        }
        const policyArns: string[] = []
        for (const [index, reference] of (value.session_policies ?? []).entries())
          policyArns.push(
            await policyArn(applying, accountId, reference, [...path, 'session_policies', index]),
          )
        const wanted = {
          accountId,
          name: value.name,
          roles,
          policyArns,
          sessionPolicy: undefined,
          maxSessionSeconds: value.max_session_seconds ?? 3_600,
          acceptsSessionName: value.accept_session_name ?? false,
          enabled: value.enabled ?? true,
        }
        const arn = profileArn(accountId, value.name)
        const found = await findProfile(tx, arn)
        const isSame = found !== undefined && same(found, { ...wanted, arn: found.arn })
        if (!isSame) await putProfile(tx, needs.clock, wanted)
        return {
          outcome: outcomeOf(found === undefined, !isSame),
          event: {
            name: found === undefined ? 'CreateProfile' : 'UpdateProfile',
            parameters: { name: value.name, roleArns: roles, enabled: wanted.enabled },
            arn,
          },
        }
      },
    )
}
