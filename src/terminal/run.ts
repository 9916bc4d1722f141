import { suggestion } from '#config'
import { isFailure } from '#kernel'
import { type Command, type Machine, readInput, usageLine } from './command.ts'

/**
 * Runs what was typed: finds the command, reads its options, tells a refusal in one clear text on standard error.
 *
 * @returns the exit code: 0, or 1 for anything that did not work
 */
export async function runCommand(
  commands: readonly Command[],
  machine: Machine,
  argv: readonly string[],
): Promise<number> {
  const [name = 'help', ...args] = argv
  if (name === '--version' || name === '-v' || name === 'version') {
    machine.out(`${machine.version}\n`)
    return 0
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    const about = commands.find((each) => each.name === args[0])
    machine.out(about === undefined ? overview(commands, machine.version) : help(about))
    return 0
  }
  const command = commands.find((each) => each.name === name)
  if (command === undefined) {
    const meant = suggestion(
      name,
      commands.map((each) => each.name),
    )
    machine.err(`There is no command "${name}".${meant}\n`)
    return 1
  }
  if (args.includes('--help') || args.includes('-h')) {
    machine.out(help(command))
    return 0
  }
  try {
    return await command.run(machine, readInput(command, args))
  } catch (thrown) {
    machine.err(
      isFailure(thrown)
        ? `${thrown.message}\n`
        : `Something went wrong inside Signet; this is a bug.\n${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`,
    )
    return 1
  }
}

function overview(commands: readonly Command[], version: string): string {
  const width = Math.max(...commands.map(({ name, words = [] }) => [name, ...words].join(' ').length))
  const lines = commands.map(
    ({ name, words = [], summary }) => `  ${[name, ...words].join(' ').padEnd(width)}  ${summary}`,
  )
  return [
    `Signet ${version}: sign in once; apps by OIDC and SAML, role sessions by the AWS wire.`,
    '',
    ...lines,
    '',
    'signet help COMMAND tells more about one of them.',
    '',
  ].join('\n')
}

function help(command: Command): string {
  const options = Object.entries(command.options ?? {})
  const left = options.map(
    ([name, { type, value, short }]) =>
      `  --${name}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}${short === undefined ? '' : `, -${short}`}`,
  )
  const width = Math.max(0, ...left.map((each) => each.length))
  return [
    usageLine(command),
    '',
    command.summary,
    ...(options.length === 0 ? [] : ['']),
    ...options.map(([, { help: text }], index) => `${(left[index] ?? '').padEnd(width)}  ${text}`),
    '',
  ].join('\n')
}
