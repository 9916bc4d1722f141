/**
 * Patterns: literal text, `*`, `?` and policy variables. A pattern is cut into tokens once, when the policy is read;
 * a variable's value is put in as data afterwards and is therefore never a wildcard and never expanded again.
 *
 * IAM User Guide, reference_policies_elements_resource and reference_policies_variables.
 */

export type Token =
  | string
  | { readonly kind: 'many' }
  | { readonly kind: 'one' }
  | {
      readonly kind: 'variable'
      readonly key: string
      readonly spelling: string
      readonly fallback?: string | undefined
    }

export type Pattern = { readonly text: string; readonly tokens: readonly Token[] }

export type VariableToken = Extract<Token, { kind: 'variable' }>

/** What is wrong inside `${…}`; `at` is the index in the pattern's text. */
export type VariableProblem = {
  readonly code:
    | 'VARIABLE_MISSING_BRACE'
    | 'VARIABLE_MISSING_QUOTE'
    | 'VARIABLE_SPACE'
    | 'VARIABLE_EMPTY'
    | 'VARIABLE_INVALID'
  readonly message: string
  readonly at: number
}

const many: Token = { kind: 'many' }
const one: Token = { kind: 'one' }

/**
 * Cuts a pattern into tokens. `wildcards`: whether `*` and `?` are special here. `variables`: whether `${…}` is (Version
 * 2012-10-17); otherwise it is literal text. Two stars in a row are one.
 */
export function parsePattern(
  text: string,
  options: { readonly wildcards: boolean; readonly variables: boolean },
  canonical: (key: string) => string,
): { readonly pattern: Pattern } | { readonly problem: VariableProblem } {
  const tokens: Token[] = []
  let literal = ''
  // Literal text is taken in runs: built up one by one it would be a chain of as many strings.
  let run = 0
  const flush = (at: number) => {
    literal += text.slice(run, at)
    if (literal) tokens.push(literal)
    literal = ''
  }
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    if (options.variables && code === dollar && text[at + 1] === '{') {
      const found = readVariable(text, at, canonical)
      if ('code' in found) return { problem: found }
      if (typeof found.token === 'string') literal += text.slice(run, at) + found.token
      else {
        flush(at)
        tokens.push(found.token)
      }
      at = found.end
      run = at
      continue
    }
    if (options.wildcards && (code === star || code === questionMark)) {
      flush(at)
      if (code === questionMark) tokens.push(one)
      else if (tokens.at(-1) !== many) tokens.push(many)
      run = at + 1
    }
    at++
  }
  flush(text.length)
  // A list that grew keeps room for more; the copy does not.
  return { pattern: { text, tokens: [...tokens] } }
}

const dollar = 0x24
const star = 0x2a
const questionMark = 0x3f

function readVariable(
  text: string,
  start: number,
  canonical: (key: string) => string,
): { readonly token: Token; readonly end: number } | VariableProblem {
  const close = text.indexOf('}', start)
  if (close < 0)
    return { code: 'VARIABLE_MISSING_BRACE', message: 'The variable has no closing brace', at: start }
  const inside = text.slice(start + 2, close)
  if (inside === '*' || inside === '?' || inside === '$') return { token: inside, end: close + 1 }
  const comma = inside.indexOf(',')
  const name = comma < 0 ? inside : inside.slice(0, comma)
  const problem = nameProblem(name, start)
  if (problem) return problem
  const variable = { kind: 'variable', key: canonical(name), spelling: name } as const
  if (comma < 0) return { token: variable, end: close + 1 }
  const opening = start + 2 + comma + 1
  if (text[opening] !== ' ' || text[opening + 1] !== "'") {
    return {
      code: 'VARIABLE_MISSING_QUOTE',
      message: "A default is written after a comma and one space, in single quotes: ${key, 'value'}",
      at: opening,
    }
  }
  const quote = text.indexOf("'", opening + 2)
  if (quote < 0) {
    return { code: 'VARIABLE_MISSING_QUOTE', message: 'The default has no closing quote', at: opening + 1 }
  }
  if (text[quote + 1] !== '}') {
    return {
      code: 'VARIABLE_MISSING_BRACE',
      message: 'The default is followed by the closing brace',
      at: quote + 1,
    }
  }
  return { token: { ...variable, fallback: text.slice(opening + 2, quote) }, end: quote + 2 }
}

