import * as fc from 'fast-check'

const prefixes = ['', 'a', 'b', 'c', 'd'] as const

/** Characters that canonical XML treats specially, and some beyond ASCII. */
const text = fc
  .array(
    fc.constantFrom(
      'x',
      'Z',
      ' ',
      '\n',
      '\t',
      '&amp;',
      '&lt;',
      '&gt;',
      '&quot;',
      '&apos;',
      '&#xD;',
      '&#9;',
      '&#10;',
      'é',
      '😀',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))

type Shape = {
  readonly prefix: (typeof prefixes)[number]
  readonly attributes: readonly { readonly prefix: string; readonly local: string; readonly value: string }[]
  readonly declare: readonly { readonly prefix: string; readonly uri: string }[]
  readonly selfClosing: boolean
  readonly children: readonly (Shape | string)[]
}

/**
 * Source text of random documents inside the strict subset: nested and repeated declarations, rebound prefixes when
 * `rebind`, prefixed attributes, special characters, empty elements in both spellings.
 */
export function xmlDocuments(rebind: boolean): fc.Arbitrary<string> {
  const uris = (prefix: string) =>
    rebind ? [`urn:x:${prefix}1`, `urn:x:${prefix}2`, 'urn:x:same'] : [`urn:x:${prefix}1`]
  const declaration = fc
    .constantFrom(...prefixes)
    .chain((prefix) => fc.constantFrom(...uris(prefix)).map((uri) => ({ prefix, uri })))
  const { node } = fc.letrec<{ node: Shape }>((tie) => ({
    node: fc.record({
      prefix: fc.constantFrom(...prefixes),
      attributes: fc.array(
        fc.record({
          prefix: fc.constantFrom(...prefixes),
          local: fc.constantFrom('k', 'm', 'z', 'B'),
          value: text,
        }),
        { maxLength: 4 },
      ),
      declare: fc.array(declaration, { maxLength: 2 }),
      selfClosing: fc.boolean(),
      children: fc.array(fc.oneof({ depthSize: 'small', withCrossShrink: true }, text, tie('node')), {
        maxLength: 4,
      }),
    }),
  }))
  return node.map((shape) => write(shape, new Map()))
}

function write(shape: Shape, outer: ReadonlyMap<string, string>): string {
  const scope = new Map(outer)
  const declared = new Map<string, string>()
  for (const { prefix, uri } of shape.declare) {
    declared.set(prefix, uri)
    scope.set(prefix, uri)
  }
  const needed = [
    shape.prefix,
    ...shape.attributes.map(({ prefix }) => prefix).filter((prefix) => prefix !== ''),
  ]
  for (const prefix of needed) {
    if (scope.has(prefix)) continue
    declared.set(prefix, `urn:x:${prefix}1`)
    scope.set(prefix, `urn:x:${prefix}1`)
  }
  const seen = new Set<string>()
  const attributes = shape.attributes.filter(({ prefix, local }) => {
    const key = `${prefix === '' ? '' : scope.get(prefix)} ${local}`
    return seen.has(key) ? false : seen.add(key)
  })
  const name = shape.prefix === '' ? 'e' : `${shape.prefix}:e`
  const head =
    attributes
      .map(({ prefix, local, value }) => ` ${prefix === '' ? local : `${prefix}:${local}`}="${value}"`)
      .join('') +
    [...declared]
      .map(([prefix, uri]) => (prefix === '' ? ` xmlns="${uri}"` : ` xmlns:${prefix}='${uri}'`))
      .join('')
  const inside = shape.children
    .map((child) => (typeof child === 'string' ? child : write(child, scope)))
    .join('')
  return inside === '' && shape.selfClosing ? `<${name}${head}/>` : `<${name}${head}>${inside}</${name}>`
}
