import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openPages } from '#http'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A folder with the given files. */
function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-views-'))
  folders.push(folder)
  for (const [name, text] of Object.entries({ 'locales/en.json': '{}', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

describe('pages', () => {
  it('escape what they print', () => {
    const pages = openPages({ viewsDir: folderOf({ 'a.eta': '<p title="<%= it.x %>"><%= it.x %></p>' }) })
    expect(pages.render('a', { x: `<b a="1">&'` })).toBe(
      '<p title="&lt;b a=&quot;1&quot;&gt;&amp;&#39;">&lt;b a=&quot;1&quot;&gt;&amp;&#39;</p>',
    )
  })

  it('throw on a key that the props do not have, in the page, in a part and in the layout', () => {
    const pages = openPages({
      viewsDir: folderOf({
        'page.eta': '<% if (it.gone) { %>x<% } %>',
        'with-part.eta': '<% part("p", { own: 1 }) %>',
        'parts/p.eta': '<%= it.fromPage %>',
        'with-layout.eta': '<% layout("/l.eta", {}) %>',
        'l.eta': '<%= it.title %>',
      }),
    })
    expect(() => pages.render('page', {})).toThrow('reads "gone"')
    expect(() => pages.render('with-part', { fromPage: 'never inherited' })).toThrow('reads "fromPage"')
    expect(() => pages.render('with-layout', {})).toThrow('reads "title"')
  })

  it('throw instead of printing undefined', () => {
    const pages = openPages({ viewsDir: folderOf({ 'a.eta': '<%= it.user.name %>' }) })
    expect(() => pages.render('a', { user: {} })).toThrow('a page prints undefined')
  })

  it.each(['../secret', '/../secret', 'sub/../../secret', 'no-such-page'])('refuse the name %s', (name) => {
    const views = folderOf({ 'views/locales/en.json': '{}', 'secret.eta': 'secret' })
    expect(() => openPages({ viewsDir: join(views, 'views') }).render(name, {})).toThrow()
  })

  it('give way to the operator’s page, layout, part, asset and message of the same name', () => {
    const viewsDir = folderOf({
      'page.eta': '<% layout("/layout.eta") %>our page',
      'layout.eta': '<%~ it.body %> our layout <%~ part("p", {}) %> <%= t("a.b") %> <%= t("a.c") %>',
      'parts/p.eta': 'our part',
      'locales/en.json': '{"a.b": "our text", "a.c": "kept text"}',
      'assets/signet.css': 'ours',
    })
    const overrideDir = folderOf({
      'layout.eta': '<%~ it.body %> their layout <%~ part("p", {}) %> <%= t("a.b") %> <%= t("a.c") %>',
      'parts/p.eta': 'their part',
      'locales/en.json': '{"a.b": "their text"}',
      'assets/signet.css': 'theirs',
      'assets/custom.css': 'theirs alone',
    })
    const pages = openPages({ viewsDir, overrideDir })
    expect(pages.render('page', {})).toBe('our page their layout their part their text kept text')
    expect(pages.assets.find(pages.assets.url('signet.css'))?.body.toString()).toBe('theirs')
    expect(pages.assets.has('custom.css')).toBe(true)
  })

  it('leave out attributes that are null, false or undefined', () => {
    const pages = openPages({
      viewsDir: folderOf({
        'a.eta': '<i <%~ attrs({ a: "<", b: true, c: false, d: null, e: undefined, f: 1 }) %>>',
      }),
    })
    expect(pages.render('a', {})).toBe('<i a="&lt;" b f="1">')
  })
})
