import { join } from 'node:path'
import { createAudit } from '#audit'
import { createPasswordHasher, passwordHashing } from '#crypto'
import type { ApplyNeeds } from '#declare'
import { readBuiltInPolicies } from '#iam'
import type { AppNeeds } from './app.ts'

/** What applying a declaration takes, without the rest of the application. */
export async function createApplyNeeds(needs: Omit<AppNeeds, 'log'>): Promise<ApplyNeeds> {
  const { config, database, vault, clock, packageDir } = needs
  return {
    database,
    vault,
    clock,
    audit: createAudit({ database, clock }),
    builtInPolicies: readBuiltInPolicies(join(packageDir, 'config/policies')),
    hasher: await createPasswordHasher({ clock }, passwordHashing(config.settings.passwords)),
  }
}
