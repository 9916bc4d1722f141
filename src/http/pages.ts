import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Eta } from 'eta'
import { openAssets } from './assets.ts'
import type { Assets } from './assets.ts'
import { directionOf, openMessages } from './messages.ts'
import type { Messages } from './messages.ts'

/** What every page knows beside its own props. */
export type Shell = {
  /** A language of `Messages.languages`. */
  readonly language: string
  /** The user's choice of colours; `system` follows the device. */
  readonly theme: 'system' | 'light' | 'dark'
}

/**
 * Renders a page of one slice, typed by the slice's own record of page names and props.
 *
 * A key that a template reads and the props do not have throws, as does printing `undefined` or `null`: a missing
 * value is a bug that a test finds, not a word on a page.
 */
export type Render<Props extends object> = <Name extends keyof Props & string>(
  name: Name,
  props: Props[Name],
  shell?: Shell,
) => string

/** The pages, their texts and their static files. */
export type Pages = {
  render(name: string, props: object, shell?: Shell): string
  readonly messages: Messages
  readonly assets: Assets
}

/** The pages of this slice: what any request may end in. */
export type HttpPages = {
  'http/error': {
    readonly title: string
    readonly message: string
    /** Whose side it is on: the visitor's request, the app that sent it, or this server. */
    readonly side: 'request' | 'server'
    readonly requestId: string
    readonly action: { readonly href: string; readonly label: string } | null
  }
  'http/not-found': { readonly requestId: string }
}

/**
 * Reads every template of `views/` once; a file of the same relative path in the operator's folder wins, for layouts,
 * parts, assets and messages too. Changing one takes a restart.
 *
 * A template is server code: the folder is a mount of the operator's, never something uploaded.
 */
export function openPages(options: {
  readonly viewsDir: string
  readonly overrideDir?: string | undefined
}): Pages {
  const folders = [options.viewsDir, ...(options.overrideDir === undefined ? [] : [options.overrideDir])]
  const within = (name: string) =>
    folders.map((folder) => join(folder, name)).filter((path) => existsSync(path))
  const messages = openMessages(within('locales'))
  const assets = openAssets(within('assets'))

  const sources = new Map<string, string>()
  for (const folder of folders) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (file.endsWith('.eta')) sources.set(file, readFileSync(join(folder, file), 'utf8'))
    }
  }
  const eta = new Eta({
    views: options.viewsDir,
    cache: true,
    escapeFunction: escapeText,
    // Every template, part and layout sees guarded values and the same four helpers.
    functionHeader: `it = it.guard(it); const { t, asset, attrs, shell } = it;
const part = (name, props) => this.render('/parts/' + name, it.forPart(props), options);`,
  })
  eta.readFile = (path) => {
    const name = relative(options.viewsDir, path)
    const source = sources.get(name)
    if (source === undefined) throw new Error(`no template "${name}"`)
    return source
  }

  return {
    messages,
    assets,
    render(name, props, shell = { language: 'en', theme: 'system' }) {
      const helpers = {
        guard,
        attrs,
        t: messages.translate(shell.language),
        asset: assets.url,
        shell: {
          ...shell,
          direction: directionOf(shell.language),
          customCss: assets.has('custom.css') ? assets.url('custom.css') : null,
        },
        forPart: (partProps: object) => ({ ...helpers, ...partProps }),
      }
      return eta.render(name, { ...helpers, ...props })
    },
  }
}

/** The same values, where reading an unknown key throws instead of giving `undefined`. */
const guard = <T extends object>(values: T): T =>
  new Proxy(values, {
    get(target, key, receiver): unknown {
      // eta asks for its blocks whether there are any or not.
      if (typeof key === 'symbol' || key in target || key === '__blocks')
        return Reflect.get(target, key, receiver)
      throw new Error(`the page reads "${key}", which its props do not have`)
    },
  })

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text made safe for element content and quoted attribute values. */
function escapeText(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new TypeError(`a page prints ${value === null ? 'null' : typeof value}`)
  }
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** Attributes from a record: `true` is the bare name; `false`, `null` and `undefined` leave it out. */
const attrs = (values: Readonly<Record<string, string | number | boolean | null | undefined>>): string =>
  Object.entries(values)
    .flatMap(([name, value]) => {
      if (value === false || value === null || value === undefined) return []
      return [value === true ? name : `${name}="${escapeText(value)}"`]
    })
    .join(' ')
