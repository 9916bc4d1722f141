import type { IncomingMessage } from 'node:http'
import { refuse } from '#kernel'
import type { Asking } from './asking.ts'
import { type Deletion, readResult, type Refused, writeDeletions, writeResult } from './delete-objects.ts'
import type { Place } from './place.ts'

/**
 * DeleteObjects: every key is decided on by itself. The store is told to delete those that are allowed; each other one is an
 * error in the result. Where none is allowed the store is not asked at all.
 *
 * @param request.besides what the headers ask for on each key
 * @returns the store's answer where all is allowed or the store refuses, else a result of ours
 * @throws Failure unavailable gateway/upstream
 */
export async function deleteObjects(
  needs: Asking & { readonly send: (list: Buffer) => Promise<IncomingMessage> },
  request: {
    readonly place: Place
    readonly list: { readonly objects: readonly Deletion[]; readonly quiet: boolean }
    readonly besides: (place: Place) => readonly string[]
  },
): Promise<IncomingMessage | Buffer> {
  const { objects, quiet } = request.list
  const { bucket } = request.place
  const allowed: Deletion[] = []
  const refused: Refused[] = []
  for (const object of objects) {
    const { key, versionId } = object
    const place = { bucket, key }
    const refusal = await needs.refusalOf([
      { action: versionId === undefined ? 'DeleteObject' : 'DeleteObjectVersion', place, versionId },
      ...request.besides(place).map((action) => ({ action, place, versionId })),
    ])
    if (refusal === undefined) allowed.push(object)
    else refused.push({ ...object, code: 'AccessDenied', message: refusal.message })
  }
  if (allowed.length === 0) return writeResult([], refused)
  await needs.noteAllowed(allowed.map(({ key }) => ({ bucket, key })))
  const answer = await needs.send(writeDeletions({ objects: allowed, quiet }))
  if (refused.length === 0 || answer.statusCode !== 200) return answer
  const told = readResult(await wholeOf(answer))
  return writeResult(quiet ? told.filter(({ name }) => name !== 'Deleted') : told, refused)
}

/** How large a store's result may be: 1,000 keys of 1,024 bytes, each byte written as a reference, and what is said of them. */
const resultBytes = 8_388_608

/** @throws Failure unavailable gateway/upstream */
async function wholeOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > resultBytes) throw new Error('its result is too large')
      chunks.push(chunk)
    }
  } catch (thrown) {
    refuse('unavailable', 'gateway/upstream', 'The store broke its answer off. Please try again.', {
      why: thrown instanceof Error ? thrown.message : String(thrown),
    })
  }
  return Buffer.concat(chunks)
}
