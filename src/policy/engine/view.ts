import { inOrderOf, type Keys } from '../context.ts'
import type { Layout } from '../layout.ts'
import type { ContextValue, RequestPrincipal } from '../request.ts'
import { readAddress, readDate, readDecimal, type Address, type Decimal, type Instant } from '../values.ts'

/** One request as compiled statements look at it. What is parsed is parsed once per request. */
export type View = Keys & {
  readonly principal: RequestPrincipal
  readonly bounded: boolean
  readonly resource: string
  // What was read of each kind. Mostly it is one text that statement after statement asks for.
  decimal: Read<Decimal> | undefined
  date: Read<Instant> | undefined
  address: Read<Address> | undefined
  arn: Read<readonly string[]> | undefined
}

type Read<T> = {
  readonly text: string
  readonly value: T | undefined
  others?: Map<string, T | undefined>
}

/** The view of a request. */
export const createView = (
  principal: RequestPrincipal,
  bounded: boolean,
  resource: string,
  context: ReadonlyMap<string, ContextValue>,
  layout: Layout,
): View => ({
  context,
  layout,
  inOrder: inOrderOf(context),
  principal,
  bounded,
  resource,
  decimal: undefined,
  date: undefined,
  address: undefined,
  arn: undefined,
})

/** A request's text as a number; undefined for what is none. */
export function decimalOf(view: View, text: string): Decimal | undefined {
  const read = (view.decimal ??= { text, value: readDecimal(text) })
  return read.text === text ? read.value : another(read, text, readDecimal)
}

/** A request's text as a date; undefined for what is none. */
export function dateOf(view: View, text: string): Instant | undefined {
  const read = (view.date ??= { text, value: readDate(text) })
  return read.text === text ? read.value : another(read, text, readDate)
}

/** A request's text as an address; undefined for what is none. */
export function addressOf(view: View, text: string): Address | undefined {
  const read = (view.address ??= { text, value: readAddress(text) })
  return read.text === text ? read.value : another(read, text, readAddress)
}

/** The six fields of an ARN, the last with the rest; undefined for what is none. */
export function arnOf(view: View, text: string): readonly string[] | undefined {
  const read = (view.arn ??= { text, value: arnFields(text) })
  return read.text === text ? read.value : another(read, text, arnFields)
}

function another<T>(first: Read<T>, text: string, read: (text: string) => T | undefined): T | undefined {
  const others = (first.others ??= new Map<string, T | undefined>())
  const value = others.get(text)
  if (value !== undefined || others.has(text)) return value
  const made = read(text)
  others.set(text, made)
  return made
}

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
