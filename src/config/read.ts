import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { check } from './check.ts'
import { codeOf, type Environment, plainNames, type Plumbing, readPlumbing, variable } from './environment.ts'
import { nearest, suggestion } from './nearest.ts'
import { type Problem, refuseProblems } from './problem.ts'
import { type Path, readScalar, readYaml, type YamlText } from './yaml.ts'

/** The settings of every slice: section name → the schema in that slice's `config.ts`. */
export type Sections = Readonly<Record<string, z.ZodObject>>

/** What the sections come to, typed. */
export type Settings<Schemas extends Sections> = { readonly [Name in keyof Schemas]: z.output<Schemas[Name]> }

/** Everything the operator set, checked and frozen. */
export type Config<Schemas extends Sections = Sections> = Plumbing & {
  readonly settings: Settings<Schemas>
  /** The operator's signet.yaml, when SIGNET_CONFIG names one: its things are applied at start. */
  readonly file: { readonly name: string; readonly text: string } | undefined
}

/** What `readConfig` reads from. */
export type ConfigSources<Schemas extends Sections> = {
  readonly env: Environment
  readonly cwd: string
  readonly sections: Schemas
  /** Top-level keys of signet.yaml that declare things instead of settings. */
  readonly things: readonly string[]
  /** The shipped config/default.yaml. */
  readonly defaults: { readonly name: string; readonly text: string }
}

/**
 * Reads environment, signet.yaml and defaults: default.yaml ← the file at SIGNET_CONFIG ← `SIGNET_SECTION__KEY`.
 *
 * @throws Failure malformed config/invalid naming every mistake at once, each with its place and remedy
 */
export function readConfig<Schemas extends Sections>(sources: ConfigSources<Schemas>): Config<Schemas> {
  const { env, cwd, sections } = sources
  const problems: Problem[] = []
  const tell = (problem: Problem): void => void problems.push(problem)

  const plumbing = readPlumbing(env, cwd, tell)
  const defaults = readYaml(sources.defaults.text, sources.defaults.name)
  problems.push(...defaults.problems)
  const file = operatorFile(env, cwd, tell)
  const yaml = file === undefined ? undefined : readYaml(file.text, file.name)
  if (yaml !== undefined) {
    problems.push(...yaml.problems)
    problems.push(...unknownTopLevel(yaml, [...Object.keys(sections), ...sources.things]))
  }
  const overrides = readOverrides(env, cwd, sections, tell)

  const settings: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(sections)) {
    const written = yaml?.has([name]) === true ? child(yaml.value, name) : undefined
    let merged: unknown = merge(child(defaults.value, name), written) ?? {}
    for (const override of overrides)
      if (override.path[0] === name) merged = put(merged, override.path.slice(1), override.value)
    const where = (path: Path, key?: 'key'): string => {
      const override = overrides.find((each) => each.path.every((step, index) => step === path[index]))
      if (override !== undefined) return override.name
      // A value that the operator did not write stands in the defaults; what is missing belongs where its section is.
      if (yaml?.has(path) === true) return yaml.where(path, key)
      if (defaults.has(path)) return defaults.where(path, key)
      return yaml?.has([name]) === true ? yaml.where(path, key) : defaults.where(path, key)
    }
    const { value, problems: found } = check(schema, merged, where, [name])
    problems.push(...found)
    settings[name] = value
  }

  if (problems.length > 0) refuseProblems(problems)
  return freeze({ ...plumbing, settings: settings as Settings<Schemas>, file })
}

function operatorFile(
  env: Environment,
  cwd: string,
  tell: (problem: Problem) => void,
): { name: string; text: string } | undefined {
  const name = env['SIGNET_CONFIG'] === '' ? undefined : env['SIGNET_CONFIG']
  if (name === undefined) return undefined
  try {
    return { name, text: readFileSync(resolve(cwd, name), 'utf8') }
  } catch (thrown) {
    tell({
      where: 'SIGNET_CONFIG',
      path: '',
      message: `The file ${name} cannot be read (${codeOf(thrown)}). Write the path of your signet.yaml.`,
    })
    return undefined
  }
}

