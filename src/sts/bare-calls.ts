import { readParameters, type ParameterNode } from '#aws-wire'
import { recent } from '#kernel'
import { payloadHash } from '#sigv4'

/** A call that says nothing but its name: what it says, and its bytes as the signature has them. */
export type BareCall = { readonly parameters: ParameterNode; readonly body: { readonly sha256: string } }

const longestBytes = 96
const bareText = /^Action=[A-Za-z]{1,64}&Version=[0-9-]{10}$/
const known = recent<BareCall>(100)

/**
 * Such a call, read and hashed once: clients ask who they are in the same few words all day. Undefined for every call with
 * parameters.
 */
export function bareCallOf(body: Buffer): BareCall | undefined {
  if (body.length > longestBytes) return undefined
  const text = body.toString('latin1')
  const before = known.get(text)
  if (before !== undefined || !bareText.test(text)) return before
  const read = { parameters: readParameters(text), body: { sha256: payloadHash(body) } }
  known.set(text, read)
  return read
}
