import { dirname, resolve } from 'node:path'
import { type Path, type Problem, readYaml, type YamlText } from '#config'
import { Secret } from '#kernel'
import { type DocumentType, type Finding, validatePolicy } from '#policy'

/** What a declaration is read from. */
export type DeclareRequest = {
  readonly text: string
  /** As the user named it: places in it are told as `NAME:line:column`, and files it names lie beside it. */
  readonly fileName: string
  /** An environment variable. */
  env(name: string): string | undefined
  /** The content of a file. @throws when it cannot be read */
  readFile(path: string): string
}

/** A declaration being read: its YAML, the problems found so far, and how its values become what they stand for. */
export type Source = {
  readonly yaml: YamlText
  readonly problems: Problem[]
  readonly notes: Problem[]
  /** Tells a problem at a path. */
  tell(path: Path, message: string, key?: 'key'): void
  /** `${NAME}` in texts, filled in from the environment; secrets and policies are left alone. */
  expand(value: unknown, path: Path): unknown
  /** The secret that `key: ${NAME}` or `key_file: PATH` gives; undefined when neither is there, or a problem was told. */
  secret(owner: Readonly<Record<string, unknown>>, path: Path, key: string): Secret | undefined
  /** The content of a file that a value names. */
  file(name: string, path: Path): string | undefined
  /** The JSON text of a policy written as a mapping, as JSON, or in a file, once it has no error. */
  policy(value: unknown, path: Path, type: DocumentType): string | undefined
}

/** Keys whose values are not expanded: policies have variables of their own, and secrets are read by `secret`. */
const opaque = new Set(['document', 'trust', 'inline_policies', 'policy', 'password', 'secret', 'totp_seed'])

/** Opens a declaration's text. */
export function openSource(request: DeclareRequest): Source {
  const yaml = readYaml(request.text, request.fileName)
  const problems: Problem[] = [...yaml.problems]
  const notes: Problem[] = []
  const named = (path: Path): string => path.map(String).join('.')
  const tell: Source['tell'] = (path, message, key) =>
    void problems.push({ where: yaml.where(path, key), path: named(path), message })

  const variable = (name: string, path: Path): string | undefined => {
    const value = request.env(name)
    if (value === undefined || value === '') {
      tell(path, `The environment variable ${name} is not set. Set it, or write the value in another way.`)
      return undefined
    }
    return value
  }

  const expand: Source['expand'] = (value, path) => {
    if (typeof value === 'string')
      return value.replaceAll(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (_, name: string) => variable(name, path) ?? '')
    if (Array.isArray(value)) return value.map((each, index) => expand(each, [...path, index]))
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => [
          key,
          opaque.has(key) ? (each as unknown) : expand(each, [...path, key]),
        ]),
      )
    return value
  }

  const locate = (name: string): string => resolve(dirname(request.fileName), name)
  const file: Source['file'] = (name, path) => {
    try {
      return request.readFile(locate(name))
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
      tell(
        path,
        `The file ${name} cannot be read (${code}). Write a path beside ${request.fileName}, or a full one.`,
      )
      return undefined
    }
  }

  return {
    yaml,
    problems,
    notes,
    tell,
    expand,
    file,
    secret(owner, path, key) {
      const written = owner[key]
      const named = owner[`${key}_file`]
      if (typeof written === 'string' && typeof named === 'string') {
        tell([...path, `${key}_file`], `Both ${key} and ${key}_file stand here. Keep one of the two.`, 'key')
        return undefined
      }
      const value =
        typeof written === 'string'
          ? variable(written.slice(2, -1), [...path, key])
          : typeof named === 'string'
            ? file(named, [...path, `${key}_file`])?.replace(/\r?\n$/, '')
            : undefined
      if (value === '') tell([...path, `${key}_file`], 'This file is empty. Write the secret into it.')
      return value === undefined || value === '' ? undefined : new Secret(value)
    },
    policy(value, path, type) {
      const isFile = typeof value === 'string' && !value.trimStart().startsWith('{')
      const text = isFile
        ? file(value, path)
        : typeof value === 'string'
          ? value
          : JSON.stringify(value, null, 2)
      if (text === undefined) return undefined
      const { policy, findings } = validatePolicy(text, type)
      const where = (finding: Finding): string =>
        isFile
          ? `${value}:${finding.line}:${finding.column}`
          : typeof value === 'string'
            ? yaml.whereInside(path, finding.line, finding.column)
            : yaml.where([...path, ...steps(finding.path)])
      for (const finding of findings) {
        const problem = {
          where: where(finding),
          path: `${named(path)} ${finding.path}`,
          message: `${finding.message.replace(/\.$/, '')}.${finding.fix === undefined ? '' : ` ${finding.fix.title}.`}`,
        }
        if (finding.severity === 'error') problems.push(problem)
        else if (finding.severity !== 'suggestion') notes.push(problem)
      }
      return policy === undefined ? undefined : text
    },
  }
}

/** The steps of a finding's JSON path: `$.Statement[0].Condition["aws:x"]`. */
function steps(path: string): Path {
  const found: (string | number)[] = []
  for (const [, word, index, quoted] of path.matchAll(/\.(\w+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g))
    found.push(word ?? (index === undefined ? (JSON.parse(quoted ?? '""') as string) : Number(index)))
  return found
}
