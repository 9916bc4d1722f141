import { parseArgs, type ParseArgsOptionDescriptor } from 'node:util'
import { type Environment, suggestion } from '#config'
import { type Clock, refuse } from '#kernel'

/** What a command may touch of the machine it runs on; `main` hands in the real thing, tests their own. */
export type Machine = {
  readonly env: Environment
  readonly cwd: string
  /** Where migrations/, config/ and views/ are. */
  readonly packageDir: string
  readonly version: string
  readonly clock: Clock
  /** Writes to standard output; the caller ends lines. */
  out(text: string): void
  /** Writes to standard error. */
  err(text: string): void
  /** Whether a person reads standard output. */
  readonly isTerminal: boolean
  /** Calls back once when this process is asked to end. */
  onStop(stop: () => void): void
}

/** A long option: `--json`, `--role NAME`. */
export type Option = {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** For the help: what the option is, in few words. */
  readonly help: string
  /** The word that stands for a string option's value in the help. */
  readonly value?: string
}

/** What the user typed after the command's name. */
export type Input = {
  /** The option's text; undefined when it was not given. */
  text(name: string): string | undefined
  flag(name: string): boolean
  readonly words: readonly string[]
}

/** One command of the command line. */
export type Command = {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Names of its words, for the help and the count: `FILE`; in brackets when it may be left out. */
  readonly words?: readonly string[]
  readonly options?: Readonly<Record<string, Option>>
  /** @returns the exit code: 0 or 1 */
  run(machine: Machine, input: Input): Promise<number>
}

/** Reads what stands after a command's name. @throws Failure malformed cli/usage */
export function readInput(command: Command, args: readonly string[]): Input {
  const options = command.options ?? {}
  const descriptors: Record<string, ParseArgsOptionDescriptor> = {}
  for (const [name, { type, short }] of Object.entries(options))
    descriptors[name] = { type, ...(short === undefined ? {} : { short }) }
  const usage = (message: string): never =>
    refuse('malformed', 'cli/usage', `${message}\n${usageLine(command)}`)
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({ args: [...args], options: descriptors, allowPositionals: true, strict: true })
  } catch (thrown) {
    const unknown = /Unknown option '(--?[^']*)'/.exec(String(thrown))?.[1]
    return usage(
      unknown === undefined
        ? String(thrown instanceof Error ? thrown.message : thrown)
        : `There is no option ${unknown}.${suggestion(
            unknown,
            Object.keys(options).map((name) => `--${name}`),
          )}`,
    )
  }
  const words = command.words ?? []
  const least = words.filter((word) => !word.startsWith('[')).length
  if (parsed.positionals.length < least)
    usage(`${command.name} needs ${words[parsed.positionals.length] ?? ''}.`)
  if (parsed.positionals.length > words.length)
    usage(`${command.name} does not know what to do with "${parsed.positionals[words.length] ?? ''}".`)
  return {
    text: (name) => {
      const value = parsed.values[name]
      return typeof value === 'string' ? value : undefined
    },
    flag: (name) => parsed.values[name] === true,
    words: parsed.positionals,
  }
}

/** `Usage: signet apply FILE [--json]` */
export const usageLine = ({ name, words = [], options = {} }: Command): string =>
  [
    `Usage: signet ${name}`,
    ...words,
    ...Object.entries(options).map(([option, { type, value }]) =>
      type === 'boolean' ? `[--${option}]` : `[--${option} ${value ?? 'VALUE'}]`,
    ),
  ].join(' ')
