import { guardRailsNow } from '#iam'
import {
  contextFromEntries,
  contextKeysOf,
  type evaluate,
  parsePolicy,
  simulate,
  unreadablePolicy,
  type ContextValue,
  type DocumentType,
  type MatchedStatement,
  type RequestPrincipal,
  type SimulatedPolicies,
  type SimulatedPolicy,
  type Simulation,
  type SimulationResult,
} from '#policy'

import type { Call, Handlers } from '../call.ts'
import { heldPolicies, holderOf, managedPolicy, type Holder } from '../holders.ts'
import { invalidInput } from '../limits.ts'
import { page } from '../paging.ts'

/** What if: decisions of the policy engine for requests that nobody made. */
export const simulation = {
  SimulateCustomPolicy: async (call) => {
    const { input, accountId } = call
    const caller = callerOf(call, undefined)
    return results(call, {
      ...caller,
      policies: {
        identity: given(input.PolicyInputList, 'PolicyInputList', 'identity'),
        ...limits(call),
      },
      resourceOwner: ownerOf(input.ResourceOwner) ?? accountId,
    })
  },

  SimulatePrincipalPolicy: async (call) => {
    const { input, accountId } = call
    const holder = await holderOf(call, input.PolicySourceArn)
    if (input.ResourcePolicy !== undefined && input.CallerArn === undefined && holder.kind !== 'user')
      invalidInput('CallerArn is needed with a ResourcePolicy when the PolicySourceArn is not a user.')
    const excluded = input.PolicyExclusionList ?? []
    const held = (await heldPolicies(call, holder)).filter(
      ({ type, name, arn, owner }) =>
        !excluded.some(({ PolicyArn, InlinePolicyIdentifier: inline }) =>
          type === 'MANAGED'
            ? PolicyArn === arn
            : sameName(inline?.PolicyName, name) &&
              inline?.AttachmentType.toLowerCase() === owner.kind &&
              sameName(inline.AttachmentName, owner.name),
        ),
    )
    const { permissionsBoundary: arn } = holder
    const withoutBoundary = excluded.some(
      ({ PolicyType, PolicyArn }) =>
        PolicyType === 'permission-boundary' && (PolicyArn === undefined || PolicyArn === arn),
    )
    const boundary =
      arn === undefined || withoutBoundary
        ? undefined
        : ((await managedPolicy(call, arn, 'boundary')) ?? goneBoundary)
    return results(call, {
      ...callerOf(call, holder),
      policies: {
        identity: [...held, ...given(input.PolicyInputList, 'PolicyInputList', 'identity')],
        ...(boundary === undefined ? {} : { boundary }),
        ...(await guardRails(call)),
        ...limits(call),
      },
      resourceOwner: ownerOf(input.ResourceOwner) ?? accountId,
    })
  },

  GetContextKeysForCustomPolicy: async ({ input }) => ({
    ContextKeyNames: contextKeysOf(
      given(input.PolicyInputList, 'PolicyInputList', 'identity').map(({ policy }) => policy),
    ),
  }),

  GetContextKeysForPrincipalPolicy: async (call) => {
    const held = await heldPolicies(call, await holderOf(call, call.input.PolicySourceArn))
    const more = given(call.input.PolicyInputList, 'PolicyInputList', 'identity')
    return { ContextKeyNames: contextKeysOf([...held, ...more].map(({ policy }) => policy)) }
  },
} satisfies Handlers

type Levels = NonNullable<Parameters<typeof evaluate>[0]['policies']['scpLevels']>

const sameName = (left: string | undefined, right: string): boolean =>
  left?.toLowerCase() === right.toLowerCase()

/** What the organization says about the caller's account, unless the request leaves it out. */
async function guardRails({
  db,
  accountId,
  input,
}: Call<'SimulatePrincipalPolicy'>): Promise<Pick<SimulatedPolicies, 'scpLevels' | 'rcpLevels'>> {
  const standing = (await guardRailsNow(db))?.standingOf(accountId)
  const levelsOf = (kind: 'scp' | 'rcp', levels: Levels | undefined) =>
    input.PolicyExclusionList?.some(({ PolicyType }) => PolicyType === kind) === true
      ? undefined
      : levels?.map((level) => level.map((each) => ({ ...each, source: 'none' as const, text: '' })))
  return {
    scpLevels: levelsOf('scp', standing?.scpLevels),
    rcpLevels: levelsOf('rcp', standing?.rcpLevels),
  }
}

