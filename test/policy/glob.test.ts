import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalKey } from '#policy'
import { fill, globMatches } from '#src/policy/glob.ts'
import { fixedTest, piecesMatch, piecesOf } from '#src/policy/engine/glob.ts'
import { parsePattern, type Pattern } from '#src/policy/pattern.ts'

function pattern(text: string): Pattern {
  const read = parsePattern(text, { wildcards: true, variables: true }, canonicalKey)
  if (!('pattern' in read)) throw new Error(read.problem.message)
  return read.pattern
}

/** The definition, for short texts: a star is any run, a question mark any one unit. */
function byDefinition(glob: string, text: string): boolean {
  if (glob === '') return text === ''
  if (glob[0] === '*')
    return byDefinition(glob.slice(1), text) || (text !== '' && byDefinition(glob, text.slice(1)))
  return text !== '' && (glob[0] === '?' || glob[0] === text[0]) && byDefinition(glob.slice(1), text.slice(1))
}

const textOf = (letters: readonly string[], most: number) =>
  fc.array(fc.constantFrom(...letters), { maxLength: most }).map((parts) => parts.join(''))

describe('both globs', () => {
  it('match what the definition matches', () => {
    fc.assert(
      fc.property(textOf(['a', 'b', '*', '?'], 7), textOf(['a', 'b', '*'], 9), (glob, text) => {
        const expected = byDefinition(glob, text)
        expect(globMatches(fill(pattern(glob), () => undefined) ?? [], text)).toBe(expected)
        expect(fixedTest(pattern(glob))(text)).toBe(expected)
      }),
      { numRuns: 5000 },
    )
  })

  it('find by order what begins with a text, also beside the last unit there is', () => {
    const units = ['a', 'b', '\u0000', '\ufffe', '\uffff', 'é', '\ud83d', '\ude00']
    fc.assert(
      fc.property(textOf(units, 4), textOf(units, 6), fc.boolean(), (start, rest, joined) => {
        fc.pre(start !== '')
        const text = joined ? start + rest : rest
        expect(fixedTest(pattern(`${start}*`))(text)).toBe(text.startsWith(start))
      }),
      { numRuns: 5000 },
    )
  })

  /** Long texts in which much of a piece stands in many places, and pieces that fail late. */
  const repeated = (letters: readonly string[]) =>
    fc
      .tuple(textOf(letters, 40), fc.integer({ min: 1, max: 60 }), textOf(letters, 6))
      .map(([unit, times, rest]) => (unit.repeat(times) + rest).slice(0, 1200))

  it('agree where long pieces with question marks are searched 128 places at once', () => {
    fc.assert(
      fc.property(
        repeated(['a', 'b', 'ab', '?', 'あ']),
        repeated(['a', 'b', '?']),
        repeated(['ab', 'a', 'aaaa', 'あ']),
        (first, second, text) => {
          const made = pattern(`*${first}*${second}*`)
          const pieces = piecesOf(made.tokens, () => undefined)
          expect(pieces && piecesMatch(pieces, text)).toBe(
            globMatches(fill(made, () => undefined) ?? [], text),
          )
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('agree where the piece is cut from the text and spoilt in one place', () => {
    const cut = fc.record({
      text: repeated(['ab', 'a', 'b', 'aab']),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.integer({ min: 1, max: 600 }),
      spoilt: fc.double({ min: 0, max: 1, noNaN: true }),
      by: fc.constantFrom('', 'a', 'b', 'c', '?'),
      wild: fc.boolean(),
    })
    fc.assert(
      fc.property(cut, ({ text, from, length, spoilt, by, wild }) => {
        const start = Math.floor(from * text.length)
        const piece = text.slice(start, start + length).split('')
        if (by) piece.splice(Math.floor(spoilt * piece.length), 1, by)
        const made = pattern(`*${piece.join('')}${wild ? '?' : ''}*`)
        expect(fixedTest(made)(text)).toBe(globMatches(fill(made, () => undefined) ?? [], text))
      }),
      { numRuns: 1500 },
    )
  })

  it('take the value of a variable as data', () => {
    fc.assert(
      fc.property(
        textOf(['a', '*', '?', '${', '}'], 4),
        textOf(['a', '*', '?', '${', '}'], 6),
        (value, text) => {
          const made = pattern('a*${aws:username}')
          const glob = fill(made, () => value)
          const pieces = piecesOf(made.tokens, () => value)
          const expected = text.startsWith('a') && text.length > value.length && text.endsWith(value)
          expect(glob && globMatches(glob, text)).toBe(expected)
          expect(pieces && piecesMatch(pieces, text)).toBe(expected)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
