import type { AuditEntry } from '#audit'
import { iam, type ServiceModel } from '#aws-wire'
import { callerIdentity, type Caller } from '#iam'
import type { RequestInfo } from '#http'

import type { IamOperation } from './call.ts'

/** The event of a call that went well, as CloudTrail has it: names with a small first letter, and nothing sensitive. */
export function eventOf(call: {
  readonly operation: IamOperation
  readonly caller: Caller
  readonly from: RequestInfo
  readonly region: string
  readonly input: object
  readonly output: unknown
  readonly readOnly: boolean
}): AuditEntry {
  const { input, output } = model.operations[call.operation] ?? {}
  return {
    source: 'iam',
    name: call.operation,
    by: callerIdentity(call.caller),
    request: call.from,
    region: call.region,
    readOnly: call.readOnly,
    parameters: told(input, call.input) as object | undefined,
    // What a read answers is no news, and long.
    response: call.readOnly ? undefined : (told(output, call.output) as object | undefined),
  }
}

const model: ServiceModel = iam

const longest = 10_240

function told(shapeName: string | undefined, value: unknown): unknown {
  const shape = shapeName === undefined ? undefined : model.shapes[shapeName]
  if (shape === undefined || value === undefined || ('sensitive' in shape && shape.sensitive))
    return undefined
  switch (shape.type) {
    case 'structure': {
      const held = value as Readonly<Record<string, unknown>>
      const members = Object.entries(shape.members)
        .filter(([name]) => held[name] !== undefined)
        .map(([name, of]) => [name.charAt(0).toLowerCase() + name.slice(1), told(of, held[name])])
      return Object.fromEntries(members)
    }
    case 'list':
      return (value as readonly unknown[]).map((each) => told(shape.member, each))
    case 'map':
      return Object.fromEntries(
        [...(value as ReadonlyMap<string, unknown>)].map(([key, each]) => [key, told(shape.value, each)]),
      )
    case 'blob':
      return undefined
    case 'timestamp':
      return (value as Temporal.Instant).toString({ smallestUnit: 'second' })
    case 'string': {
      const text = value as string
      return text.length > longest ? `${text.slice(0, longest)}…` : text
    }
    case 'integer':
    case 'boolean':
      return value
    default:
      return shape satisfies never
  }
}
