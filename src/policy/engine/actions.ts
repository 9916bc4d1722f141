import { foldAscii } from '../ast.ts'

/** An action that somebody asked about, folded once. The same action, in whatever case, is the same object. */
export type Action = {
  /** In lower case. */
  readonly folded: string
  /** What stands before the colon. */
  readonly service: string
  /** Any authenticated caller may do this, whatever denies it (STS GetCallerIdentity). */
  readonly isAlways: boolean
  /** From 0; -1 for one that is not kept. */
  readonly number: number
}

/** Callers choose the names, so the memory must have an end: in number and in length. */
const mostActions = 4096
const longestAction = 256

const known = new Map<string, Action>()
let count = 0

/** The action of that name. */
export const actionOf = (name: string): Action => known.get(name) ?? learn(name)

function learn(name: string): Action {
  const folded = foldAscii(name)
  const kept = folded.length <= longestAction
  if (known.size >= mostActions) known.clear()
  const action = known.get(folded) ?? make(folded, kept ? count++ : -1)
  if (kept) known.set(folded, action).set(name, action)
  return action
}

function make(folded: string, number: number): Action {
  const colon = folded.indexOf(':')
  const service = colon < 0 ? '' : folded.slice(0, colon)
  return { folded, service, isAlways: folded === 'sts:getcalleridentity', number }
}
