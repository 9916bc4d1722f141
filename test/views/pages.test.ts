import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openPages } from '#http'
import { samples } from './samples.ts'

const viewsDir = new URL('../../views/', import.meta.url).pathname
const pages = openPages({ viewsDir })

const rendered = Object.entries(samples).flatMap(([name, variants]) =>
  variants.map((props: object, index) => ({
    name: `${name} ${index + 1}`,
    html: pages.render(name, props, { language: 'en', theme: 'dark' }),
  })),
)

/** The start tags of a page, as written. */
const tags = (html: string): string[] => html.match(/<[a-z][^>]*>/g) ?? []

describe('every page', () => {
  it('has a sample, and every sample a page', () => {
    const files = readdirSync(viewsDir, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.eta') && file.includes('/') && !file.startsWith('parts/'))
      .map((file) => file.slice(0, -'.eta'.length))
    const others = files.filter((name) => !(name in samples))
    // Pages of slices that bring their own samples stand in their own folder.
    expect(others.filter((name) => /^(http|signin|setup|portal)\//.test(name))).toEqual([])
    expect(Object.keys(samples).filter((name) => !files.includes(name))).toEqual([])
  })

  it.each(rendered)('$name prints no missing value', ({ html }) => {
    expect(html).not.toMatch(/undefined|\[object|NaN/)
  })

  it.each(rendered)('$name has nothing inline that the content security policy would block', ({ html }) => {
    expect(html).not.toMatch(/<style\b/)
    for (const tag of tags(html)) {
      expect(tag).not.toMatch(/\s(style|on[a-z]+)=/)
      if (tag.startsWith('<script')) expect(tag).toMatch(/\ssrc="\/assets\//)
    }
  })

  it.each(rendered)('$name has one h1, one main, a language and a title', ({ html }) => {
    expect(html.match(/<h1\b/g)).toHaveLength(1)
    expect(html.match(/<main\b/g)).toHaveLength(1)
    expect(html).toMatch(/<html lang="en" dir="ltr" data-theme="dark">/)
    expect(html).toMatch(/<title>[^<]+ · Signet<\/title>/)
  })

  it.each(rendered)('$name labels every field and uses no id twice', ({ html }) => {
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1])
    expect(ids).toEqual([...new Set(ids)])
    for (const tag of tags(html).filter((each) => /^<(input|select|textarea)\b/.test(each))) {
      if (/type="(hidden|checkbox)"|aria-hidden="true"/.test(tag)) continue
      const id = /\sid="([^"]+)"/.exec(tag)?.[1]
      expect(html).toContain(`<label for="${id}">`)
    }
    for (const [, described = ''] of html.matchAll(/aria-describedby="([^"]+)"/g)) {
      for (const id of described.split(' ')) expect(ids).toContain(id)
    }
  })

  it.each(rendered)('$name sends every form by POST with a token against cross-site requests', ({ html }) => {
    for (const [form] of html.matchAll(/<form\b[\s\S]*?<\/form>/g)) {
      expect(form).toMatch(/^<form method="post"/)
      expect(form).toMatch(/<input type="hidden" name="_csrf" value="[^"]+">/)
    }
  })

  it('says Error in the title after a failure', () => {
    const [good, bad] = samples['signin/identify']
    expect(pages.render('signin/identify', good ?? {})).toContain('<title>Sign in · Signet</title>')
    expect(pages.render('signin/identify', bad ?? {})).toContain('<title>Error: Sign in · Signet</title>')
  })

  it('escapes what people and apps are called', () => {
    const html = pages.render('signin/identify', samples['signin/identify'][0] ?? {})
    expect(html).toContain('Grafana &lt;Ops &amp; &quot;Dev&quot;&gt;')
    expect(pages.render('signin/go', samples['signin/go'][0] ?? {})).toContain('state=&quot;&lt;b&gt;')
  })
})

describe('messages', () => {
  const sources = [
    ...readdirSync(viewsDir, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.eta'))
      .map((file) => join(viewsDir, file)),
    ...readdirSync(new URL('../../src/', import.meta.url).pathname, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => new URL(`../../src/${file}`, import.meta.url).pathname),
  ].map((path) => readFileSync(path, 'utf8'))
  const known = Object.keys(
    JSON.parse(readFileSync(join(viewsDir, 'locales/en.json'), 'utf8')) as Record<string, string>,
  )
  const literal = new Set(
    sources.flatMap((source) => [...source.matchAll(/\bt\(\s*'([\w./-]+)'/g)].map((match) => match[1] ?? '')),
  )
  // Ids made from a value, such as t('strength.' + score), are known by what stands before the plus.
  const prefixes = [...literal].filter(
    (id) => !known.includes(id) && known.some((each) => each.startsWith(id)),
  )

  it('exist for every id that a page or a slice asks for', () => {
    expect([...literal].filter((id) => !known.includes(id) && !prefixes.includes(id))).toEqual([])
  })

  it('are all used', () => {
    const used = (id: string) =>
      literal.has(id) ||
      prefixes.some((prefix) => id.startsWith(prefix)) ||
      sources.some((source) => source.includes(`'${id}'`) || source.includes(`\`${id}\``)) ||
      // A refusal's reason is looked up by name.
      (id.startsWith('problem.') &&
        sources.some((source) => source.includes(`'${id.slice('problem.'.length)}'`)))
    expect(known.filter((id) => !used(id))).toEqual([])
  })

  it('are complete in every language', () => {
    for (const file of readdirSync(join(viewsDir, 'locales'))) {
      const texts = JSON.parse(readFileSync(join(viewsDir, 'locales', file), 'utf8')) as Record<
        string,
        string
      >
      expect(Object.keys(texts).toSorted(), file).toEqual(known.toSorted())
    }
  })
})
