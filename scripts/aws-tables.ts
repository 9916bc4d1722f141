/**
 * Writes the service tables of src/aws-wire (`*-table.ts`) from AWS's service models in botocore's `service-2` form.
 *
 *   node scripts/aws-tables.ts FOLDER      (a folder with iam_2010-05-08.json and sts_2011-06-15.json)
 *
 * Only facts of the wire are taken: operations, shapes, constraints, error codes and statuses. See NOTICE.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { z } from 'zod'

const reference = z.object({ shape: z.string() })
const shapeModel = z.object({
  type: z.string(),
  required: z.array(z.string()).optional(),
  members: z.record(z.string(), reference).optional(),
  member: reference.optional(),
  key: reference.optional(),
  value: reference.optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  pattern: z.string().optional(),
  enum: z.array(z.string()).optional(),
  sensitive: z.boolean().optional(),
  exception: z.boolean().optional(),
  error: z
    .object({ code: z.string(), httpStatusCode: z.number(), senderFault: z.boolean().optional() })
    .optional(),
})
const serviceModel = z.object({
  metadata: z.object({ apiVersion: z.string(), endpointPrefix: z.string(), xmlNamespace: z.string() }),
  operations: z.record(
    z.string(),
    z.object({
      input: reference.optional(),
      output: reference.extend({ resultWrapper: z.string() }).optional(),
      errors: z.array(reference).optional(),
      authtype: z.string().optional(),
    }),
  ),
  shapes: z.record(z.string(), shapeModel),
})
type ServiceModel = z.infer<typeof serviceModel>

const literal = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined)
    return `{ ${entries.map(([name, each]) => `${name}: ${literal(each)}`).join(', ')} }`
  }
  return typeof value === 'string'
    ? `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
    : String(value)
}

function tableOf(model: ServiceModel): string {
  const { metadata, operations, shapes } = model
  const codeOf = (name: string): string => shapes[name]?.error?.code ?? name
  const operationLines = Object.entries(operations).map(([name, operation]) => {
    const entry = {
      input: operation.input?.shape,
      output: operation.output?.shape,
      wrapper: operation.output?.resultWrapper,
      errors: (operation.errors ?? []).map((error) => codeOf(error.shape)),
      unsigned: operation.authtype === 'none' ? true : undefined,
    }
    return `    ${name}: ${literal(entry)},`
  })
  const errorLines = Object.entries(shapes)
    .filter(([, shape]) => shape.exception)
    .map(([name, { error }]) => {
      const fault = error === undefined || error.senderFault === true ? 'Sender' : 'Receiver'
      return `    ${codeOf(name)}: ${literal({ status: error?.httpStatusCode ?? 400, fault })},`
    })
  const shapeLines = Object.entries(shapes)
    .filter(([, shape]) => !shape.exception)
    .map(([name, shape]) => {
      const members = Object.entries(shape.members ?? {}).map(([key, member]) => [key, member.shape] as const)
      const entry = {
        type: shape.type,
        ...(shape.type === 'structure' ? { members: Object.fromEntries(members) } : {}),
        required: shape.required?.length ? shape.required : undefined,
        member: shape.member?.shape,
        key: shape.key?.shape,
        value: shape.value?.shape,
        min: shape.min,
        max: shape.max,
        pattern: shape.pattern,
        enum: shape.enum,
        sensitive: shape.sensitive,
      }
      return `    ${name}: ${literal(entry).replaceAll('{  }', '{}')},`
    })
  const service = metadata.endpointPrefix
  return `// Made by scripts/aws-tables.ts from botocore's model (see NOTICE): run it again instead of editing.
// Long because it is the whole service, one line per operation, error and shape.
import type { ServiceModel } from './model.ts'

/** Operations, errors and shapes of ${service.toUpperCase()}, version ${metadata.apiVersion}. */
export const ${service} = {
  service: '${service}',
  version: '${metadata.apiVersion}',
  namespace: '${metadata.xmlNamespace}',
  operations: {
${operationLines.join('\n')}
  },
  errors: {
${errorLines.join('\n')}
  },
  shapes: {
${shapeLines.join('\n')}
  },
} as const satisfies ServiceModel
`
}

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: node scripts/aws-tables.ts FOLDER')
  process.exit(1)
}
for (const file of ['iam_2010-05-08', 'sts_2011-06-15']) {
  const model = serviceModel.parse(JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')))
  const target = new URL(`../src/aws-wire/${model.metadata.endpointPrefix}-table.ts`, import.meta.url)
  writeFileSync(target, tableOf(model))
  console.log(`${target.pathname}: ${Object.keys(model.operations).length} operations`)
}
