import type { Policy } from './ast.ts'

/** A policy as it takes part in a decision: its ARN, or `inline:name`, and the version where it has one. */
export type PolicyRef = {
  readonly id: string
  readonly version?: string | undefined
  readonly policy: Policy
}

/** Who asks. */
export type RequestPrincipal =
  | { readonly kind: 'root'; readonly accountId: string }
  | { readonly kind: 'user'; readonly accountId: string; readonly arn: string; readonly uniqueId: string }
  | {
      readonly kind: 'role-session'
      readonly accountId: string
      /** The STS ARN of the session, `…:assumed-role/role/session`. */
      readonly arn: string
      readonly roleArn: string
      readonly roleId: string
    }
  | {
      readonly kind: 'federated-user'
      readonly accountId: string
      readonly arn: string
      /** The user who called GetFederationToken. */
      readonly userArn: string
      readonly userId?: string | undefined
    }
  /** The caller of AssumeRoleWithSAML or AssumeRoleWithWebIdentity: a provider's ARN or name. No account, no policies. */
  | { readonly kind: 'federated'; readonly provider: string; readonly accountId?: undefined }
  | { readonly kind: 'service'; readonly name: string; readonly accountId?: undefined }
  | { readonly kind: 'anonymous'; readonly accountId?: undefined }

/** A list is a multivalued key, also when it holds one value. Binary values are base64. */
export type ContextValue = string | readonly string[]

/** The policies that bear on a request. Absent or empty means that none of that kind is attached. */
export type RequestPolicies = {
  /** Of the user and the groups, of the role, or of the user behind a federated user. */
  readonly identity: readonly PolicyRef[]
  readonly boundary?: PolicyRef | undefined
  readonly session?: readonly PolicyRef[] | undefined
  readonly resource?: PolicyRef | undefined
  /** The trust policy of the role that is to be assumed: a resource policy without default trust in the account. */
  readonly trust?: PolicyRef | undefined
  /** From the root of the organization down to the caller's account; each level needs an Allow. */
  readonly scpLevels?: readonly (readonly PolicyRef[])[] | undefined
  /** From the root of the organization down to the resource's account; each level needs an Allow (rcpFullAccess). */
  readonly rcpLevels?: readonly (readonly PolicyRef[])[] | undefined
}

export type DecisionRequest = {
  readonly principal: RequestPrincipal
  /** `service:Name`; its case does not matter. */
  readonly action: string
  /** The owner is `accountId`, or else the account in the ARN; a lone `*` belongs to the caller's account. */
  readonly resource: { readonly arn: string; readonly accountId?: string | undefined }
  /** Key names in any case; `aws:` and `signet:` name the same keys. */
  readonly context: ReadonlyMap<string, ContextValue>
  readonly policies: RequestPolicies
}

/** What decided. `always` is sts:GetCallerIdentity; `error` is a request or policy that could not be evaluated. */
export type Layer =
  'scp' | 'rcp' | 'identity' | 'boundary' | 'session' | 'resource' | 'trust' | 'root' | 'always' | 'error'

export type DecidingStatement = {
  readonly policy: string
  readonly version?: string | undefined
  readonly sid?: string | undefined
  readonly index: number
}

export type Decision = {
  readonly effect: 'Allow' | 'Deny'
  /** A Deny statement applied, rather than nothing allowing. */
  readonly explicit: boolean
  readonly layer: Layer
  /** One plain sentence. */
  readonly because: string
  /** The Deny that applied, or the Allows that the permission rests on (not the limits that let it pass). */
  readonly statements: readonly DecidingStatement[]
  /** Set when a fresh second factor is the only thing that is missing. */
  readonly missing?: { readonly kind: 'mfa' } | undefined
}
