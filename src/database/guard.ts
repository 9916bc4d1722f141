import { AsyncLocalStorage } from 'node:async_hooks'

const open = new AsyncLocalStorage<true>()

/** Marks everything `work` awaits as being inside a transaction. */
export const insideTransaction = <Result>(work: () => Promise<Result>): Promise<Result> =>
  open.run(true, work)

/**
 * Refuses a query on the database from inside a transaction: on the embedded database it would wait for itself
 * forever, and on PostgreSQL it would not see what the transaction wrote.
 */
export function refuseInsideTransaction(): void {
  if (open.getStore() === true)
    throw new Error('A query went to the database from inside a transaction: use the transaction’s handle.')
}
