import { refuse } from '#kernel'
import { childElements, readXml, textOf, type XmlElement, XmlError } from '#xml'
import { checkKey } from './place.ts'

/** One object to delete. */
export type Deletion = { readonly key: string; readonly versionId: string | undefined }

/** How large the list may be: 1,000 keys of 1,024 bytes, each byte written as a reference. */
export const deleteBytes = 2_097_152

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'
const malformed = (): never =>
  refuse(
    'malformed',
    'gateway/malformed-xml',
    'The XML you provided was not well-formed or did not validate against our published schema.',
  )

/**
 * Reads what DeleteObjects is to delete (S3 API Reference, DeleteObjects).
 *
 * @throws Failure malformed gateway/malformed-xml, gateway/invalid-uri
 */
export function readDeletions(body: Buffer): {
  readonly objects: readonly Deletion[]
  readonly quiet: boolean
} {
  let root: XmlElement
  try {
    root = readXml(
      new TextDecoder('utf-8', { fatal: true }).decode(body),
      { maxDepth: 4, maxNodes: 12_000, maxAttributes: 8, maxNameLength: 64 },
      'document',
    )
  } catch (thrown) {
    if (thrown instanceof XmlError || thrown instanceof TypeError) return malformed()
    throw thrown
  }
  if (root.local !== 'Delete') malformed()
  const objects: Deletion[] = []
  let quiet = false
  for (const child of childElements(root)) {
    if (child.local === 'Quiet') quiet = textOf(child).trim() === 'true'
    else if (child.local === 'Object') objects.push(deletionOf(child))
    else malformed()
  }
  if (objects.length < 1 || objects.length > 1_000) malformed()
  return { objects, quiet }
}

function deletionOf(element: XmlElement): Deletion {
  const members = new Map<string, string>()
  for (const child of childElements(element)) {
    // Conditions on what is deleted (ETag, size, time) narrow it; without them it would be more than was asked for.
    if ((child.local !== 'Key' && child.local !== 'VersionId') || members.has(child.local)) malformed()
    members.set(child.local, textOf(child))
  }
  const key = members.get('Key') ?? malformed()
  if (key === '' || Buffer.byteLength(key) > 1_024) malformed()
  checkKey(key)
  const versionId = members.get('VersionId')
  return { key, versionId: versionId === '' ? undefined : versionId }
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
/** Text for an element of XML. */
export const xmlText = (text: string): string =>
  text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character)

/** The list for the store: what was decided about, written anew. */
export const writeDeletions = (list: {
  readonly objects: readonly Deletion[]
  readonly quiet: boolean
}): Buffer =>
  Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="${namespace}">${list.objects
      .map(
        ({ key, versionId }) =>
          `<Object><Key>${xmlText(key)}</Key>${versionId === undefined ? '' : `<VersionId>${xmlText(versionId)}</VersionId>`}</Object>`,
      )
      .join('')}<Quiet>${list.quiet}</Quiet></Delete>`,
  )
