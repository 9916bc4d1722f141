import { iam, type ServiceModel, type Shape } from '#aws-wire'
import { compiled } from '#src/aws-wire/constraints.ts'

const model: ServiceModel = iam

/** Parameters of a request, without Action and Version. */
export type Parameters = readonly (readonly [name: string, value: string])[]

/** A request that breaks one constraint, and the sentence that must name it. */
export type Violation = {
  readonly title: string
  readonly parameters: Parameters
  readonly sentence: string
}

const shapeOf = (name: string): Shape => model.shapes[name] ?? { type: 'string' }

/** What fits most patterns of the model, the plainest first. */
const plain = (size: number): readonly string[] => [
  'a'.repeat(size),
  '1'.repeat(size),
  'A'.repeat(size),
  '/',
  'v1',
  `/${'a'.repeat(Math.max(size - 2, 1))}/`,
  'http://a.example/aaa',
  `o-${'a'.repeat(10)}`,
  `o-${'a'.repeat(10)}/r-${'a'.repeat(4)}`,
  `p-${'a'.repeat(8)}`,
  '111122223333',
]

/** A value that breaks nothing. */
export function validText(shape: Extract<Shape, { type: 'string' }>): string {
  if (shape.enum !== undefined) return shape.enum[0] ?? ''
  const { min = 0, max = 1_000_000_000, pattern } = shape
  const found = plain(Math.max(min, 1)).find(
    (text) =>
      text.length >= min && text.length <= max && (pattern === undefined || compiled(pattern).test(text)),
  )
  if (found === undefined) throw new Error(`no valid value for ${JSON.stringify(shape)}`)
  return found
}

/** The parameters of a value that breaks nothing, with required members alone. */
function valid(name: string, path: string): Parameters {
  const shape = shapeOf(name)
  switch (shape.type) {
    case 'structure': {
      const required = (shape.required ?? []).flatMap((member) =>
        valid(shape.members[member] ?? '', path === '' ? member : `${path}.${member}`),
      )
      return path === '' ? required : present(required, path)
    }
    case 'list':
      return valid(shape.member, `${path}.member.1`)
    case 'map':
      return [...valid(shape.key, `${path}.entry.1.key`), ...valid(shape.value, `${path}.entry.1.value`)]
    case 'string':
      return [[path, validText(shape)]]
    case 'integer':
      return [[path, String(shape.min ?? 1)]]
    case 'boolean':
      return [[path, 'true']]
    case 'timestamp':
      return [[path, '2026-11-22T10:00:00Z']]
    case 'blob':
      return [[path, 'AAAA']]
    default:
      return shape satisfies never
  }
}

/** A structure without members leaves no trace on this wire; one that nobody knows makes it be there. */
const present = (parameters: Parameters, path: string): Parameters =>
  parameters.some(([name]) => name.startsWith(`${path}.`))
    ? parameters
    : [...parameters, [`${path}.Unknown`, 'x']]

/** The smallest request that the model allows. */
export const minimal = (operation: string): Parameters => {
  const { input } = model.operations[operation] ?? {}
  return input === undefined ? [] : valid(input, '')
}

/** One request for every constraint of an operation's input, each breaking that one. */
export function violationsOf(operation: string): readonly Violation[] {
  const { input } = model.operations[operation] ?? {}
  if (input === undefined) return []
  return inStructure(input, minimal(operation), '', '')
}

/** `base` with everything at or below a path replaced. */
const replaced = (base: Parameters, path: string, by: Parameters): Parameters => [
  ...base.filter(([name]) => name !== path && !name.startsWith(`${path}.`)),
  ...by,
]

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

function inStructure(name: string, base: Parameters, path: string, told: string): readonly Violation[] {
  const shape = shapeOf(name)
  if (shape.type !== 'structure') return []
  return Object.entries(shape.members).flatMap(([member, of]) => {
    const at = path === '' ? member : `${path}.${member}`
    const toldAt = told === '' ? lower(member) : `${told}.${lower(member)}`
    const missing =
      shape.required?.includes(member) === true
        ? [
            {
              title: `${toldAt} is missing`,
              parameters: path === '' ? replaced(base, at, []) : present(replaced(base, at, []), path),
              sentence: `Value null at '${toldAt}' failed to satisfy constraint: Member must not be null`,
            },
          ]
        : []
    return [...missing, ...inValue(of, replaced(base, at, valid(of, at)), at, toldAt)]
  })
}

