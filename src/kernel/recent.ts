/** Values by name, of which the ones that were used longest ago are forgotten. */
export type Recent<Value> = {
  get(name: string): Value | undefined
  set(name: string, value: Value): void
}

/**
 * Remembers the `most` values that were used last, and at most twice as many. Looking one up costs a look into a map or
 * two; an exact order would cost a removal and an insertion each time.
 */
export function recent<Value>(most: number): Recent<Value> {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  const set = (name: string, value: Value) => {
    if (young.size >= most && !young.has(name)) {
      old = young
      young = new Map()
    }
    young.set(name, value)
  }
  return {
    get(name) {
      const known = young.get(name)
      if (known !== undefined) return known
      const older = old.get(name)
      if (older === undefined) return undefined
      old.delete(name)
      set(name, older)
      return older
    },
    set,
  }
}
