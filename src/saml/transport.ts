import { inflateRawSync } from 'node:zlib'
import { refuseSaml } from './codes.ts'
import type { SamlCode } from './codes.ts'

/** The two message parameters of the bindings. */
type MessageKind = 'SAMLRequest' | 'SAMLResponse'

/** A message as it came off the wire: text that nothing has parsed yet. */
export type TransportedMessage = {
  readonly kind: MessageKind
  readonly xml: string
  readonly relayState: string | undefined
  /** Redirect only: what was signed, as received, and with what. */
  readonly detached: DetachedSignature | undefined
}

/** A signature over the received octets of a query string (SAML Bindings §3.4.4.1). */
export type DetachedSignature = {
  readonly octets: string
  readonly algorithm: string
  readonly signature: Uint8Array
}

/** Longest request on the wire, encoded, and longest one inflated or decoded, in bytes. */
const maxEncodedRequestBytes = 16_384
const maxDecodedRequestBytes = 65_536
/** Longest RelayState that we carry, in bytes. */
const maxRelayStateBytes = 2_048

/**
 * Strict base64: line breaks aside, exactly the alphabet, the padding and nothing after it.
 *
 * @throws Failure malformed saml/in-too-large, saml/in-base64
 */
export function decodeBase64(encoded: string, maxLength: number): Buffer {
  if (encoded.length > maxLength) refuseSaml('in-too-large', { expected: maxLength, found: encoded.length })
  const text = encoded.replaceAll(/[\r\n]/g, '')
  const bytes = Buffer.from(text, 'base64')
  // Node skips what it does not know; only text that comes out again as it went in was base64.
  if (text === '' || bytes.toString('base64') !== text) refuseSaml('in-base64')
  return bytes
}

/**
 * Text of a message: well-formed UTF-8 without a byte order mark.
 *
 * @throws Failure malformed saml/in-encoding
 */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = ''
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    refuseSaml('in-encoding', { found: 'not UTF-8' })
  }
  if (text.startsWith('\uFEFF')) refuseSaml('in-encoding', { found: 'byte order mark' })
  return text
}

/** Inflates at most 64 KiB and insists that the stream is the whole input (RFC 1951). */
function inflate(bytes: Uint8Array): Buffer {
  try {
    // Node's types do not know what `info` changes in the result.
    const { buffer, engine } = inflateRawSync(bytes, {
      maxOutputLength: maxDecodedRequestBytes,
      info: true,
    }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }
    if (engine.bytesWritten === bytes.length) return buffer
  } catch (cause) {
    refuseSaml('in-deflate', {
      found: cause instanceof Error && 'code' in cause ? cause.code : 'not a stream',
    })
  }
  return refuseSaml('in-deflate', { found: 'bytes after the stream' })
}

type Pair = { readonly name: string; readonly rawName: string; readonly rawValue: string }

/** Name and value pairs of a query or form, decoded just enough to count names. */
function pairsOf(raw: string, code: SamlCode): readonly Pair[] {
  return raw
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const cut = part.includes('=') ? part.indexOf('=') : part.length
      const rawName = part.slice(0, cut)
      return { name: decodeComponent(rawName, code), rawName, rawValue: part.slice(cut + 1) }
    })
}

/** Form decoding of one component: `+` is a space, escapes are UTF-8. */
function decodeComponent(raw: string, code: SamlCode): string {
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '))
  } catch {
    return refuseSaml(code, { found: 'a broken escape' })
  }
}

const watched = ['SAMLRequest', 'SAMLResponse', 'RelayState', 'SigAlg', 'Signature', 'SAMLEncoding'] as const

/** The watched parameters, each at most once and spelled plainly; others are ignored. */
function watchedOf(pairs: readonly Pair[], code: SamlCode): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { name, rawName, rawValue } of pairs) {
    if (!watched.some((each) => each === name)) continue
    // An attacker spells a second one SAML%52equest, so that verifier and reader disagree which one counts.
    if (found.has(name) || rawName !== name)
      refuseSaml(code, { at: name, found: 'twice, or escaped in its name' })
    found.set(name, rawValue)
  }
  return found
}

