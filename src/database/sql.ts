/** A statement: its text with `$1 …` placeholders, and the values for them. Text never comes from values. */
export type Sql = {
  readonly chunks: readonly string[]
  readonly values: readonly unknown[]
  /** Whether it was set `aside`. */
  readonly aside?: true
}

const isSql = (part: unknown): part is Sql =>
  typeof part === 'object' && part !== null && 'chunks' in part && 'values' in part

/**
 * SQL as it is written, with values bound: `` sql`select name from users where user_id = ${id}` ``. Another `sql`
 * fragment nests; anything else becomes a parameter.
 */
export function sql(strings: TemplateStringsArray, ...parts: readonly unknown[]): Sql {
  const chunks: string[] = [strings[0] ?? '']
  const values: unknown[] = []
  const append = (text: string) => {
    chunks[chunks.length - 1] += text
  }
  for (const [index, part] of parts.entries()) {
    if (isSql(part)) {
      append(part.chunks[0] ?? '')
      for (const [at, value] of part.values.entries()) {
        values.push(value)
        chunks.push(part.chunks[at + 1] ?? '')
      }
      append(strings[index + 1] ?? '')
    } else {
      values.push(part)
      chunks.push(strings[index + 1] ?? '')
    }
  }
  return { chunks, values }
}

/** Fragments with a separator between them: the rows of a multi-row insert, the terms of a condition. */
export function join(parts: readonly Sql[], separator: ',' | 'and' | 'or' = ','): Sql {
  const [first, ...rest] = parts
  if (first === undefined) return { chunks: [''], values: [] }
  const between: Sql = { chunks: [` ${separator} `], values: [] }
  return rest.reduce((all, part) => sql`${all}${between}${part}`, first)
}

/**
 * A write that nothing remembered rests on, such as a line of a log: nobody looks again because of it
 * (`Database.writes`), and on PostgreSQL it has a connection of its own, so that no read waits behind its commit.
 */
export const aside = (statement: Sql): Sql => ({ ...statement, aside: true })

/** The statement's text, placeholders numbered from 1. */
export function textOf(statement: Sql): string {
  let text = statement.chunks[0] ?? ''
  for (let index = 1; index < statement.chunks.length; index++) text += `$${index}${statement.chunks[index]}`
  return text
}
