import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readYaml } from '#config'
import { sections } from '#src/app.ts'

const text = readFileSync(join(import.meta.dirname, '../../config/default.yaml'), 'utf8')
const yaml = readYaml(text, 'config/default.yaml')

describe('config/default.yaml', () => {
  it('names every section and no other', () => {
    expect(Object.keys(yaml.value as object).toSorted()).toEqual(Object.keys(sections).toSorted())
  })

  for (const [name, schema] of Object.entries(sections)) {
    const written = (yaml.value as Record<string, Record<string, unknown>>)[name] ?? {}
    it(`gives ${name} every key of its schema, each with the default of the schema`, () => {
      expect(Object.keys(written).toSorted()).toEqual(Object.keys(schema.shape).toSorted())
      expect(schema.parse(written)).toEqual(schema.parse({}))
    })

    it(`tells of every key of ${name} what it is`, () => {
      const lines = text.split('\n')
      for (const key of Object.keys(written)) {
        const at = Number(yaml.where([name, key], 'key').split(':')[1])
        expect(lines[at - 2], `${name}.${key}`).toMatch(/^\s*#/)
      }
    })
  }
})
