import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** The name of one message in `views/locales/<language>.json`: the page or slice, a dot, the thing. */
export type MessageId = `${string}.${string}`

/** What a message's braces are filled with. */
export type MessageValues = Readonly<Record<string, string | number>>

/** One language's messages as a function: the text of a message id. An unknown id or a missing value throws. */
export type Translate = (id: MessageId, values?: MessageValues) => string

/** The languages at hand and how to choose among them. */
export type Messages = {
  /** The languages that have a file, `en` first. */
  readonly languages: readonly string[]
  /** The texts of one language; what it lacks comes from English. */
  translate(language: string): Translate
  /** The best language for an `Accept-Language` header (RFC 9110 §12.5.4); `en` when none fits. */
  negotiate(acceptLanguage: string | undefined): string
  /** Whether a message id has a text, for ids that are made of a refusal's reason. */
  has(id: string): id is MessageId
}

const fileShape = z.record(z.string(), z.string())

/** Reads `<folder>/<language>.json` of every folder; a later folder's texts win (the operator's comes last). */
export function openMessages(folders: readonly string[]): Messages {
  const texts = new Map<string, Map<string, string>>([['en', new Map()]])
  for (const folder of folders) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      const language = file.slice(0, -'.json'.length)
      const known = texts.get(language) ?? new Map<string, string>()
      const read = fileShape.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')))
      for (const [id, text] of Object.entries(read)) known.set(id, text)
      texts.set(language, known)
    }
  }
  const english = texts.get('en') ?? new Map<string, string>()
  const languages = [...texts.keys()]
  return {
    languages,
    translate(language) {
      const own = texts.get(language) ?? english
      const plural = new Intl.PluralRules(texts.has(language) ? language : 'en')
      return (id, values = {}) => {
        const text = own.get(id) ?? english.get(id)
        if (text === undefined) throw new Error(`no message "${id}"`)
        return fill(text, values, plural)
      }
    },
    negotiate: (acceptLanguage) => negotiate(acceptLanguage, languages),
    has: (id): id is MessageId => english.has(id),
  }
}

/** Which languages are written from right to left, by their primary subtag. */
const rightToLeft = new Set(['ar', 'fa', 'he', 'ur'])

/** The `dir` attribute of a language. */
export const directionOf = (language: string): 'ltr' | 'rtl' =>
  rightToLeft.has(language.split('-')[0] ?? '') ? 'rtl' : 'ltr'

function negotiate(acceptLanguage: string | undefined, languages: readonly string[]): string {
  const wanted = (acceptLanguage ?? '')
    .slice(0, 1000)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
      const quality = parameters.map((each) => /^\s*q=([\d.]+)\s*$/.exec(each)?.[1]).find(Boolean)
      return { tag, quality: quality === undefined ? 1 : Number(quality) }
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((left, right) => right.quality - left.quality)
  for (const { tag } of wanted) {
    const found =
      languages.find((language) => language.toLowerCase() === tag) ??
      languages.find((language) => language.toLowerCase() === tag.split('-')[0])
    if (found !== undefined) return found
  }
  return 'en'
}

/**
 * The part of ICU MessageFormat that we use: `{name}` and `{count, plural, one {# app} other {# apps}}`, with `#` the
 * number. No nesting inside a branch but plain `{name}`.
 */
function fill(text: string, values: MessageValues, plural: Intl.PluralRules): string {
  const valueOf = (name: string): string | number => {
    const value = values[name]
    if (value === undefined) throw new Error(`message "${text}" lacks the value "${name}"`)
    return value
  }
  return text
    .replaceAll(
      /\{(\w+), plural,((?:\s*[\w=]+ \{[^{}]*(?:\{\w+\}[^{}]*)*\})+)\s*\}/g,
      (_, name: string, branches: string) => {
        const count = Number(valueOf(name))
        const chosen = new Map(
          [...branches.matchAll(/([\w=]+) \{([^{}]*(?:\{\w+\}[^{}]*)*)\}/g)].map(
            ([, key = '', branch = '']) => [key, branch],
          ),
        )
        const branch =
          chosen.get(`=${count}`) ?? chosen.get(plural.select(count)) ?? chosen.get('other') ?? ''
        return branch.replaceAll('#', String(count))
      },
    )
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => String(valueOf(name)))
}
