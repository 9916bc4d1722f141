import { shapeNamed, type OperationName, type OutputOf, type ServiceModel } from './model.ts'
import { element, text } from './xml.ts'

/**
 * The answer of an operation as XML, as botocore and the SDKs parse it. Policy documents are percent-encoded, an
 * operation without output has no result element.
 */
export function writeXml<Model extends ServiceModel, Name extends OperationName<Model>>(
  model: Model,
  operation: Name,
  output: OutputOf<Model, Name>,
  requestId: string,
): string {
  const { output: shapeName, wrapper } = model.operations[operation] ?? {}
  const result =
    shapeName === undefined || wrapper === undefined
      ? ''
      : element(wrapper, xmlOf(model, shapeName, output ?? {}))
  return (
    `<${operation}Response xmlns="${text(model.namespace)}">${result}` +
    `<ResponseMetadata><RequestId>${text(requestId)}</RequestId></ResponseMetadata></${operation}Response>`
  )
}

/** The same as JSON, for callers that send `Accept: application/json`. Timestamps are seconds since 1970. */
export function writeJson<Model extends ServiceModel, Name extends OperationName<Model>>(
  model: Model,
  operation: Name,
  output: OutputOf<Model, Name>,
  requestId: string,
): string {
  const { output: shapeName, wrapper } = model.operations[operation] ?? {}
  return JSON.stringify({
    [`${operation}Response`]: {
      ...(shapeName === undefined || wrapper === undefined
        ? {}
        : { [wrapper]: jsonOf(model, shapeName, output ?? {}) }),
      ResponseMetadata: { RequestId: requestId },
    },
  })
}

const mismatch = (shapeName: string): never => {
  throw new TypeError(`An answer does not have the form of ${shapeName}`)
}

const percentEncoded = (document: string): string =>
  encodeURIComponent(document).replaceAll(
    /[!'()*]/g,
    (character) => '%' + character.charCodeAt(0).toString(16).toUpperCase(),
  )

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

function xmlOf(model: ServiceModel, shapeName: string, value: unknown): string {
  const shape = shapeNamed(model, shapeName)
  switch (shape.type) {
    case 'structure':
      if (!isRecord(value)) return mismatch(shapeName)
      return structureXml(model, shape.members, value)
    case 'list':
      if (!Array.isArray(value)) return mismatch(shapeName)
      return value.map((each) => element('member', xmlOf(model, shape.member, each))).join('')
    case 'map':
      if (!(value instanceof Map)) return mismatch(shapeName)
      return [...value]
        .map(([key, each]) =>
          element(
            'entry',
            element('key', xmlOf(model, shape.key, key)) + element('value', xmlOf(model, shape.value, each)),
          ),
        )
        .join('')
    case 'string':
    case 'integer':
    case 'boolean':
    case 'timestamp':
    case 'blob':
      return text(scalarText(shapeName, value))
    default:
      return shape satisfies never
  }
}

function structureXml(
  model: ServiceModel,
  members: Readonly<Record<string, string>>,
  value: Readonly<Record<string, unknown>>,
): string {
  let xml = ''
  for (const name in members) {
    const member = value[name]
    if (member !== undefined) xml += element(name, xmlOf(model, members[name] ?? '', member))
  }
  return xml
}

function scalarText(shapeName: string, value: unknown): string {
  if (typeof value === 'string') return shapeName === 'policyDocumentType' ? percentEncoded(value) : value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value instanceof Temporal.Instant)
    return value.toString({ smallestUnit: 'second', roundingMode: 'floor' })
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return mismatch(shapeName)
}

function jsonOf(model: ServiceModel, shapeName: string, value: unknown): unknown {
  const shape = shapeNamed(model, shapeName)
  switch (shape.type) {
    case 'structure':
      if (!isRecord(value)) return mismatch(shapeName)
      return Object.fromEntries(
        Object.entries(shape.members)
          .filter(([name]) => value[name] !== undefined)
          .map(([name, memberShape]) => [name, jsonOf(model, memberShape, value[name])]),
      )
    case 'list':
      if (!Array.isArray(value)) return mismatch(shapeName)
      return value.map((each) => jsonOf(model, shape.member, each))
    case 'map':
      if (!(value instanceof Map)) return mismatch(shapeName)
      return Object.fromEntries([...value].map(([key, each]) => [key, jsonOf(model, shape.value, each)]))
    case 'integer':
    case 'boolean':
      return value
    case 'timestamp':
      return value instanceof Temporal.Instant
        ? Math.floor(value.epochMilliseconds / 1000)
        : mismatch(shapeName)
    case 'string':
    case 'blob':
      return scalarText(shapeName, value)
    default:
      return shape satisfies never
  }
}