function inValue(name: string, base: Parameters, path: string, told: string): readonly Violation[] {
  const shape = shapeOf(name)
  const broken = (title: string, by: Parameters, constraint: string): Violation => ({
    title: `${told}: ${title}`,
    parameters: replaced(base, path, by),
    sentence: `at '${told}' failed to satisfy constraint: ${constraint}`,
  })
  const text = (title: string, value: string, constraint: string): Violation =>
    broken(title, [[path, value]], constraint)
  switch (shape.type) {
    case 'structure':
      return inStructure(name, base, path, told)
    case 'list': {
      const { max, min } = shape
      const element = (index: number): Parameters => valid(shape.member, `${path}.member.${index}`)
      return [
        ...(max === undefined
          ? []
          : [
              broken(
                'too many',
                Array.from({ length: max + 1 }, (_, index) => element(index + 1)).flat(),
                `Member must have length less than or equal to ${max}`,
              ),
            ]),
        ...(min === undefined || min === 0
          ? []
          : [broken('too few', [[path, '']], `Member must have length greater than or equal to ${min}`)]),
        ...inValue(shape.member, base, `${path}.member.1`, `${told}.1.member`),
      ]
    }
    case 'map':
      return [
        ...(shape.max === undefined
          ? []
          : [
              broken(
                'too many',
                Array.from({ length: shape.max + 1 }, (_, index) => [
                  ...valid(shape.key, `${path}.entry.${index + 1}.key`),
                  ...valid(shape.value, `${path}.entry.${index + 1}.value`),
                ]).flat(),
                `Member must have length less than or equal to ${shape.max}`,
              ),
            ]),
        ...inValue(shape.key, base, `${path}.entry.1.key`, `${told}.key`),
        ...inValue(shape.value, base, `${path}.entry.1.value`, `${told}.value`),
      ]
    case 'string': {
      const { min, max, pattern } = shape
      return [
        ...(shape.enum === undefined
          ? []
          : [
              text(
                'not one of the words',
                'no-such-word',
                `Member must satisfy enum value set: [${shape.enum.join(', ')}]`,
              ),
            ]),
        ...(max === undefined
          ? []
          : [text('too long', 'a'.repeat(max + 1), `Member must have length less than or equal to ${max}`)]),
        ...(min === undefined || min === 0
          ? []
          : [
              text(
                'too short',
                'a'.repeat(min - 1),
                `Member must have length greater than or equal to ${min}`,
              ),
            ]),
        ...(pattern === undefined
          ? []
          : [
              text(
                'another alphabet',
                misfit(shape, pattern),
                `Member must satisfy regular expression pattern: ${pattern}`,
              ),
            ]),
      ]
    }
    case 'integer':
      return [
        text('no number', 'many', 'Member must be an integer'),
        ...(shape.max === undefined
          ? []
          : [
              text(
                'too large',
                String(shape.max + 1),
                `Member must have value less than or equal to ${shape.max}`,
              ),
            ]),
        ...(shape.min === undefined
          ? []
          : [
              text(
                'too small',
                String(shape.min - 1),
                `Member must have value greater than or equal to ${shape.min}`,
              ),
            ]),
      ]
    case 'boolean':
      return [text('neither', 'yes', 'Member must satisfy enum value set: [true, false]')]
    case 'timestamp':
      return [text('no time', 'yesterday', 'Member must be a timestamp')]
    case 'blob':
      return [text('no base64', '*', 'Member must be base64')]
    default:
      return shape satisfies never
  }
}

/** A text of an allowed length that the pattern refuses. */
function misfit({ min = 1, max = 1_000 }: Extract<Shape, { type: 'string' }>, pattern: string): string {
  const size = Math.min(Math.max(min, 1), max)
  const found = ['€', ' ', '!', '#', '\u0007', 'é'].find((sign) => !compiled(pattern).test(sign.repeat(size)))
  if (found === undefined) throw new Error(`nothing that ${pattern} refuses`)
  return found.repeat(size)
}
