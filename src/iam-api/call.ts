import type { iam, InputOf, OperationName, OutputOf } from '#aws-wire'
import type { Queryable } from '#database'
import type { RequestInfo } from '#http'
import type { Caller } from '#iam'
import type { ContextValue } from '#policy'

import type { IamApiNeeds } from './needs.ts'
import type { Entities } from './resources/list.ts'
import type { rules } from './rules.ts'

type Iam = typeof iam

/** The names of IAM's operations, all 180. */
export type IamOperation = OperationName<Iam>

/** What the operation's resource is, by its rule. Undefined for an operation that creates, lists or is about the account. */
type EntityOf<Name extends IamOperation> = (typeof rules)[Name] extends { on: infer Kind; root: true }
  ? Kind extends keyof Entities
    ? Entities[Kind] | undefined
    : undefined
  : (typeof rules)[Name] extends { on: infer Kind }
    ? Kind extends keyof Entities
      ? Entities[Kind]
      : undefined
    : undefined

/** One call: authenticated, decoded, validated and authorized. */
export type Call<Name extends IamOperation = IamOperation> = {
  readonly operation: Name
  readonly needs: IamApiNeeds
  /** The open transaction of an operation that writes. INVARIANT: the database itself is not asked inside. */
  readonly db: Queryable
  readonly caller: Caller
  readonly accountId: string
  readonly from: RequestInfo
  readonly input: InputOf<Iam, Name>
  /** What the operation is about; it exists. Locked in a write. Undefined for the root user, where the rule allows it. */
  readonly entity: EntityOf<Name>
  /**
   * Asks for a further permission, such as iam:PassRole.
   *
   * @throws Failure forbidden iam/denied
   */
  readonly demand: (
    action: string,
    arn: string,
    context?: Iterable<readonly [string, ContextValue | undefined]>,
  ) => Promise<void>
}

/** What an operation has besides its call, in the transaction. */
type Running = {
  /** What its preparation gave. */
  readonly prepared: string | undefined
  /** Does something when the answer is committed; nobody waits for it. */
  readonly later: (work: () => Promise<void>) => void
}

/** Business logic of one operation. */
export type Handler<Name extends IamOperation> = (call: Call<Name> & Running) => Promise<OutputOf<Iam, Name>>

/** The operations that are built. Each file of `operations/` exports some of them. */
export type Handlers = { readonly [Name in IamOperation]?: Handler<Name> }

/**
 * What must be done before the transaction of an operation that writes, such as hashing a password, which would hold a
 * connection. The call is authorized; its `db` is the database, and nothing is locked.
 */
export type Preparation<Name extends IamOperation> = (call: Call<Name>) => Promise<string | undefined>

/** The operations that prepare something. */
export type Preparations = { readonly [Name in IamOperation]?: Preparation<Name> }
