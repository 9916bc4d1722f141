import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const folder = new URL('./', import.meta.url)
const tests = readdirSync(folder)
  .filter((name) => name !== 'codes.test.ts')
  .map((name) => readFileSync(new URL(name, folder), 'utf8'))
  .join('\n')
const source = readFileSync(new URL('../../src/saml/codes.ts', import.meta.url), 'utf8')
const codes = [...source.matchAll(/^ {2}'([a-z0-9-]+)': '/gm)].map((match) => match[1] ?? '')

it('every code of a refusal has a test that names it', () => {
  expect(codes.length).toBeGreaterThan(70)
  expect(codes.filter((code) => !new RegExp(`\\b${code}\\b(?!-)`).test(tests))).toEqual([])
})

it('every code is one that something refuses with', () => {
  const files = readdirSync(new URL('../../src/saml/', import.meta.url)).filter((name) => name !== 'codes.ts')
  const all = files
    .map((name) => readFileSync(new URL(`../../src/saml/${name}`, import.meta.url), 'utf8'))
    .join('\n')
  // The reader's codes are put together from its own.
  const own = codes.filter((code) => !code.startsWith('xml-'))
  expect(own.filter((code) => !all.includes(`'${code}'`))).toEqual([])
})
