import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { exportDetails, importDetails, type ImportedThing } from '#aws-transfer'
import { findAccount, findOrganization } from '#iam'
import { openInstallation } from '#installation'
import type { Queryable } from '#database'
import { refuse } from '#kernel'
import type { Command } from '#terminal'
import type { OpenProgram } from './program.ts'

const account = {
  type: 'string',
  help: 'the account (12 digits); without it the home account',
  value: 'ID',
} as const

/** `signet import aws FILE`: takes users, groups, roles and policies of an AWS account over. */
export const importCommand = (open: OpenProgram): Command => ({
  name: 'import',
  summary: 'Take over what "aws iam get-account-authorization-details" printed; tells what it cannot.',
  words: ['aws', 'FILE'],
  options: {
    account,
    'dry-run': { type: 'boolean', help: 'tell what would become of each thing, and change nothing' },
    json: { type: 'boolean', help: 'print what became of each thing as JSON' },
  },
  async run(machine, input) {
    const [kind, fileName = ''] = input.words
    if (kind !== 'aws') onlyAws(kind)
    const text = fileText(resolve(machine.cwd, fileName), fileName)
    const program = await open()
    const installation = await openInstallation({ ...machine, config: program.config }, { shared: true })
    try {
      const needs = await program.applyNeeds(installation)
      const accountId = await accountOf(needs.database, input.text('account'))
      const dryRun = input.flag('dry-run')
      const { things } = await importDetails(needs, { text, accountId, dryRun })
      if (input.flag('json')) machine.out(`${JSON.stringify({ accountId, things })}\n`)
      else {
        for (const each of things)
          if (each.outcome !== 'updated' || each.notes.length > 0) machine.out(`${lineOf(each)}\n`)
        const count = (outcome: ImportedThing['outcome']) =>
          things.filter((each) => each.outcome === outcome).length
        machine.out(
          `${count('created')} created, ${count('updated')} updated, ${count('left out')} left out in account ${accountId}${dryRun ? ' (only tried, nothing is changed)' : ''}. Passwords, access keys and MFA devices are not in the document.\n`,
        )
      }
      return 0
    } finally {
      await installation.close()
    }
  },
})

/** `signet export aws`: prints an account as AWS would. */
export const exportCommand = (open: OpenProgram): Command => ({
  name: 'export',
  summary: 'Print an account as "aws iam get-account-authorization-details" would.',
  words: ['aws'],
  options: { account },
  async run(machine, input) {
    const [kind] = input.words
    if (kind !== 'aws') onlyAws(kind)
    const program = await open()
    const installation = await openInstallation({ ...machine, config: program.config }, { shared: true })
    try {
      const needs = await program.applyNeeds(installation)
      const accountId = await accountOf(needs.database, input.text('account'))
      machine.out(`${JSON.stringify(await exportDetails(needs, accountId), null, 2)}\n`)
      return 0
    } finally {
      await installation.close()
    }
  },
})

const onlyAws = (kind: string | undefined): never =>
  refuse('malformed', 'cli/usage', `Only "aws" can be imported and exported, not "${kind ?? ''}".`)

function fileText(path: string, fileName: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
    return refuse('not-found', 'cli/no-file', `The file ${fileName} cannot be read (${code}).`)
  }
}

/** @throws Failure not-found cli/no-account */
async function accountOf(database: Queryable, asked: string | undefined): Promise<string> {
  const id = asked ?? (await findOrganization(database))?.homeAccountId
  if (id === undefined)
    return refuse('not-found', 'cli/no-account', 'This installation has no organization yet.')
  return (await findAccount(database, id)) === undefined
    ? refuse('not-found', 'cli/no-account', `There is no account ${id} here.`)
    : id
}

const lineOf = ({ kind, name, outcome, notes }: ImportedThing): string =>
  [`${outcome} ${kind} ${name}`, ...notes.map((note) => `  ${note}`)].join('\n')
