import { refuse } from '#kernel'
import { childElements, readXml, textOf, type XmlElement, XmlError } from '#xml'
import { checkKey } from './place.ts'

/** One object to delete. */
export type Deletion = { readonly key: string; readonly versionId: string | undefined }

/** How large the list may be: 1,000 keys of 1,024 bytes, each byte written as a reference. */
export const deleteBytes = 2_097_152

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'
/** S3's refusal of a list that is none. @throws Failure malformed gateway/malformed-xml */
export const malformedXml = (): never =>
  refuse(
    'malformed',
    'gateway/malformed-xml',
    'The XML you provided was not well-formed or did not validate against our published schema.',
  )

const rootOf = (body: Buffer, maxNodes: number): XmlElement | undefined => {
  try {
    return readXml(
      new TextDecoder('utf-8', { fatal: true }).decode(body),
      { maxDepth: 4, maxNodes, maxAttributes: 8, maxNameLength: 64 },
      // Some clients and stores name no namespace.
      'plain',
    )
  } catch (thrown) {
    if (thrown instanceof XmlError || thrown instanceof TypeError) return undefined
    throw thrown
  }
}

/**
 * Reads what DeleteObjects is to delete (S3 API Reference, DeleteObjects).
 *
 * @throws Failure malformed gateway/malformed-xml, gateway/invalid-uri
 */
export function readDeletions(body: Buffer): {
  readonly objects: readonly Deletion[]
  readonly quiet: boolean
} {
  const root = rootOf(body, 12_000)
  if (root?.local !== 'Delete') return malformedXml()
  const objects: Deletion[] = []
  let quiet = false
  for (const child of childElements(root)) {
    if (child.local === 'Quiet') quiet = textOf(child).trim() === 'true'
    else if (child.local === 'Object') objects.push(deletionOf(child))
    else malformedXml()
  }
  if (objects.length < 1 || objects.length > 1_000) malformedXml()
  return { objects, quiet }
}

function deletionOf(element: XmlElement): Deletion {
  const members = new Map<string, string>()
  for (const child of childElements(element)) {
    // Conditions on what is deleted (ETag, size, time) narrow it; without them it would be more than was asked for.
    if ((child.local !== 'Key' && child.local !== 'VersionId') || members.has(child.local)) malformedXml()
    members.set(child.local, textOf(child))
  }
  const key = members.get('Key') ?? malformedXml()
  if (key === '' || Buffer.byteLength(key) > 1_024) malformedXml()
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

/** What became of one object, by the names of S3's elements: `Deleted` or `Error`, and what stands in it. */
export type Told = { readonly name: string; readonly members: readonly (readonly [string, string])[] }

/**
 * Reads the store's DeleteResult.
 *
 * @throws Failure unavailable gateway/upstream for what is none
 */
export function readResult(body: Buffer): readonly Told[] {
  const root = rootOf(body, 24_000)
  if (root?.local !== 'DeleteResult')
    return refuse(
      'unavailable',
      'gateway/upstream',
      'The store did not say what it has deleted. Please try again.',
    )
  return childElements(root).map((each) => ({
    name: each.local,
    members: childElements(each).map((member) => [member.local, textOf(member)]),
  }))
}

/** A deletion that was refused. */
export type Refused = Deletion & { readonly code: string; readonly message: string }

/** A DeleteResult of what the store says and of what was refused before it. */
export function writeResult(told: readonly Told[], refused: readonly Refused[]): Buffer {
  const all: readonly Told[] = [
    ...told,
    ...refused.map(({ key, versionId, code, message }): Told => ({
      name: 'Error',
      members: [
        ['Key', key],
        ...(versionId === undefined ? [] : [['VersionId', versionId] as const]),
        ['Code', code],
        ['Message', message],
      ],
    })),
  ]
  const written = all.map(
    ({ name, members }) =>
      `<${name}>${members.map(([member, text]) => `<${member}>${xmlText(text)}</${member}>`).join('')}</${name}>`,
  )
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="${namespace}">${written.join('')}</DeleteResult>`,
  )
}
