import { describe, expect, it } from 'vitest'
import { createLog } from '#cli'
import { Secret } from '#kernel'
import { redactedNames } from '#src/cli/log.ts'

function logged(fields: object, format: 'json' | 'text' = 'json'): string {
  let text = ''
  createLog({ level: 'info', format }, (line) => {
    text += line
  }).info(fields, 'said')
  return text
}

describe('a log line', () => {
  for (const name of redactedNames)
    it(`never shows ${name}, at any depth and in any spelling`, () => {
      const camel = name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
      const text = logged({
        [name]: 'hunter2',
        body: { list: [{ [camel]: 'hunter2' }] },
        headers: new Map([[name.replaceAll('_', '-').toUpperCase(), 'hunter2']]),
      })
      expect(text).not.toContain('hunter2')
      expect(text).toContain('***')
    })

  it('shows a Secret as ***, bytes by their number, and the rest as it is', () => {
    const text = logged({
      key: new Secret('hunter2'),
      body: Buffer.from('hunter2'),
      reason: 'mfa/code-expired',
    })
    expect(text).not.toContain('hunter2')
    expect(JSON.parse(text)).toMatchObject({
      key: '***',
      body: '7 bytes',
      reason: 'mfa/code-expired',
      msg: 'said',
    })
  })

  it('of a child carries the request id', () => {
    let text = ''
    createLog({ level: 'info', format: 'json' }, (line) => {
      text += line
    })
      .child({ request: 'r1' })
      .info({}, 'x')
    expect(JSON.parse(text)).toMatchObject({ request: 'r1' })
  })

  it('for a terminal is one line of text, with the stack of an error below', () => {
    const text = logged({ err: new Error('broken'), path: '/x' }, 'text')
    expect(text.split('\n')[0]).toMatch(/^\d\d:\d\d:\d\d info {2}said path="?\/x/)
    expect(text).toContain('Error: broken')
  })
})
