import type { Statement } from './ast.ts'
import type { Decision, DecisionRequest, DecidingStatement, Layer, PolicyRef } from './request.ts'

/** A statement that decided, and where it stands. */
export type Found = { readonly layer: Layer; readonly ref: PolicyRef; readonly statement: Statement }

/** Which layer gives no Allow; for guard-rails at which level, from 0. */
export type Lacking = { readonly layer: Layer; readonly level?: number | undefined }

const called: Record<Layer, string> = {
  scp: 'service control policy',
  rcp: 'resource control policy',
  identity: 'identity policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  resource: 'resource policy',
  trust: 'trust policy',
  root: 'root user',
  always: 'rule of the service',
  error: 'error',
}

/** A statement as a decision names it. */
export const cite = ({ ref, statement }: Found): DecidingStatement => ({
  policy: ref.id,
  version: ref.version,
  sid: statement.sid,
  index: statement.index,
})

function place({ layer, ref, statement }: Found): string {
  const version = ref.version === undefined ? '' : ` (${ref.version})`
  const sid = statement.sid ? ` "${statement.sid}"` : ''
  return `statement ${statement.index}${sid} of the ${called[layer]} ${ref.id}${version}`
}

/** An explicit deny. */
export const sayDeny = (found: Found): Decision => ({
  effect: 'Deny',
  explicit: true,
  layer: found.layer,
  because: `Denied explicitly by ${place(found)}.`,
  statements: [cite(found)],
})

/** Allowed by these statements; by none for the root user. */
export function sayAllow(grants: readonly Found[]): Decision {
  const [first, ...others] = grants
  return {
    effect: 'Allow',
    explicit: false,
    layer: first?.layer ?? 'root',
    because: first
      ? `Allowed by ${[first, ...others].map(place).join(' and ')}.`
      : 'Allowed because the root user of the account asks.',
    statements: grants.map(cite),
  }
}

/** Nothing denies, but a layer that must allow does not. */
export const sayNothing = (request: DecisionRequest, { layer, level }: Lacking): Decision => ({
  effect: 'Deny',
  explicit: false,
  layer,
  because: `No ${called[layer]}${level === undefined ? '' : ` of level ${level + 1}`} allows ${request.action} on ${request.resource.arn}.`,
  statements: [],
})

/** sts:GetCallerIdentity. */
export const sayAlways = (): Decision => ({
  effect: 'Allow',
  explicit: false,
  layer: 'always',
  because: 'Every authenticated caller may ask who it is.',
  statements: [],
})

/** The request could not be evaluated. */
export const sayError = (what: string): Decision => ({
  effect: 'Deny',
  explicit: false,
  layer: 'error',
  because: `Denied because the request could not be evaluated: ${what}.`,
  statements: [],
})
