import { isUtf8 } from 'node:buffer'
import { refuse } from '#kernel'

/** The parameters of one call as a tree: `Tags.member.1.Key=a` is Tags → member → 1 → Key. */
export type ParameterNode = {
  /** What stands at this very name; more than one where the caller repeated it. */
  readonly values: readonly string[]
  readonly children: ReadonlyMap<string, ParameterNode>
}

type Growing = { values: string[]; children: Map<string, Growing> }

const maxParameters = 10_000
const maxDepth = 12

const malformed = (message: string): never => refuse('malformed', 'aws-wire/malformed-query', message)

/**
 * Reads `application/x-www-form-urlencoded` text: the body of a POST or the query of a GET.
 *
 * @throws Failure malformed `aws-wire/malformed-query` for broken encoding, a NUL, too many or too deep names
 */
export function readParameters(text: string): ParameterNode {
  const root: Growing = { values: [], children: new Map() }
  const parts = text.split('&').filter((part) => part !== '')
  if (parts.length > maxParameters) malformed('The request has too many parameters.')
  for (const part of parts) {
    const mark = part.indexOf('=')
    const steps = decode(mark === -1 ? part : part.slice(0, mark)).split('.')
    if (steps.length > maxDepth) malformed('A parameter name is nested too deeply.')
    let node = root
    for (const step of steps) {
      const next: Growing = node.children.get(step) ?? { values: [], children: new Map() }
      node.children.set(step, next)
      node = next
    }
    node.values.push(mark === -1 ? '' : decode(part.slice(mark + 1)))
  }
  return root
}

/** The same from bytes that must be UTF-8. */
export const readParameterBytes = (body: Uint8Array): ParameterNode =>
  isUtf8(body)
    ? readParameters(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
    : malformed('The request body is not UTF-8.')

/** What decoding changes or refuses. */
// oxlint-disable-next-line no-control-regex -- a NUL is refused
const escaped = /[+%\u0000]/

function decode(text: string): string {
  if (!escaped.test(text)) return text
  const decoded = decodePercent(text.replaceAll('+', ' '))
  if (decoded.includes('\0')) malformed('The request contains a NUL character.')
  return decoded
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return malformed('The request is not percent-encoded UTF-8.')
  }
}

/**
 * The one value of a parameter; undefined where it is absent.
 *
 * @throws Failure malformed `aws-wire/malformed-query` where it is given twice: who signed which one is a guess
 */
export function scalarOf(node: ParameterNode | undefined, name: string): string | undefined {
  if (node === undefined) return undefined
  if (node.values.length > 1) malformed(`The parameter ${name} is given more than once.`)
  return node.values[0]
}

/** The values of a list by ascending index; gaps are allowed, `01` and other spellings of an index are not. */
export function elementsOf(node: ParameterNode, name: string): readonly ParameterNode[] {
  const indexed = [...node.children].map(([index, child]) => {
    if (!/^[1-9]\d{0,8}$/.test(index)) malformed(`${name} has an element without a number.`)
    return [Number(index), child] as const
  })
  return indexed.toSorted(([a], [b]) => a - b).map(([, child]) => child)
}
