/**
 * What a command of the command line is, how its options are read, and how it is run: exit code 0 or 1, and what went
 * wrong as one clear text on standard error.
 */
export type { Command, Input, Machine, Option } from './command.ts'
export { runCommand } from './run.ts'
