import type { Shape } from './model.ts'

type StringShape = Extract<Shape, { type: 'string' }>

/** What a value breaks, in the words AWS's validation uses; empty when it breaks nothing. */
export function brokenByText(shape: StringShape, value: string): readonly string[] {
  const { max, pattern } = shape
  return [
    ...brokenBySize(shape, value.length),
    // A value that is too long is refused already; the pattern never runs over more than the model allows.
    ...(pattern === undefined || (max !== undefined && value.length > max) || compiled(pattern).test(value)
      ? []
      : [`Member must satisfy regular expression pattern: ${pattern}`]),
    ...(shape.enum === undefined || shape.enum.includes(value)
      ? []
      : [`Member must satisfy enum value set: [${shape.enum.join(', ')}]`]),
  ]
}

/** The same for the length of a text or list. */
export const brokenBySize = (
  { min, max }: { min?: number; max?: number },
  size: number,
): readonly string[] => [
  ...(max !== undefined && size > max ? [`Member must have length less than or equal to ${max}`] : []),
  ...(min !== undefined && size < min ? [`Member must have length greater than or equal to ${min}`] : []),
]

/** The same for a number. */
export const brokenByNumber = (
  { min, max }: { min?: number; max?: number },
  value: number,
): readonly string[] => [
  ...(max !== undefined && value > max ? [`Member must have value less than or equal to ${max}`] : []),
  ...(min !== undefined && value < min ? [`Member must have value greater than or equal to ${min}`] : []),
]

const patterns = new Map<string, RegExp>()

/**
 * A pattern of the model as JavaScript reads it: anchored, Unicode, Java's `\u10000` as one code point, no
 * needless escapes. The
 * patterns come from our own tables, so there is a fixed number of them.
 */
export function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  const javaScript = pattern.replaceAll(/\\u(10000|10FFFF)/g, '\\u{$1}').replaceAll('\\:', ':')
  const made = new RegExp(`^(?:${javaScript})$`, 'u')
  patterns.set(pattern, made)
  return made
}
