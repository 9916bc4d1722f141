/** Which clause of the strict subset a document breaks. The caller puts its own name in front. */
export type XmlErrorCode =
  | 'limit'
  | 'doctype'
  | 'comment'
  | 'cdata'
  | 'pi'
  | 'entity'
  | 'character'
  | 'encoding'
  | 'namespace'
  | 'name'
  | 'attribute'
  | 'duplicate-id'
  | 'foreign-id'
  | 'malformed'

/** A document outside the subset. `offset` is where, in UTF-16 units; the text itself is never repeated. */
export class XmlError extends Error {
  readonly code: XmlErrorCode
  readonly offset: number

  constructor(code: XmlErrorCode, offset: number, message: string) {
    super(message)
    this.name = 'XmlError'
    this.code = code
    this.offset = offset
  }
}