/** A boundary that is gone denies all, as in truth. */
const goneBoundary: SimulatedPolicy = {
  id: 'none',
  policy: unreadablePolicy('boundary', 'The permissions boundary is missing.'),
  source: 'none',
  text: '',
}

type SimulateCall = Call<'SimulateCustomPolicy'> | Call<'SimulatePrincipalPolicy'>

/** One page: only what is shown is simulated. */
async function results(
  call: SimulateCall,
  base: Pick<Simulation, 'principal' | 'known' | 'policies' | 'resourceOwner'>,
): Promise<{
  readonly EvaluationResults: readonly ReturnType<typeof shown>[]
  readonly IsTruncated: boolean
  readonly Marker?: string | undefined
}> {
  const { input } = call
  const entries = contextFromEntries(
    (input.ContextEntries ?? []).map((entry) => ({
      name: entry.ContextKeyName ?? '',
      type: entry.ContextKeyType ?? 'string',
      values: entry.ContextKeyValues ?? [],
    })),
  )
  if ('problem' in entries) return invalidInput(entries.problem)
  const resources = input.ResourceArns?.length ? input.ResourceArns : ['*']
  const pairs = input.ActionNames.length * resources.length
  const at = (index: number) => ({
    index,
    action: input.ActionNames[Math.floor(index / resources.length)] ?? '',
    resource: resources[index % resources.length] ?? '*',
  })
  const wrong = input.ActionNames.find((action) => !/^[\w-]+:[\w*?-]+$/.test(action))
  if (wrong !== undefined) invalidInput(`Invalid Action Name: ${wrong}`)
  const [rows, paged] = await page(
    call,
    async (after, limit) => {
      const start = after === undefined ? 0 : Number(after) + 1
      return Array.from({ length: Math.max(0, Math.min(limit, pairs - start)) }, (_, each) =>
        at(start + each),
      )
    },
    ({ index }) => String(index),
  )
  const EvaluationResults = rows.flatMap(({ action, resource }) =>
    simulate({
      ...base,
      actions: [action],
      resources: [resource],
      context: entries.context,
      ownerSide: 'ignored',
    }).map(shown),
  )
  return { EvaluationResults, ...paged }
}

/** The policies of the request that limit: boundary, guard-rails, resource policy. */
function limits({ input }: SimulateCall): Omit<SimulatedPolicies, 'identity'> {
  const [boundary, second] = given(
    input.PermissionsBoundaryPolicyInputList,
    'PermissionsBoundaryPolicyInputList',
    'boundary',
  )
  if (second !== undefined) invalidInput('At most one permissions boundary can be passed.')
  const ordered =
    'OrderedOrganizationPolicyInputList' in input ? input.OrderedOrganizationPolicyInputList : undefined
  const levels = ordered?.map(({ ServiceControlPolicyInputList }, index) =>
    given(ServiceControlPolicyInputList, `OrderedOrganizationPolicyInputList.${index + 1}`, 'scp'),
  )
  return {
    ...(boundary === undefined ? {} : { boundary }),
    ...(input.ResourcePolicy === undefined
      ? {}
      : { resource: read(input.ResourcePolicy, 'ResourcePolicy', 'resource', 'resource') }),
    ...(levels === undefined ? {} : { scpLevels: levels }),
  }
}

const given = (
  texts: readonly string[] | undefined,
  name: string,
  type: DocumentType,
): readonly SimulatedPolicy[] =>
  (texts ?? []).map((text, index) => read(text, `${name}.${index + 1}`, type, 'none'))

function read(
  text: string,
  id: string,
  type: DocumentType,
  source: SimulatedPolicy['source'],
): SimulatedPolicy {
  const { policy, findings } = parsePolicy(text, type)
  return policy === undefined
    ? invalidInput(`${id}: ${findings[0]?.message ?? 'The policy cannot be read.'}`)
    : { id, policy, source, text }
}

