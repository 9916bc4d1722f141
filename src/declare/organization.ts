import { type Path, suggestion } from '#config'
import {
  attachGuardRail,
  createGuardRail,
  createUnit,
  detachGuardRail,
  guardRailsNow,
  listGuardRailAttachments,
  listGuardRails,
  listUnits,
  moveAccount,
  setScpFullAccess,
  unitPath,
  updateGuardRail,
} from '#iam'
import type { AccountPlan } from './accounts.ts'
import { type Applying, leaveOut, outcomeOf, problemAt } from './applying.ts'
import type { Declared } from './schema.ts'
import type { Thing } from './read.ts'

type Target = NonNullable<Declared<'guard_rails'>['targets']>[number]

/** Organizational units, where the accounts stand in them, and guard-rails with their targets. */
export async function applyOrganization(applying: Applying, plan: AccountPlan): Promise<void> {
  const { things } = applying.declaration
  for (const thing of things.organizational_units.toSorted((a, b) => depth(a) - depth(b)))
    await applyUnit(applying, thing)
  for (const [index, { value, path }] of things.accounts.entries()) {
    const { unit } = value
    const accountId = plan.ids[index] ?? ''
    if (unit !== undefined)
      await applying.step(
        { kind: 'account placement', name: value.name, path, account: accountId },
        async () => {
          const unitId = unit === 'root' ? undefined : await unitOf(applying, unit, [...path, 'unit'])
          return {
            outcome: outcomeOf(false, await moveAccount(applying.tx, accountId, unitId)),
            event: { source: 'organizations', name: 'MoveAccount', parameters: { accountId, unit } },
          }
        },
      )
  }
  // Whoever gets FullAWSAccess gets it first and whoever loses it last: a target never stands without any policy.
  await applyFullAccess(applying, plan, true)
  for (const thing of things.guard_rails) await applyGuardRail(applying, plan, thing)
  await applyFullAccess(applying, plan, false)
}

const depth = ({ value }: Thing<'organizational_units'>): number =>
  value.parent === undefined ? 0 : value.parent.split('/').length

const fullPath = ({ name, parent }: Declared<'organizational_units'>): string =>
  parent === undefined ? name : `${parent}/${name}`

async function applyUnit(applying: Applying, { value, path }: Thing<'organizational_units'>): Promise<void> {
  const { tx, needs } = applying
  const name = fullPath(value)
  await applying.step({ kind: 'organizational unit', name, path }, async () => {
    const units = await listUnits(tx)
    if (units.some(({ unitId }) => unitPath(units, unitId).toLowerCase() === name.toLowerCase()))
      return { outcome: 'unchanged' }
    const parentId =
      value.parent === undefined ? undefined : await unitOf(applying, value.parent, [...path, 'parent'])
    const unit = await createUnit(tx, needs.clock, { name: value.name, parentId })
    return {
      outcome: 'created',
      event: {
        source: 'organizations',
        name: 'CreateOrganizationalUnit',
        parameters: { name: value.name, parentId, unitId: unit.unitId },
      },
    }
  })
}

/** The id of the unit that a path of names leads to. @throws a problem at the place when there is none */
async function unitOf(applying: Applying, reference: string, at: Path): Promise<string> {
  const units = await listUnits(applying.tx)
  const paths = new Map(units.map(({ unitId }) => [unitPath(units, unitId), unitId]))
  for (const [path, unitId] of paths) if (path.toLowerCase() === reference.toLowerCase()) return unitId
  const last = reference.slice(reference.lastIndexOf('/') + 1).toLowerCase()
  // It stands in the file and could not be made, which is told there.
  const { things, named } = applying.declaration
  const declared = things.organizational_units.some(
    ({ value }) => fullPath(value).toLowerCase() === reference.toLowerCase(),
  )
  if (declared || (named.organizational_units.has(last) && things.organizational_units.length === 0))
    leaveOut()
  return problemAt(
    at,
    `There is no organizational unit ${reference}. Write its path from below the root, such as Workloads/Production.${suggestion(reference, [...paths.keys()])}`,
  )
}

async function applyGuardRail(
  applying: Applying,
  plan: AccountPlan,
  { value, path, documents }: Thing<'guard_rails'>,
): Promise<void> {
  const { tx, needs } = applying
  await applying.step({ kind: `guard-rail (${value.type})`, name: value.name, path }, async () => {
    const document = documents.get('document') ?? leaveOut()
    const found = (await listGuardRails(tx)).find(
      ({ type, name }) => type === value.type && name.toLowerCase() === value.name.toLowerCase(),
    )
    const { type, name, description } = value
    const rail = found ?? (await createGuardRail(tx, needs.clock, { type, name, description, document }))
    const changed =
      found !== undefined &&
      (await updateGuardRail(tx, needs.clock, rail.policyId, { description, document }))
    const moved = await putTargets(applying, plan, { policyId: rail.policyId, targets: value.targets, path })
    return {
      outcome: outcomeOf(found === undefined, changed, moved),
      event: {
        source: 'organizations',
        name: found === undefined ? 'CreatePolicy' : 'UpdatePolicy',
        parameters: { policyId: rail.policyId, type, name, targets: value.targets },
      },
    }
  })
}

/** Attaches a guard-rail exactly where the file says. @returns whether anything changed */
async function putTargets(
  applying: Applying,
  plan: AccountPlan,
  request: {
    readonly policyId: string
    readonly targets: readonly Target[] | undefined
    readonly path: Path
  },
): Promise<boolean> {
  const { tx } = applying
  const { policyId, targets, path } = request
  if (targets === undefined) return false
  const wanted = new Set<string>()
  for (const [index, target] of targets.entries())
    wanted.add(await targetId(applying, plan, target, [...path, 'targets', index]))
  let changed = false
  for (const target of wanted) changed = (await attachGuardRail(tx, policyId, target)) || changed
  for (const attached of await listGuardRailAttachments(tx))
    if (attached.policyId === policyId && !wanted.has(attached.targetId))
      changed = (await detachGuardRail(tx, policyId, attached.targetId)) || changed
  return changed
}

async function targetId(applying: Applying, plan: AccountPlan, target: Target, at: Path): Promise<string> {
  if (target === 'root') return (await guardRailsNow(applying.tx))?.rootId ?? leaveOut()
  return 'unit' in target
    ? unitOf(applying, target.unit, [...at, 'unit'])
    : plan.accountOf(target.account, at)
}

async function applyFullAccess(applying: Applying, plan: AccountPlan, attached: boolean): Promise<void> {
  const { tx } = applying
  const { things } = applying.declaration
  const set = async (kind: string, name: string, path: Path, target: () => Promise<string>): Promise<void> =>
    applying.step({ kind: `FullAWSAccess of ${kind}`, name, path }, async () => {
      const id = await target()
      return {
        outcome: outcomeOf(false, await setScpFullAccess(tx, id, attached)),
        event: {
          source: 'organizations',
          name: attached ? 'AttachPolicy' : 'DetachPolicy',
          parameters: { policyId: 'p-FullAWSAccess', targetId: id },
        },
      }
    })
  for (const { value, path } of things.organizational_units)
    if (value.scp_full_access === attached)
      await set('organizational unit', fullPath(value), path, () => unitOf(applying, fullPath(value), path))
  for (const [index, { value, path }] of things.accounts.entries())
    if (value.scp_full_access === attached)
      await set('account', value.name, path, async () => plan.ids[index] ?? leaveOut())
}
