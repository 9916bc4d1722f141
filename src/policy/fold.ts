import { foldAscii } from './ast.ts'

const known = new Map<string, string>()

/** As foldAscii; remembers, since the same few actions are asked again and again. The memory is bounded. */
export function foldedAction(action: string): string {
  let folded = known.get(action)
  if (folded === undefined) {
    folded = foldAscii(action)
    if (known.size >= 4096) known.clear()
    known.set(action, folded)
  }
  return folded
}
