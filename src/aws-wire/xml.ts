const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
}

/** Printable ASCII without what is escaped: ids, ARNs, names and dates. */
const plain = /^[ !#-%'-;=?-~]*$/

/** Text for element content and attribute values. What XML 1.0 cannot carry becomes U+FFFD. */
export const text = (value: string): string =>
  plain.test(value)
    ? value
    : value
        .toWellFormed()
        // oxlint-disable-next-line no-control-regex -- the characters that XML 1.0 forbids
        .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')
        .replaceAll(/[&<>"\r]/g, (character) => escapes[character] ?? character)

/** An element around content that is already XML. */
export const element = (name: string, content: string): string =>
  content === '' ? `<${name}/>` : `<${name}>${content}</${name}>`
