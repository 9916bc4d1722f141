import { readdirSync, readFileSync } from 'node:fs'
import { parsePolicy, rcpFullAccess, scpFullAccess } from '#policy'
import type { ContextValue, DecisionRequest, DocumentType, PolicyRef, RequestPrincipal } from '#policy'

/** The page a case was written from. `ours` marks a decision that AWS does not document. */
export type Cite = { readonly page: string; readonly anchor?: string; readonly ours?: boolean }

/**
 * One case. `documents` hold policies by where they are attached; `condition` and `statement` are short for one identity
 * policy with one statement. A case either expects a decision or the findings of its one document.
 */
export type Case = {
  readonly id: string
  readonly title: string
  readonly cite?: Cite
  readonly documents?: readonly Attached[]
  readonly statement?: Record<string, unknown>
  readonly condition?: Record<string, unknown>
  readonly version?: string
  readonly type?: DocumentType
  readonly text?: string
  /** Ask the validator rather than the reader; it may know an account and the actions of applications. */
  readonly close?: boolean
  readonly accountId?: string
  readonly partition?: string
  readonly actions?: Record<string, readonly string[]>
  readonly principal?: string | RequestPrincipal
  readonly action?: string
  readonly resource?: string | { readonly arn: string; readonly accountId?: string }
  readonly context?: Record<string, ContextValue>
  readonly expect: Expectation
}

export type Attached = {
  readonly type: DocumentType
  /** For guard-rails: the level, from 0; the full-access policy of that level is added unless `alone`. */
  readonly level?: number
  readonly alone?: boolean
  readonly json: unknown
}

export type Expectation =
  | boolean
  | 'Allow'
  | 'Deny'
  | 'ExplicitDeny'
  | {
      readonly decision: 'Allow' | 'Deny' | 'ExplicitDeny'
      readonly layer?: string
      readonly statement?: number | string
    }
  | {
      readonly findings: readonly (string | readonly [string, string])[]
      readonly absent?: readonly string[]
    }
  | { readonly valid: true }

export type CaseFile = {
  readonly topic: string
  readonly defaults?: Partial<Case>
  readonly cases: readonly Case[]
}

const folder = new URL('./cases/', import.meta.url)

/** Every case file, by name. */
export function caseFiles(): readonly { readonly name: string; readonly file: CaseFile }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => ({ name, file: JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as CaseFile }))
}

/** The callers that cases name in one word. They live in account 111122223333. */
export const principals: Record<string, RequestPrincipal> = {
  root: { kind: 'root', accountId: '111122223333' },
  user: {
    kind: 'user',
    accountId: '111122223333',
    arn: 'arn:aws:iam::111122223333:user/alice',
    uniqueId: 'AIDAALICE0000000EXAMP',
  },
  session: {
    kind: 'role-session',
    accountId: '111122223333',
    arn: 'arn:aws:sts::111122223333:assumed-role/deploy/build-7',
    roleArn: 'arn:aws:iam::111122223333:role/deploy',
    roleId: 'AROADEPLOY000000EXAMP',
  },
  'federated-user': {
    kind: 'federated-user',
    accountId: '111122223333',
    arn: 'arn:aws:sts::111122223333:federated-user/visitor',
    userArn: 'arn:aws:iam::111122223333:user/alice',
    userId: 'AIDAALICE0000000EXAMP',
  },
  'foreign-user': {
    kind: 'user',
    accountId: '444455556666',
    arn: 'arn:aws:iam::444455556666:user/bob',
    uniqueId: 'AIDABOB000000000EXAMP',
  },
  'foreign-session': {
    kind: 'role-session',
    accountId: '444455556666',
    arn: 'arn:aws:sts::444455556666:assumed-role/reader/nightly',
    roleArn: 'arn:aws:iam::444455556666:role/reader',
    roleId: 'AROAREADER000000EXAMP',
  },
  'foreign-root': { kind: 'root', accountId: '444455556666' },
  oidc: { kind: 'federated', provider: 'arn:aws:iam::111122223333:oidc-provider/ci.example.com' },
  saml: { kind: 'federated', provider: 'arn:aws:iam::111122223333:saml-provider/Corp' },
  service: { kind: 'service', name: 'orders.example.com' },
  anonymous: { kind: 'anonymous' },
}

/** The documents of a case, its short forms written out. */
export function documentsOf(given: Case): readonly Attached[] {
  const short = given.statement ?? (given.condition && { Condition: given.condition })
  const json = short && {
    Version: given.version ?? '2012-10-17',
    Statement: [{ Effect: 'Allow', ...elementsOf(short), ...short }],
  }
  return [...(json ? [{ type: given.type ?? ('identity' as const), json }] : []), ...(given.documents ?? [])]
}

function elementsOf(short: Record<string, unknown>): Record<string, unknown> {
  return {
    ...('Action' in short || 'NotAction' in short ? {} : { Action: '*' }),
    ...('Resource' in short || 'NotResource' in short ? {} : { Resource: '*' }),
  }
}

function read(document: Attached, id: string): PolicyRef {
  const text = JSON.stringify(document.json)
  const { policy, findings } = parsePolicy(text, document.type)
  if (!policy) throw new Error(`${id}: ${findings.map((each) => `${each.code} ${each.path}`).join(', ')}`)
  return { id: `inline:${document.type}`, policy }
}

function levelsOf(
  documents: readonly Attached[],
  type: 'scp' | 'rcp',
  id: string,
): PolicyRef[][] | undefined {
  const full = type === 'scp' ? scpFullAccess : rcpFullAccess
  const levels: PolicyRef[][] = []
  for (const document of documents) {
    if (document.type !== type) continue
    const level = document.level ?? 0
    while (levels.length <= level) levels.push([])
    levels[level]?.push(...(document.alone ? [] : [full]), read(document, id))
  }
  return levels.length ? levels.map((level) => (level.length ? level : [full])) : undefined
}

/** The request of a case. */
export function requestOf(given: Case): DecisionRequest {
  const documents = documentsOf(given)
  const of = (type: DocumentType) =>
    documents.filter((each) => each.type === type).map((each) => read(each, given.id))
  const principal =
    typeof given.principal === 'object' ? given.principal : principals[given.principal ?? 'user']
  if (!principal) throw new Error(`${given.id}: no principal ${JSON.stringify(given.principal)}`)
  const arn = 'arn:aws:orders:eu-central-1:111122223333:order/17'
  return {
    principal,
    action: given.action ?? 'orders:Refund',
    resource: typeof given.resource === 'object' ? given.resource : { arn: given.resource ?? arn },
    context: new Map(Object.entries(given.context ?? {})),
    policies: {
      identity: of('identity'),
      boundary: of('boundary')[0],
      session: of('session'),
      resource: of('resource')[0],
      trust: of('trust')[0],
      scpLevels: levelsOf(documents, 'scp', given.id),
      rcpLevels: levelsOf(documents, 'rcp', given.id),
    },
  }
}
