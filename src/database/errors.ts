const field = (thrown: unknown, name: string): string | undefined => {
  if (typeof thrown !== 'object' || thrown === null || !(name in thrown)) return undefined
  const value: unknown = Reflect.get(thrown, name)
  return typeof value === 'string' ? value : undefined
}

/** The constraint that a statement would have broken by a duplicate (SQLSTATE 23505); undefined for any other error. */
export const violatedUnique = (thrown: unknown): string | undefined =>
  field(thrown, 'code') === '23505' ? (field(thrown, 'constraint') ?? 'unknown') : undefined

/** The foreign key that a statement would have broken (SQLSTATE 23503); undefined for any other error. */
export const violatedForeignKey = (thrown: unknown): string | undefined =>
  field(thrown, 'code') === '23503' ? (field(thrown, 'constraint') ?? 'unknown') : undefined

/** Whether the database is away (refused, reset, shutting down, starting): the caller may try again. */
export function isAway(thrown: unknown): boolean {
  const code = field(thrown, 'code') ?? ''
  if (/^(08...|57P0[1-3]|25006|53300|ECONN.*|ETIMEDOUT|ENOTFOUND|EPIPE|EAI_AGAIN|ENOENT)$/.test(code))
    return true
  return (
    thrown instanceof Error &&
    /Connection terminated|timeout exceeded when trying to connect/.test(thrown.message)
  )
}

/** Whether a statement was ended because two transactions waited for each other (SQLSTATE 40P01), or saw each other's changes. */
export const isDeadlock = (thrown: unknown): boolean => /^40(?:P01|001)$/.test(field(thrown, 'code') ?? '')
