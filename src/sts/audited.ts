import type { Audit, AuditEntry } from '#audit'
import { isFailure, type Failure } from '#kernel'

import { stsErrorOf } from './codes.ts'

/** What an operation tells of itself besides its result. */
export type Told = Pick<AuditEntry, 'response' | 'additional' | 'resources' | 'by'>

const known = new WeakSet<Failure>()

/** Whether a refusal is in the log already. */
export const wasAudited = (failure: Failure): boolean => known.has(failure)

/**
 * Runs an operation and writes its audit event, also when it is refused. The answer waits for the event's commit: for an
 * issuing operation the event is the only write there is. One that only reads does not wait for the log.
 */
export async function audited<Result>(
  { audit }: { readonly audit: Pick<Audit, 'recordSoon' | 'note'> },
  entry: Omit<AuditEntry, 'source' | 'error' | 'response'>,
  work: () => Promise<{ readonly result: Result; readonly told?: Partial<Told> }>,
): Promise<Result> {
  try {
    const { result, told } = await work()
    const event = { ...entry, ...told, source: 'sts' }
    await (entry.readOnly === true ? audit.note(event) : audit.recordSoon(event))
    return result
  } catch (thrown) {
    if (isFailure(thrown)) {
      const { code, message } = stsErrorOf(thrown)
      const additional = { reason: thrown.reason }
      known.add(thrown)
      await audit.recordSoon({ ...entry, source: 'sts', error: { code, message }, additional })
    }
    throw thrown
  }
}
