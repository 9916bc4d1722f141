import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAudit, listEvents } from '#audit'
import { createPasswordHasher, openVault } from '#crypto'
import type { Database } from '#database'
import { apply, type ApplyNeeds } from '#declare'
import { guardRailsNow, listGuardRailAttachments, listGuardRails, readBuiltInPolicies } from '#iam'
import { isFailure, Secret } from '#kernel'
import { testDatabase } from '../support/database.ts'

const root = join(import.meta.dirname, '../..')
const clock = () => Temporal.Instant.from('2026-11-22T10:00:00Z')

let database: Database
let needs: ApplyNeeds
beforeEach(async () => {
  database = await testDatabase()
  needs = {
    database,
    clock,
    vault: openVault(new Secret('v'.repeat(43))),
    audit: createAudit({ database, clock }),
    builtInPolicies: readBuiltInPolicies(join(root, 'config/policies')),
    hasher: await createPasswordHasher(
      { clock },
      { memoryKib: 64, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
    ),
  }
})
afterEach(() => database.close())

const applyText = (text: string) =>
  apply(needs, {
    text,
    fileName: 'signet.yaml',
    env: () => undefined,
    readFile: () => {
      throw new Error('no files here')
    },
  })

async function problemsOf(text: string): Promise<readonly string[]> {
  try {
    await applyText(text)
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    return thrown.message.split('\n')
  }
  throw new Error('It was applied.')
}

const organization = `
organization: Acme
accounts:
  - { name: acme, id: '111122223333' }
  - { name: prod, id: '222233334444', unit: Workloads/Production }
  - { name: lab, id: '333344445555' }
organizational_units:
  - { name: Production, parent: Workloads }
  - { name: Workloads }
guard_rails:
  - name: KeepTheAudit
    type: scp
    description: Nobody turns the audit log off.
    document:
      Version: '2012-10-17'
      Statement: [{ Effect: Deny, Action: 'signet:DeleteAudit*', Resource: '*' }]
    targets: [root]
  - name: OwnPeopleOnly
    type: rcp
    document:
      Version: '2012-10-17'
      Statement:
        - Effect: Deny
          Principal: '*'
          Action: sts:AssumeRole
          Resource: '*'
          Condition: { StringNotEqualsIfExists: { aws:PrincipalAccount: '222233334444' } }
    targets: [{ unit: Workloads/Production }, { account: lab }]
`

describe('the organization of signet.yaml', () => {
  it('has its units, its accounts in them, and its guard-rails where the file attaches them', async () => {
    const { counts } = await applyText(organization)
    expect(counts).toMatchObject({ updated: 1, unchanged: 0 })
    const rails = await guardRailsNow(database)
    expect(rails?.standingOf('222233334444')?.path.split('/')).toHaveLength(5)
    expect(rails?.standingOf('222233334444')?.scpLevels).toHaveLength(4)
    expect(rails?.standingOf('333344445555')?.scpLevels).toHaveLength(2)
    expect(rails?.standingOf('111122223333')?.scpLevels).toBeUndefined()
    expect((await listGuardRails(database)).map(({ type, name }) => `${type} ${name}`)).toEqual([
      'rcp OwnPeopleOnly',
      'scp KeepTheAudit',
    ])
    expect((await listEvents(database, { name: 'CreateOrganizationalUnit' })).length).toBe(2)
  })

  it('applied again changes nothing and writes no event', async () => {
    await applyText(organization)
    const before = (await listEvents(database, {})).length
    const { counts } = await applyText(organization)
    expect(counts).toMatchObject({ created: 0, updated: 0 })
    expect((await listEvents(database, {})).length).toBe(before)
  })

  it('moves accounts and takes guard-rails away where the file no longer has them', async () => {
    await applyText(organization)
    await applyText(
      organization
        .replace('unit: Workloads/Production }\n  - { name: lab', 'unit: root }\n  - { name: lab')
        .replace(', { account: lab }', ''),
    )
    const rails = await guardRailsNow(database)
    expect(rails?.standingOf('222233334444')?.scpLevels).toHaveLength(2)
    expect((await listGuardRailAttachments(database)).map(({ targetId }) => targetId)).not.toContain(
      '333344445555',
    )
  })

  it('may let a unit do only what its own policy allows', async () => {
    const only = organization
      .replace('{ name: Workloads }', '{ name: Workloads, scp_full_access: false }')
      .replace('targets: [root]', 'targets: [root, { unit: Workloads }]')
      .replace("Effect: Deny, Action: 'signet:DeleteAudit*'", "Effect: Allow, Action: 'orders:*'")
    await applyText(only)
    const levels = (await guardRailsNow(database))?.standingOf('222233334444')?.scpLevels ?? []
    expect(levels.map((level) => level.length)).toEqual([2, 1, 1, 1])
    await applyText(only.replace('scp_full_access: false', 'scp_full_access: true'))
    expect(
      (await guardRailsNow(database))?.standingOf('222233334444')?.scpLevels?.map((level) => level.length),
    ).toEqual([2, 2, 1, 1])
  })
})

describe('mistakes are told at their place', () => {
  it('a unit, an account and a parent that are not there, and a target without any policy left', async () => {
    const problems = await problemsOf(
      organization
        .replace('unit: Workloads/Production }', 'unit: Workloads/Prodction }')
        .replace('{ account: lab }', '{ account: lap }')
        .replace(
          'name: Workloads }',
          'name: Workloads }\n  - { name: X, parent: Nowhere }\n  - { name: Bare, scp_full_access: false }',
        ),
    )
    expect(problems.join('\n')).toContain('There is no organizational unit Workloads/Prodction.')
    expect(problems.join('\n')).toContain('There is no account lap.')
    expect(problems.join('\n')).toContain('There is no organizational unit Nowhere.')
    expect(problems.join('\n')).toContain('A target needs at least one service control policy')
    expect(await guardRailsNow(database)).toBeUndefined()
  })

  it('a resource control policy that allows, and one with a Principal where none belongs', async () => {
    const problems = await problemsOf(
      organization
        .replace('          Effect: Deny\n', '          Effect: Allow\n')
        .replace('- Effect: Deny\n          Principal', '- Effect: Allow\n          Principal'),
    )
    expect(problems[0]).toMatch(/^signet\.yaml:\d+:\d+/)
  })
})