function kindOf(parameters: ReadonlyMap<string, string>, code: SamlCode): MessageKind {
  const request = parameters.has('SAMLRequest')
  if (request === parameters.has('SAMLResponse'))
    refuseSaml(code, { expected: 'exactly one of SAMLRequest and SAMLResponse' })
  return request ? 'SAMLRequest' : 'SAMLResponse'
}

function relayStateOf(parameters: ReadonlyMap<string, string>, code: SamlCode): string | undefined {
  const raw = parameters.get('RelayState')
  if (raw === undefined) return undefined
  const value = decodeComponent(raw, code)
  if (Buffer.byteLength(value) > maxRelayStateBytes)
    refuseSaml('in-too-large', { at: 'RelayState', expected: maxRelayStateBytes })
  return value
}

// In base64 a plus is a plus: some senders do not escape it, and a space means nothing.
const decodeBase64Component = (raw: string, code: SamlCode): string =>
  decodeComponent(raw.replaceAll('+', '%2B'), code)

/**
 * Takes a message from the raw body of a form post (SAML Bindings §3.5).
 *
 * @throws Failure malformed saml/in-too-large, saml/in-parameters, saml/in-base64, saml/in-encoding
 */
export function readPostBinding(
  body: Uint8Array,
  maxLength = Math.ceil((maxDecodedRequestBytes * 4) / 3),
): TransportedMessage {
  const parameters = watchedOf(
    pairsOf(Buffer.from(body).toString('latin1'), 'in-parameters'),
    'in-parameters',
  )
  const kind = kindOf(parameters, 'in-parameters')
  const encoded = decodeBase64Component(parameters.get(kind) ?? '', 'in-base64')
  const xml = decodeUtf8(decodeBase64(encoded, maxLength))
  return { kind, xml, relayState: relayStateOf(parameters, 'in-parameters'), detached: undefined }
}

/**
 * Takes a message from the raw query string, as received and without `?` (SAML Bindings §3.4). What was signed is
 * cut from the received octets, never encoded again.
 *
 * @throws Failure malformed saml/redirect-parameters, saml/in-too-large, saml/in-base64, saml/in-deflate,
 *   saml/in-encoding, saml/in-binding
 */
export function readRedirectBinding(query: string): TransportedMessage {
  const code = 'redirect-parameters'
  const parameters = watchedOf(pairsOf(query, code), code)
  const kind = kindOf(parameters, code)
  const encoding = parameters.get('SAMLEncoding')
  if (
    encoding !== undefined &&
    decodeComponent(encoding, code) !== 'urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE'
  )
    refuseSaml('in-binding', { at: 'SAMLEncoding' })
  const raw = parameters.get(kind) ?? ''
  const bytes = decodeBase64(decodeBase64Component(raw, 'in-base64'), maxEncodedRequestBytes)
  return {
    kind,
    xml: decodeUtf8(inflate(bytes)),
    relayState: relayStateOf(parameters, code),
    detached: detachedOf(kind, parameters),
  }
}

function detachedOf(
  kind: MessageKind,
  parameters: ReadonlyMap<string, string>,
): DetachedSignature | undefined {
  const [message, relayState, algorithm, signature] = [kind, 'RelayState', 'SigAlg', 'Signature'].map(
    (name) => parameters.get(name),
  )
  if (algorithm === undefined && signature === undefined) return undefined
  if (algorithm === undefined || signature === undefined)
    return refuseSaml('redirect-parameters', { expected: 'SigAlg and Signature together' })
  const relayed = relayState === undefined ? '' : `&RelayState=${relayState}`
  return {
    octets: `${kind}=${message ?? ''}${relayed}&SigAlg=${algorithm}`,
    algorithm: decodeComponent(algorithm, 'redirect-parameters'),
    signature: decodeBase64(decodeBase64Component(signature, 'redirect-signature'), 4_096),
  }
}
