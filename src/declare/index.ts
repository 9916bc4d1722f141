/**
 * `signet.yaml`'s things: accounts, users, groups, policies, roles, apps and identity providers, declared in one file
 * and made so, whole or not at all. Owns the table `declared_thing`.
 */
export { apply, checkDeclaration } from './apply.ts'
export type { Applied } from './apply.ts'
export type { AppliedThing, ApplyNeeds, Outcome } from './applying.ts'
export { thingNames } from './schema.ts'
export type { DeclareRequest } from './source.ts'
