import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openMessages } from '#http'

const folder = mkdtempSync(join(tmpdir(), 'signet-locales-'))
afterAll(() => rmSync(folder, { recursive: true }))
writeFileSync(
  join(folder, 'en.json'),
  JSON.stringify({
    'a.hello': 'Hello {name}',
    'a.apps': 'You have {count, plural, =0 {no apps} one {# app} other {# apps}}, {name}',
    'a.only': 'English alone',
  }),
)
writeFileSync(join(folder, 'de.json'), JSON.stringify({ 'a.hello': 'Hallo {name}' }))
writeFileSync(join(folder, 'pt-BR.json'), JSON.stringify({}))
const messages = openMessages([folder])

describe('messages', () => {
  it('fill in values', () => {
    expect(messages.translate('de')('a.hello', { name: 'Ana' })).toBe('Hallo Ana')
  })

  it.each([
    [0, 'You have no apps, Ana'],
    [1, 'You have 1 app, Ana'],
    [2, 'You have 2 apps, Ana'],
  ])('count %i', (count, text) => {
    expect(messages.translate('en')('a.apps', { count, name: 'Ana' })).toBe(text)
  })

  it('come in English where a language lacks one, and for a language that is not there', () => {
    expect(messages.translate('de')('a.only')).toBe('English alone')
    expect(messages.translate('xx')('a.only')).toBe('English alone')
  })

  it('throw for an unknown id or a missing value', () => {
    expect(() => messages.translate('en')('a.gone')).toThrow('a.gone')
    expect(() => messages.translate('en')('a.hello')).toThrow('"name"')
  })

  it.each([
    [undefined, 'en'],
    ['de-AT, en;q=0.8', 'de'],
    ['en;q=0.5, de;q=0.9', 'de'],
    ['fr, *', 'en'],
    ['de;q=0, en', 'en'],
    ['pt-br', 'pt-BR'],
    [',;,q=', 'en'],
  ])('choose a language for %s', (header, language) => {
    expect(messages.negotiate(header)).toBe(language)
  })
})
