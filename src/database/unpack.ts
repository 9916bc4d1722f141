import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { createBrotliDecompress } from 'node:zlib'

const block = 512

/**
 * Unpacks the shipped cluster (a tar under brotli) into a folder that is not there yet. It appears whole or not at all: a
 * start that is cut off leaves nothing that the next one would take for a database.
 */
export async function unpackCluster(archive: string, folder: string): Promise<void> {
  const draft = `${folder}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true, mode: 0o700 })
  await untar(createReadStream(archive).pipe(createBrotliDecompress({ chunkSize: 1_048_576 })), draft)
  await rename(draft, folder)
}

/**
 * The files of a ustar stream, one after the other, in little memory. They are written synchronously: there are more than
 * a thousand small ones, nothing else runs on the database's thread yet, and a trip through the thread pool for each call
 * takes ten times as long.
 *
 * @throws Error for a tar that is not as ours
 */
async function untar(stream: AsyncIterable<Buffer>, folder: string): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  const chunks = stream[Symbol.asyncIterator]()
  /** The next bytes, as many as asked for. */
  async function take(size: number): Promise<Buffer> {
    const parts = [rest]
    let length = rest.length
    while (length < size) {
      const { value, done } = await chunks.next()
      if (done === true) throw new Error('The archive of the embedded database is cut short.')
      parts.push(value)
      length += value.length
    }
    const all = parts.length === 1 ? rest : Buffer.concat(parts)
    rest = all.subarray(size)
    return all.subarray(0, size)
  }

  const folders = new Set<string>()
  const makeFolder = (path: string) => {
    if (folders.has(path)) return
    mkdirSync(path, { recursive: true, mode: 0o700 })
    folders.add(path)
  }

  for (;;) {
    const header = await take(block)
    const text = (from: number, size: number) =>
      header.toString('latin1', from, from + size).replace(/\0.*$/s, '')
    const name = `${text(345, 155)}${text(345, 155) === '' ? '' : '/'}${text(0, 100)}`
    // Two empty blocks end an archive; what follows is padding.
    if (name === '') return
    const path = join(folder, normalize(`/${name}`))
    const size = Number.parseInt(text(124, 12).trim() || '0', 8)
    const type = text(156, 1)
    if (type === '5') makeFolder(path)
    else if (type === '0' || type === '') {
      makeFolder(dirname(path))
      const file = openSync(path, 'w', 0o600)
      try {
        for (let left = size; left > 0;) {
          const part = await take(Math.min(left, 1_048_576))
          for (let written = 0; written < part.length;) written += writeSync(file, part, written)
          left -= part.length
        }
      } finally {
        closeSync(file)
      }
      await take((block - (size % block)) % block)
    } else throw new Error(`The archive of the embedded database holds an entry of type ${type}.`)
  }
}