function nameProblem(name: string, at: number): VariableProblem | undefined {
  if (name.trim() === '') return { code: 'VARIABLE_EMPTY', message: 'The variable has no name', at }
  if (/\s/.test(name)) return { code: 'VARIABLE_SPACE', message: 'The name of a variable has no space', at }
  if (name.includes('{')) {
    return { code: 'VARIABLE_MISSING_BRACE', message: 'The variable has no closing brace', at }
  }
  if (!isKeyName(name)) {
    return { code: 'VARIABLE_INVALID', message: `"${name}" is not a condition key (prefix:name)`, at }
  }
  return undefined
}

/** `prefix:name`, also `cognito-identity.amazonaws.com:aud` and `aws:PrincipalTag/cost center`. */
export function isKeyName(name: string): boolean {
  const colon = name.indexOf(':')
  return colon > 0 && colon < name.length - 1 && /^[A-Za-z0-9._/-]+$/.test(name.slice(0, colon))
}

/** Whether every text, without exception, matches. */
export const matchesEverything = (pattern: Pattern): boolean =>
  pattern.tokens.length === 1 && pattern.tokens[0] === many

/** The literal text, where the pattern has neither wildcard nor variable. */
export function literalOf(pattern: Pattern): string | undefined {
  if (pattern.tokens.length === 0) return ''
  const [only] = pattern.tokens
  return pattern.tokens.length === 1 && typeof only === 'string' ? only : undefined
}

/** The variables of a pattern, in order. */
export const variablesOf = (pattern: Pattern): readonly VariableToken[] =>
  pattern.tokens.filter(
    (token): token is VariableToken => typeof token !== 'string' && token.kind === 'variable',
  )

/** Cuts a pattern at its first literal colons into at most `most` fields; the last keeps the rest. */
export function splitFields(pattern: Pattern, most: number): Pattern[] {
  const fields: Token[][] = [[]]
  for (const token of pattern.tokens) {
    if (typeof token !== 'string') {
      fields.at(-1)?.push(token)
      continue
    }
    let rest = token
    for (let colon = rest.indexOf(':'); colon >= 0 && fields.length < most; colon = rest.indexOf(':')) {
      if (colon > 0) fields.at(-1)?.push(rest.slice(0, colon))
      fields.push([])
      rest = rest.slice(colon + 1)
    }
    if (rest) fields.at(-1)?.push(rest)
  }
  return fields.map((tokens) => ({ text: tokens.map(tokenText).join(''), tokens }))
}

/** A token as it would be written, for people. */
function tokenText(token: Token): string {
  if (typeof token === 'string') return token
  if (token.kind === 'many') return '*'
  if (token.kind === 'one') return '?'
  return token.fallback === undefined ? `\${${token.spelling}}` : `\${${token.spelling}, '${token.fallback}'}`
}

/**
 * A piece between two stars that holds `?` is searched in piece × text / 32 steps; with this many units the worst that can be
 * made of 2 KB of text stays within 50 µs.
 */
export const longestPieceWithOne = 128

/** Whether some piece with `?` is longer than that. */
export function isTooComplex(pattern: Pattern): boolean {
  let length = 0
  let wild = false
  for (const token of pattern.tokens) {
    if (typeof token === 'string') length += token.length
    else if (token.kind === 'many') {
      length = 0
      wild = false
    } else {
      length++
      wild ||= token.kind === 'one'
    }
    if (wild && length > longestPieceWithOne) return true
  }
  return false
}

/** The literal text of a pattern that is such a text and a star; undefined for any other. */
export function wholePrefix({ tokens }: Pattern): string | undefined {
  const [prefix, star] = tokens
  return tokens.length === 2 && typeof prefix === 'string' && typeof star === 'object' && star.kind === 'many'
    ? prefix
    : undefined
}