/** Who is simulated, and what is known of them. Nothing of the caller of the simulation itself comes in. */
function callerOf(
  { input, accountId, from }: SimulateCall,
  holder: Holder | undefined,
): Pick<Simulation, 'principal' | 'known'> {
  const [, owner, name] =
    /^arn:aws[a-z-]*:iam::(\d{12}):user\/(?:.*\/)?([^/]+)$/.exec(input.CallerArn ?? '') ?? []
  if (input.CallerArn !== undefined && owner === undefined)
    invalidInput('CallerArn must be the ARN of an IAM user.')
  const known = new Map<string, ContextValue>([
    ['aws:CurrentTime', from.at.toString({ smallestUnit: 'second' })],
    ['aws:EpochTime', String(Math.floor(from.at.epochMilliseconds / 1_000))],
  ])
  const tell = (principal: RequestPrincipal, keys: Readonly<Record<string, string | undefined>>) => {
    for (const [key, value] of Object.entries(keys)) if (value !== undefined) known.set(key, value)
    for (const [key, value] of Object.entries(holder?.tags ?? {})) known.set(`aws:PrincipalTag/${key}`, value)
    return { principal, known }
  }
  if (holder?.kind === 'role' && input.CallerArn === undefined)
    return tell(
      {
        kind: 'role-session',
        accountId,
        arn: `arn:aws:sts::${accountId}:assumed-role/${holder.name}/simulation`,
        roleArn: holder.arn,
        roleId: holder.id,
      },
      {
        'aws:PrincipalArn': holder.arn,
        'aws:PrincipalAccount': accountId,
        'aws:PrincipalType': 'AssumedRole',
      },
    )
  const arn = input.CallerArn ?? (holder?.kind === 'user' ? holder.arn : undefined)
  const isHolder = arn !== undefined && arn === holder?.arn
  return tell(
    {
      kind: 'user',
      accountId: owner ?? accountId,
      arn: arn ?? `arn:aws:iam::${accountId}:user/simulation`,
      uniqueId: isHolder ? holder.id : 'AIDASIMULATION',
    },
    {
      'aws:PrincipalArn': arn,
      'aws:PrincipalAccount': owner ?? accountId,
      'aws:PrincipalType': 'User',
      'aws:username': isHolder ? holder.name : name,
      'aws:userid': isHolder ? holder.id : undefined,
    },
  )
}

/** An account as its id or its root ARN. */
function ownerOf(owner: string | undefined): string | undefined {
  if (owner === undefined) return undefined
  const [account] = /^\d{12}$/.exec(owner) ?? [/^arn:aws[a-z-]*:iam::(\d{12}):root$/.exec(owner)?.[1]]
  return account ?? invalidInput('ResourceOwner must be an account, as its id or the ARN of its root.')
}

const shown = (result: SimulationResult) => ({
  EvalActionName: result.action,
  EvalResourceName: result.resource,
  EvalDecision: result.decision,
  MatchedStatements: result.matchedStatements.map(statementShown),
  MissingContextValues: result.missingContextValues,
  ...(result.allowedByOrganizations === undefined
    ? {}
    : { OrganizationsDecisionDetail: { AllowedByOrganizations: result.allowedByOrganizations } }),
  ...(result.allowedByPermissionsBoundary === undefined
    ? {}
    : {
        PermissionsBoundaryDecisionDetail: {
          AllowedByPermissionsBoundary: result.allowedByPermissionsBoundary,
        },
      }),
  ...(result.decisionDetails === undefined
    ? {}
    : { EvalDecisionDetails: new Map(Object.entries(result.decisionDetails)) }),
})

const nowhere = { line: 1, column: 1 }
const statementShown = ({ policy, source, start = nowhere, end = nowhere }: MatchedStatement) => ({
  SourcePolicyId: policy,
  SourcePolicyType: source,
  StartPosition: { Line: start.line, Column: start.column },
  EndPosition: { Line: end.line, Column: end.column },
})
