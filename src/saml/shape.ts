import { attributeOf, childElements, isElement, pathOf, textOf } from '#xml'
import type { XmlElement } from '#xml'
import { refuseSaml } from './codes.ts'
import type { SamlCode } from './codes.ts'

/**
 * Tools of gate step 3: a closed world. What a rule does not name is refused, so that nobody has to ask what an
 * unknown element might have meant.
 */
type ChildRule = {
  readonly namespace: string
  readonly local: string
  readonly min: number
  readonly max: number
  /** The code when there are too few or too many. */
  readonly code: SamlCode | undefined
}

/** Exactly one, at most one, any number of a child. */
export const one = (namespace: string, local: string, code?: SamlCode): ChildRule =>
  rule(namespace, local, 1, 1, code)
export const optional = (namespace: string, local: string, code?: SamlCode): ChildRule =>
  rule(namespace, local, 0, 1, code)
export const many = (namespace: string, local: string, min = 0, code?: SamlCode): ChildRule =>
  rule(namespace, local, min, Infinity, code)

const rule = (namespace: string, local: string, min: number, max: number, code?: SamlCode): ChildRule => ({
  namespace,
  local,
  min,
  max,
  code,
})

/** The children a rule found, by local name. */
export type Children = {
  readonly all: (local: string) => readonly XmlElement[]
  readonly first: (local: string) => XmlElement | undefined
  /** For a rule with at least one. */
  readonly get: (local: string) => XmlElement
}

/**
 * The children of an element, which must come in the order of the rules, with only white space between them.
 *
 * @throws Failure malformed saml/shape-element, saml/shape-text, or the rule's own code for a wrong number
 */
export const inOrder = (element: XmlElement, ...rules: readonly ChildRule[]): Children =>
  match(element, rules, true, 'shape-element')

/** The same in any order; `foreign` is the code for a child that no rule names. */
export const inAnyOrder = (
  element: XmlElement,
  rules: readonly ChildRule[],
  foreign: SamlCode = 'shape-element',
): Children => match(element, rules, false, foreign)

function match(
  element: XmlElement,
  rules: readonly ChildRule[],
  ordered: boolean,
  foreign: SamlCode,
): Children {
  for (const child of element.children)
    if (child.kind === 'text' && /[^ \t\n\r]/.test(child.value))
      refuseSaml('shape-text', { at: pathOf(element) })
  const found: XmlElement[][] = rules.map(() => [])
  let reached = 0
  for (const child of element.children) {
    if (child.kind === 'text') continue
    const index = rules.findIndex(({ namespace, local }) => isElement(child, namespace, local))
    if (index < 0 || (ordered && index < reached)) refuseSaml(foreign, { at: pathOf(child) })
    reached = index
    found[index]?.push(child)
  }
  rules.forEach(({ local, min, max, code }, index) => {
    const count = found[index]?.length ?? 0
    if (count < min || count > max)
      refuseSaml(code ?? 'shape-element', { at: `${pathOf(element)}/${local}`, found: count })
  })
  const all = (local: string): readonly XmlElement[] =>
    found[rules.findIndex((each) => each.local === local)] ?? []
  return {
    all,
    first: (local) => all(local)[0],
    get: (local) => all(local)[0] ?? refuseSaml('shape-element', { at: `${pathOf(element)}/${local}` }),
  }
}

/** What an element may carry as attributes; `foreign` ones (of another namespace) refuse unless they are ignored. */
export type AttributeRule = {
  readonly required?: readonly string[]
  readonly optional?: readonly string[]
  readonly foreign?: 'ignore'
}

/**
 * Checks the attributes of an element.
 *
 * @throws Failure malformed saml/shape-attribute
 */
export function checkAttributes(element: XmlElement, rules: AttributeRule = {}): void {
  const required = rules.required ?? []
  for (const { namespace, local } of element.attributes) {
    if (namespace !== '' && rules.foreign === 'ignore') continue
    if (namespace !== '' || !(required.includes(local) || rules.optional?.includes(local)))
      refuseSaml('shape-attribute', { at: pathOf(element), found: local })
  }
  for (const name of required)
    if (attributeOf(element, name) === undefined)
      refuseSaml('shape-attribute', { at: pathOf(element), expected: name })
}

/**
 * The text of an element that holds nothing else, exactly as it stands.
 *
 * @throws Failure malformed saml/shape-text, saml/shape-attribute
 */
export function leafText(element: XmlElement, rules: AttributeRule = {}): string {
  if (childElements(element).length > 0) refuseSaml('shape-text', { at: pathOf(element) })
  checkAttributes(element, rules)
  return textOf(element)
}

/**
 * Refuses an element that holds anything but white space.
 *
 * @throws Failure malformed saml/shape-element, saml/shape-text
 */
export const expectEmpty = (element: XmlElement): void => void inOrder(element)

/**
 * The root, which must have this name.
 *
 * @throws Failure malformed saml/shape-root
 */
export function expectRoot(root: XmlElement, namespace: string, local: string): void {
  if (root.local !== local || root.namespace !== namespace)
    refuseSaml('shape-root', { expected: local, found: root.local })
}

/**
 * Refuses a message or assertion of another version than 2.0.
 *
 * @throws Failure malformed saml/shape-version
 */
export function checkVersion(element: XmlElement): void {
  const found = attributeOf(element, 'Version')
  if (found !== '2.0') refuseSaml('shape-version', { at: pathOf(element), expected: '2.0', found })
}

const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/

/**
 * A time attribute in the one form SAML Core §1.3.3 allows, UTC.
 *
 * @throws Failure malformed saml/shape-time
 */
export function timeOf(element: XmlElement, name: string): Temporal.Instant | undefined {
  const text = attributeOf(element, name)
  if (text === undefined) return undefined
  try {
    if (timePattern.test(text)) return Temporal.Instant.from(text)
  } catch {
    // A thirteenth month has the form and is no time.
  }
  return refuseSaml('shape-time', { at: pathOf(element), expected: name })
}

/** A time attribute that must be there. */
export const requiredTimeOf = (element: XmlElement, name: string): Temporal.Instant =>
  timeOf(element, name) ?? refuseSaml('shape-attribute', { at: pathOf(element), expected: name })