function unknownTopLevel(yaml: YamlText, known: readonly string[]): readonly Problem[] {
  if (yaml.value === null) return []
  if (typeof yaml.value !== 'object' || Array.isArray(yaml.value))
    return [{ where: yaml.where([]), path: '', message: 'Write a mapping of sections (sts:, users:, …).' }]
  return Object.keys(yaml.value)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      where: yaml.where([key], 'key'),
      path: key,
      message: `There is no such section.${suggestion(key, known)}`,
    }))
}

type Override = { readonly name: string; readonly path: readonly string[]; readonly value: unknown }

/** `SIGNET_STS__MAX_SESSION_SECONDS=3600`; every other SIGNET_ name is refused with the nearest one. */
function readOverrides(
  env: Environment,
  cwd: string,
  sections: Sections,
  tell: (problem: Problem) => void,
): readonly Override[] {
  const known = new Map<string, { path: readonly string[]; schema: z.ZodType }>()
  for (const [section, schema] of Object.entries(sections)) leaves(schema, [section], known)
  const own = new Set([...known.keys(), 'SIGNET_CONFIG', ...commandNames])
  const overrides: Override[] = []
  const seen = new Set<string>()
  for (const raw of Object.keys(env)) {
    if (!raw.startsWith('SIGNET_') || raw === 'SIGNET_CONFIG' || commandNames.includes(raw)) continue
    const name = known.has(raw) ? raw : raw.replace(/_FILE$/, '')
    const leaf = known.get(name)
    if (leaf === undefined) {
      // SIGNET_PORT is a habit of other programs: ours is PORT.
      const bare = raw.slice('SIGNET_'.length)
      const plain = plainNames.find((each) => each === bare || `${each}_FILE` === bare)
      const meant = plain === undefined ? nearest(raw, own) : bare
      tell({
        where: raw,
        path: '',
        message: `There is no such variable.${meant === undefined ? ' The settings are listed in config/default.yaml.' : ` Did you mean ${meant}?`}`,
      })
      continue
    }
    if (seen.has(name)) continue
    seen.add(name)
    const text = variable(env, name, cwd, tell)
    if (text === undefined) continue
    const value = leaf.schema.safeParse(text).success ? text : readScalar(text)
    overrides.push({ name, path: leaf.path, value })
  }
  return overrides
}

/** Variables that the command line's own commands read. */
const commandNames: readonly string[] = ['SIGNET_URL']

function leaves(
  schema: z.ZodType,
  path: readonly string[],
  found: Map<string, { path: readonly string[]; schema: z.ZodType }>,
): void {
  if (path.length > 1) found.set(`SIGNET_${path.join('__').toUpperCase()}`, { path, schema })
  const inner = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? schema.unwrap() : schema
  if (inner instanceof z.ZodObject)
    for (const [key, each] of Object.entries(inner.shape)) leaves(each as z.ZodType, [...path, key], found)
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const child = (value: unknown, key: string): unknown =>
  isPlain(value) && Object.hasOwn(value, key) ? value[key] : undefined

/** Mappings are merged key by key; anything else replaces. */
function merge(under: unknown, over: unknown): unknown {
  if (over === undefined || (over === null && isPlain(under))) return under
  if (!isPlain(under) || !isPlain(over)) return over
  const all = new Set([...Object.keys(under), ...Object.keys(over)])
  return Object.fromEntries([...all].map((key) => [key, merge(child(under, key), child(over, key))]))
}

function put(value: unknown, path: readonly string[], leaf: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return leaf
  return { ...(isPlain(value) ? value : {}), [step]: put(child(value, step), rest, leaf) }
}

/** Frozen all the way down through plain objects and lists. */
function freeze<Value>(value: Value): Value {
  if (Array.isArray(value)) value.forEach(freeze)
  else if (
    typeof value === 'object' &&
    value !== null &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
  )
    Object.values(value).forEach(freeze)
  else return value
  return Object.freeze(value)
}
