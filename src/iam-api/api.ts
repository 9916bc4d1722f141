import {
  iam,
  operationNamed,
  readInput,
  writeJson,
  writeXml,
  type CallName,
  type OutputOf,
  type ParameterNode,
} from '#aws-wire'
import { isDeadlock, type Queryable } from '#database'
import type { RequestInfo } from '#http'
import { refuse } from '#kernel'
import type { IamApi, SignedCaller } from '#sts'

import { eventOf } from './audited.ts'
import { authorizeCall, demandFurther } from './authorization.ts'
import type { Call, Handler, IamOperation, Preparation } from './call.ts'
import { iamErrorOf } from './codes.ts'
import type { IamApiNeeds } from './needs.ts'
import { handlers, preparations } from './operations/list.ts'

/**
 * The IAM Query API. A call is decoded, validated, authorized and run; a write does the last two in one transaction
 * with its audit event. An operation that is not offered takes the same way up to its refusal.
 */
export const createIamApi = (needs: IamApiNeeds): IamApi => ({
  call: (call) => answer(needs, call),
  errorOf: iamErrorOf,
})

type Arrived = {
  readonly signed: SignedCaller
  readonly name: CallName
  readonly parameters: ParameterNode
  readonly from: RequestInfo
  readonly format: 'xml' | 'json'
}

async function answer(needs: IamApiNeeds, arrived: Arrived): Promise<string> {
  const { from, format } = arrived
  const operation = operationNamed(iam, arrived.name)
  const output = await run(needs, operation, arrived)
  return (format === 'json' ? writeJson : writeXml)(iam, operation, output, from.id)
}

const reads = /^(?:Get|List|Simulate)/

async function run(
  needs: IamApiNeeds,
  operation: IamOperation,
  { signed, parameters, from }: Arrived,
): Promise<OutputOf<typeof iam, IamOperation>> {
  const { caller, region } = signed
  const input = readInput(iam, operation, parameters)
  // The table of handlers has for each name the handler of that name.
  const handle = handlers[operation] as Handler<IamOperation> | undefined
  const prepare = preparations[operation] as Preparation<IamOperation> | undefined
  const readOnly = reads.test(operation)
  const afterwards: (() => Promise<void>)[] = []

  const authorized = async (db: Queryable, lock: boolean): Promise<Call> => {
    const { accountId } = caller
    const { builtInPolicies } = needs
    const asking = { operation, caller, from, input, db, builtInPolicies, accountId, lock }
    const entity = (await authorizeCall(asking)) as Call['entity']
    const demand = demandFurther(asking, caller)
    return { operation, needs, db, caller, accountId, from, input, entity, demand }
  }
  const prepared = prepare === undefined ? undefined : await prepare(await authorized(needs.database, false))
  const work = async (db: Queryable): Promise<OutputOf<typeof iam, IamOperation>> => {
    const call = await authorized(db, !readOnly)
    // A transaction that is tried again begins anew.
    afterwards.length = 0
    const later = (task: () => Promise<void>) => void afterwards.push(task)
    return handle === undefined ? notOffered(operation) : handle({ ...call, prepared, later })
  }
  const told = { operation, caller, from, region, input, readOnly }

  if (readOnly) {
    const output = await work(needs.database)
    // Reads never wait for the log.
    needs.audit.recordSoon(eventOf({ ...told, output })).catch((thrown: unknown) => {
      needs.log.warn({ err: thrown }, 'a read was not written to the audit log')
    })
    return output
  }
  const output = await untangled(() =>
    needs.database.transaction(async (tx) => {
      const written = await work(tx)
      await needs.audit.record(tx, eventOf({ ...told, output: written }))
      return written
    }),
  )
  for (const task of afterwards)
    task().catch((thrown: unknown) => {
      needs.log.warn({ err: thrown, operation }, 'what was to follow the answer failed')
    })
  return output
}

const notOffered = (operation: string): never =>
  refuse('malformed', 'iam-api/not-offered', `The operation ${operation} is known and not offered.`)

const tries = 3

/** Two writes that wait for each other: the database ends one of them, which is tried again. */
async function untangled<Result>(write: () => Promise<Result>): Promise<Result> {
  for (let left = tries; ; left--) {
    try {
      return await write()
    } catch (thrown) {
      if (!isDeadlock(thrown)) throw thrown
      if (left === 1)
        return refuse(
          'conflict',
          'iam-api/concurrent-modification',
          'The request was rejected because multiple requests to change this object were submitted simultaneously.',
        )
    }
  }
}
