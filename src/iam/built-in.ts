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

/** Policies under the names that AWS has for its own services: each allows some actions everywhere. */
const services = z.object({
  policies: z.array(
    z.object({
      name: z.string(),
      path: z.string().default('/'),
      description: z.string(),
      version: z.string().default('v1'),
      allow: z.array(z.string()).min(1),
    }),
  ),
})

/**
 * Reads config/policies: catalogue.json names the policies of Signet, and the document of each is NAME.json.
 * services.json has those that tools attach by the ARN they know from AWS.
 */
export function readBuiltInPolicies(folder: string): BuiltInPolicies {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
  const arnOf = (path: string, name: string): string => `arn:aws:iam::aws:policy${path}${name}`
  const own = catalogue.parse(read('catalogue')).policies.map((policy) => ({
    arn: arnOf(policy.path, policy.name),
    ...policy,
    document: JSON.stringify(read(policy.name)),
  }))
  const known = services.parse(read('services')).policies.map(({ allow, ...policy }) => ({
    arn: arnOf(policy.path, policy.name),
    ...policy,
    document: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: allow, Resource: '*' }],
    }),
  }))
  return new Map([...own, ...known].map((policy) => [policy.arn, policy]))
}
