import { describe, expect, it } from 'vitest'
import { nearest, readYaml } from '#config'

const text = [
  'roles:',
  '  - name: a',
  '    trust: |',
  '      {',
  '        "Version": 1',
  '      }',
  '  - &b { name: b }',
  'again: *b',
].join('\n')

describe('a place in a YAML text', () => {
  const yaml = readYaml(text, 'x.yaml')

  it('is that of the value, or of its key', () => {
    expect(yaml.where(['roles', 0, 'name'])).toBe('x.yaml:2:11')
    expect(yaml.where(['roles', 0, 'name'], 'key')).toBe('x.yaml:2:5')
  })

  it('that does not stand there is that of the nearest thing around it', () => {
    expect(yaml.where(['roles', 1, 'trust', 'Statement'])).toBe('x.yaml:7:8')
    expect(yaml.has(['roles', 1, 'trust'])).toBe(false)
  })

  it('inside a block of JSON is the line and column of the file', () => {
    expect(yaml.whereInside(['roles', 0, 'trust'], 2, 3)).toBe('x.yaml:5:9')
    expect(text.split('\n')[4]?.slice(8)).toBe('"Version": 1')
  })

  it('is found through an alias', () => {
    expect(yaml.value).toMatchObject({ again: { name: 'b' } })
    expect(yaml.where(['again', 'name'])).toMatch(/^x\.yaml:7:/)
  })
})

describe('a hostile YAML text', () => {
  it('of aliases that multiply is refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`),
    ].join('\n')
    expect(readYaml(bomb, 'x.yaml').problems).toHaveLength(1)
  })

  it('with a __proto__ key changes nothing', () => {
    readYaml('__proto__: { polluted: yes }', 'x.yaml')
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})

describe('the nearest word', () => {
  it('is found through a swap, a missing and a wrong letter', () => {
    expect(nearest('srevice', ['service', 'server'])).toBe('service')
    expect(nearest('serv', ['serve', 'apply'])).toBe('serve')
  })
  it('is not made up', () => {
    expect(nearest('banana', ['serve', 'apply'])).toBeUndefined()
  })
})
