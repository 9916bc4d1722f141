import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** A managed policy that comes with Signet: read-only for everybody, versioned with releases. */
export type BuiltInPolicy = {
  readonly arn: string
  readonly name: string
  readonly path: string
  readonly description: string
  readonly version: string
  readonly document: string
}

/** The built-in policies by ARN. */
export type BuiltInPolicies = ReadonlyMap<string, BuiltInPolicy>

const catalogue = z.object({
  policies: z.array(
    z.object({
      name: z.string(),
      path: z.string().default('/'),
      description: z.string(),
      version: z.string(),
    }),
  ),
})

/** Reads config/policies: catalogue.json names them, and the document of each is NAME.json. */
export function readBuiltInPolicies(folder: string): BuiltInPolicies {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
  return new Map(
    catalogue.parse(read('catalogue')).policies.map((policy) => {
      const arn = `arn:aws:iam::aws:policy${policy.path}${policy.name}`
      return [arn, { arn, ...policy, document: JSON.stringify(read(policy.name)) }]
    }),
  )
}
