import { readdirSync, readFileSync } from 'node:fs'
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

const file = z.object({
  Name: z.string(),
  Path: z.string(),
  Description: z.string(),
  VersionId: z.string(),
  Document: z.looseObject({}),
})

/** Reads config/policies: one JSON file a policy. */
export function readBuiltInPolicies(folder: string): BuiltInPolicies {
  const policies = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => file.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
  return new Map(
    policies.map(({ Name, Path, Description, VersionId, Document }) => {
      const arn = `arn:aws:iam::aws:policy${Path}${Name}`
      return [
        arn,
        {
          arn,
          name: Name,
          path: Path,
          description: Description,
          version: VersionId,
          document: JSON.stringify(Document),
        },
      ]
    }),
  )
}
