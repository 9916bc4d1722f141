import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { findRegistration, listApps } from '#apps'
import { iam, sts } from '#aws-wire'
import type { Queryable } from '#database'

/** Actions of Signet's own services, as `service:Name`. */
export type ActionCatalogue = readonly string[]

const file = z.object({
  actions: z.object({
    signet: z.record(z.string(), z.object({ resource: z.string(), description: z.string() })),
  }),
})

/** Permissions that are asked for beside an operation, and are none themselves. */
const permissions = ['iam:PassRole', 'sts:SetSourceIdentity', 'sts:TagSession']

/** Reads the actions of `iam` and `sts` from the wire's tables and those of `signet` from `catalogue.json` in the folder. */
export function readActionCatalogue(folder: string): ActionCatalogue {
  const { actions } = file.parse(JSON.parse(readFileSync(join(folder, 'catalogue.json'), 'utf8')))
  return [
    ...Object.keys(iam.operations).map((name) => `iam:${name}`),
    ...Object.keys(sts.operations).map((name) => `sts:${name}`),
    ...permissions,
    ...Object.keys(actions.signet).map((name) => `signet:${name}`),
  ].toSorted()
}

/** The actions of Signet and of the apps of an account that registered theirs. */
export async function knownActions(
  db: Queryable,
  catalogue: ActionCatalogue,
  accountId: string,
): Promise<ActionCatalogue> {
  const apps = await listApps(db, accountId)
  const own: string[] = []
  for (const { appId, servicePrefix } of apps) {
    if (servicePrefix === undefined) continue
    const { actions } = await findRegistration(db, appId)
    own.push(...actions.map(({ name }) => `${servicePrefix}:${name}`))
  }
  return [...catalogue, ...own]
}
