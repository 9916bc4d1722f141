/**
 * What the operator set: environment, signet.yaml and config/default.yaml, read into one frozen object, with every
 * mistake told at once by file:line:column. Each slice owns the schema of its section; they are handed in. Also the
 * reading of YAML with positions, for `declare`, and the master key's file.
 */
export { check } from './check.ts'
export { isLoopback } from './environment.ts'
export { readPlumbingOnly as readPlumbing } from './environment.ts'
export type { Environment, Plumbing } from './environment.ts'
export { nearest, suggestion } from './nearest.ts'
export { problemLine, refuseProblems } from './problem.ts'
export type { Problem } from './problem.ts'
export { readConfig } from './read.ts'
export type { Config, ConfigSources, Sections, Settings } from './read.ts'
export { openSecretKey } from './secret-key.ts'
export { readYaml } from './yaml.ts'
export type { Path, YamlText } from './yaml.ts'
