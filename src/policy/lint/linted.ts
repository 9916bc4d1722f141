import type { Policy, Statement } from '../ast.ts'
import type { KeyEntry } from '../catalogue.ts'
import type { CheckCode } from '../checks.ts'
import type { Fix, Report, Span } from '../findings.ts'
import { memberPath, type JsonObject, type JsonValue } from '../json.ts'
import type { Pattern } from '../pattern.ts'

/** What the validator knows beyond the language: what applications have registered. */
export type Catalogue = {
  /** Actions by service prefix, in lower case, such as `orders` → {`getorder`}. An empty set: any action of that prefix. */
  readonly actions?: ReadonlyMap<string, ReadonlySet<string>> | undefined
  /** Keys of applications by canonical name. */
  readonly keys?: ReadonlyMap<string, KeyEntry> | undefined
  /** Prefixes whose keys are all listed. */
  readonly closedPrefixes?: ReadonlySet<string> | undefined
  /** The account the document is written for, to tell its own principals from foreign ones. */
  readonly accountId?: string | undefined
  /** The partition of this deployment's own ARNs. */
  readonly partition?: string | undefined
}

/** A statement beside the JSON that it was read from. */
export type LintedStatement = {
  readonly policy: Policy
  readonly statement: Statement
  readonly catalogue: Catalogue
  readonly node: JsonObject
  readonly path: string
  /** Adds a finding at an element of the statement, or at one entry of its list. */
  add(
    code: CheckCode,
    message: string,
    element: string,
    index?: number,
    fix?: Omit<Fix, 'start' | 'end'>,
  ): void
  /** Adds a finding at a condition, or at one of its values. */
  addAt(code: CheckCode, message: string, operator: string, key: string, index?: number, text?: string): void
}

/** The statement with ways to point into its text. */
export function lintedStatement(
  report: Report,
  policy: Policy,
  statement: Statement,
  catalogue: Catalogue,
  node: JsonObject,
  path: string,
): LintedStatement {
  const find = (object: JsonValue | undefined, name: string) =>
    object?.kind === 'object' ? object.members.find((each) => each.name === name)?.value : undefined
  const item = (value: JsonValue | undefined, at: string, index: number | undefined): [Span, string] => {
    if (value?.kind === 'array' && index !== undefined)
      return [value.items[index] ?? value, `${at}[${index}]`]
    return [value ?? node, value ? at : path]
  }
  return {
    policy,
    statement,
    catalogue,
    node,
    path,
    add(code, message, element, index, fix) {
      const [span, at] = item(find(node, element), memberPath(path, element), index)
      report.add(code, span, at, message, fix && { ...fix, start: span.start, end: span.end })
    },
    addAt(code, message, operator, key, index, text) {
      const block = find(find(node, 'Condition'), operator)
      const at = memberPath(memberPath(`${path}.Condition`, operator), key)
      const [span, place] = item(find(block, key), at, index)
      const fix = text === undefined ? undefined : { title: `Write ${text}`, text: JSON.stringify(text) }
      report.add(code, span, place, message, fix && { ...fix, start: span.start, end: span.end })
    },
  }
}

/** The name under which the actions or resources of a statement were written. */
export const elementName = (list: { readonly not: boolean }, name: string): string =>
  list.not ? `Not${name}` : name

/** Whether a pattern is `*` alone. */
export const isEverything = (pattern: Pattern): boolean => /^\*+$/.test(pattern.text)
