/**
 * The policy language of AWS IAM: reading documents, and deciding requests by them. Pure: no I/O, no clock, no dependency,
 * and nothing of ours below it.
 *
 * The specification is the IAM User Guide; where it is silent, docs/decisions. `reference/` is the readable interpreter that
 * states a decision in code; `engine/` is what everything runs on and must agree with it on every input.
 */
export type { DocumentType, Policy, Statement } from './ast.ts'
export { canonicalKey } from './ast.ts'
export { rcpFullAccess, scpFullAccess, unreadablePolicy } from './built-in.ts'
export { policySet } from './engine/compiled.ts'
export { evaluate, evaluateByReference } from './evaluate.ts'
export type { Finding, Fix } from './findings.ts'
export type { Severity } from './checks.ts'
export { requestContext, withEntries } from './request-context.ts'
export { parsePolicy, type Parsed } from './parse.ts'
export { bindPrincipals, principalArnsIn } from './principals.ts'
export type {
  ContextValue,
  Decision,
  DecisionRequest,
  Layer,
  PolicyRef,
  RequestPolicies,
  RequestPrincipal,
} from './request.ts'
export { type KeyEntry, type KeyType } from './catalogue.ts'
export { checks, type CheckCode } from './checks.ts'
export type { Catalogue } from './lint/linted.ts'
export { validatePolicy } from './validate.ts'
export { explain } from './explain.ts'
export type { ExplainedStatement, Explanation, Failure, Remedy } from './explain.ts'
export { checkAccessNotGranted, checkNoNewAccess } from './analysis/access.ts'
export type { Access, Counterexample, Finding as AccessFinding } from './analysis/access.ts'
export { checkNoPublicAccess } from './analysis/public.ts'
export { redundantStatements } from './analysis/redundant.ts'
export { whatCan, type Held, type Permission } from './analysis/what-can.ts'
export { createAccessIndex } from './analysis/who-can.ts'
export type { AccessIndex, Allowed, Inventory, Question } from './analysis/who-can.ts'
export { contextKeysOf } from './simulate/context-keys.ts'
export { contextFromEntries, type ContextEntry } from './simulate/context-entries.ts'
export { simulate } from './simulate/simulate.ts'
export type {
  MatchedStatement,
  PolicySource,
  SimulatedDecision,
  SimulatedPolicies,
  SimulatedPolicy,
  Simulation,
  SimulationResult,
} from './simulate/simulate.ts'
