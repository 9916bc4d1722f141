import { refuse } from '#kernel'

import { brokenByNumber, brokenBySize, brokenByText } from './constraints.ts'
import { shapeNamed, type InputOf, type OperationName, type ServiceModel, type Shape } from './model.ts'
import { elementsOf, scalarOf, type ParameterNode } from './parameters.ts'

/**
 * What the caller passed to an operation, read and held against every constraint of the model. Parameters that the
 * model does not know are ignored: newer clients send newer ones.
 *
 * @throws Failure malformed `aws-wire/validation` with all violations in one message
 * @throws Failure malformed `aws-wire/malformed-query` for a scalar given twice
 */
export function readInput<Model extends ServiceModel, Name extends OperationName<Model>>(
  model: Model,
  operation: Name,
  parameters: ParameterNode,
): InputOf<Model, Name> {
  const input = model.operations[operation]?.input
  const violations: string[] = []
  const value = input === undefined ? {} : readValue({ model, violations }, input, parameters, '')
  const [first, ...more] = violations
  if (first !== undefined) {
    const count = more.length === 0 ? '1 validation error' : `${violations.length} validation errors`
    refuse('malformed', 'aws-wire/validation', `${count} detected: ${violations.join('; ')}`)
  }
  // The one place where the table's types meet what was read by the same table.
  return value as InputOf<Model, Name>
}

type Reading = { readonly model: ServiceModel; readonly violations: string[] }

/** Undefined where the value is absent or unreadable; the latter leaves a violation behind. */
function readValue(reading: Reading, shapeName: string, node: ParameterNode, path: string): unknown {
  const shape = shapeNamed(reading.model, shapeName)
  if (shape.type === 'structure') return readStructure(reading, shape, node, path)
  if (shape.type === 'list') return readList(reading, shape, node, path)
  if (shape.type === 'map') return readMap(reading, shape, node, path)
  const text = scalarOf(node, path)
  return text === undefined ? undefined : readScalar(reading, shape, text, path)
}

function readStructure(
  reading: Reading,
  shape: Extract<Shape, { type: 'structure' }>,
  node: ParameterNode,
  path: string,
): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {}
  for (const [name, memberShape] of Object.entries(shape.members)) {
    const child = node.children.get(name)
    const memberPath = (path === '' ? '' : `${path}.`) + name.charAt(0).toLowerCase() + name.slice(1)
    const before = reading.violations.length
    const value = child === undefined ? undefined : readValue(reading, memberShape, child, memberPath)
    if (value !== undefined) result[name] = value
    else if (shape.required?.includes(name) && reading.violations.length === before) {
      reading.violations.push(
        `Value null at '${memberPath}' failed to satisfy constraint: Member must not be null`,
      )
    }
  }
  return result
}

function readList(
  reading: Reading,
  shape: Extract<Shape, { type: 'list' }>,
  node: ParameterNode,
  path: string,
): readonly unknown[] | undefined {
  const member = node.children.get('member')
  // botocore writes an empty list as the bare name with an empty value.
  if (member === undefined && scalarOf(node, path) !== '') return undefined
  const elements = member === undefined ? [] : elementsOf(member, path)
  violate(reading, path, elements.length > 0 ? '[…]' : '[]', brokenBySize(shape, elements.length))
  // A list far over its limit is refused as a whole; its elements are not worth the work.
  if (shape.max !== undefined && elements.length > shape.max) return undefined
  return elements.map((element, index) =>
    readValue(reading, shape.member, element, `${path}.${index + 1}.member`),
  )
}

function readMap(
  reading: Reading,
  shape: Extract<Shape, { type: 'map' }>,
  node: ParameterNode,
  path: string,
): ReadonlyMap<string, unknown> | undefined {
  const entry = node.children.get('entry')
  if (entry === undefined) return scalarOf(node, path) === '' ? new Map() : undefined
  const entries = elementsOf(entry, path)
  violate(
    reading,
    path,
    '{…}',
    brokenBySize(shape.max === undefined ? {} : { max: shape.max }, entries.length),
  )
  if (shape.max !== undefined && entries.length > shape.max) return undefined
  const result = new Map<string, unknown>()
  for (const each of entries) {
    const [keyNode, valueNode] = [each.children.get('key'), each.children.get('value')]
    const key = keyNode && readValue(reading, shape.key, keyNode, `${path}.key`)
    const value = valueNode && readValue(reading, shape.value, valueNode, `${path}.value`)
    if (typeof key === 'string' && value !== undefined) result.set(key, value)
  }
  return result
}

type ScalarShape = Exclude<Shape, { type: 'structure' | 'list' | 'map' }>

function readScalar(reading: Reading, shape: ScalarShape, text: string, path: string): unknown {
  const broken = (...constraints: readonly string[]): undefined =>
    violate(reading, path, 'sensitive' in shape && shape.sensitive ? undefined : text, constraints)
  switch (shape.type) {
    case 'string':
      broken(...brokenByText(shape, text))
      return text
    case 'integer': {
      const number = /^[+-]?\d{1,10}$/.test(text) ? Number(text) : Number.NaN
      if (!(Math.abs(number) <= 2_147_483_647)) return broken('Member must be an integer')
      broken(...brokenByNumber(shape, number))
      return number
    }
    case 'boolean':
      return text === 'true' || text === 'false'
        ? text === 'true'
        : broken('Member must satisfy enum value set: [true, false]')
    case 'timestamp':
      try {
        return Temporal.Instant.from(text)
      } catch {
        return broken('Member must be a timestamp')
      }
    case 'blob':
      return /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)
        ? new Uint8Array(Buffer.from(text, 'base64'))
        : broken('Member must be base64')
    default:
      return shape satisfies never
  }
}

const echoed = 1024

/** Adds one sentence per broken constraint. What a sensitive member holds is not repeated. */
function violate(
  { violations }: Reading,
  path: string,
  value: string | undefined,
  constraints: readonly string[],
): undefined {
  const shown =
    value === undefined ? 'Value' : `Value '${value.length > echoed ? `${value.slice(0, echoed)}…` : value}'`
  for (const constraint of constraints) {
    violations.push(`${shown} at '${path}' failed to satisfy constraint: ${constraint}`)
  }
}
