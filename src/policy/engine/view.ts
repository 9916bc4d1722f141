import type { Keys } from '../context.ts'
import type { RequestPrincipal } from '../request.ts'
import { readAddress, readDate, readDecimal, type Address, type Decimal, type Instant } from '../values.ts'

/** One request as compiled statements look at it. What is parsed is parsed once per request. */
export type View = {
  readonly principal: RequestPrincipal
  readonly bounded: boolean
  /** In lower case. */
  readonly action: string
  readonly resource: string
  readonly keys: Keys
  decimals?: Map<string, Decimal | undefined>
  dates?: Map<string, Instant | undefined>
  addresses?: Map<string, Address | undefined>
  arns?: Map<string, readonly string[] | undefined>
}

/** The view of a request. */
export const createView = (
  principal: RequestPrincipal,
  bounded: boolean,
  action: string,
  resource: string,
  keys: Keys,
): View => ({ principal, bounded, action, resource, keys })

export const decimalOf = (view: View, text: string): Decimal | undefined =>
  once((view.decimals ??= new Map()), text, readDecimal)
export const dateOf = (view: View, text: string): Instant | undefined =>
  once((view.dates ??= new Map()), text, readDate)
export const addressOf = (view: View, text: string): Address | undefined =>
  once((view.addresses ??= new Map()), text, readAddress)
export const arnOf = (view: View, text: string): readonly string[] | undefined =>
  once((view.arns ??= new Map()), text, arnFields)

function once<T>(
  known: Map<string, T | undefined>,
  text: string,
  read: (text: string) => T | undefined,
): T | undefined {
  const value = known.get(text)
  if (value !== undefined || known.has(text)) return value
  const made = read(text)
  known.set(text, made)
  return made
}

/** The six fields of an ARN; undefined for what is none. */
function arnFields(text: string): readonly string[] | undefined {
  if (!text.startsWith('arn:')) return undefined
  const fields = ['arn']
  let start = 4
  for (let field = 1; field < 5; field++) {
    const end = text.indexOf(':', start)
    if (end < 0) return undefined
    fields.push(text.slice(start, end))
    start = end + 1
  }
  fields.push(text.slice(start))
  return fields
}
