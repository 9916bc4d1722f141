import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'

import { callNameOf, readParameters } from '#aws-wire'
import { bareCallOf } from '#src/sts/bare-calls.ts'

const texts = [
  'Action=GetCallerIdentity&Version=2011-06-15',
  'Action=GetCallerIdentity&Version=2010-05-08',
  'Action=GetSessionToken&Version=2011-06-15',
]

describe('a call that says nothing but its name', () => {
  it('is read and hashed as it stands, the first time and again', () => {
    for (const text of [...texts, ...texts]) {
      const body = Buffer.from(text)
      const call = bareCallOf(body)
      expect(call?.body.sha256).toBe(createHash('sha256').update(body).digest('hex'))
      expect(call?.parameters).toEqual(readParameters(text))
    }
  })

  it('is no other call: with parameters, in another order, with a byte more', () => {
    for (const text of [
      `${texts[0]}&A=b`,
      'Version=2011-06-15&Action=GetCallerIdentity',
      `${texts[0]} `,
      'Action=GetCallerIdentity&Version=2011%2D06-15',
      'Action=&Version=2011-06-15',
      '',
    ])
      expect(bareCallOf(Buffer.from(text))).toBeUndefined()
    expect(bareCallOf(Buffer.from([...Buffer.from(texts[0] ?? ''), 0xff]))).toBeUndefined()
  })

  it('keeps its name in the middle of others', () => {
    const [call] = texts.map((text) => bareCallOf(Buffer.from(text)))
    expect(call && callNameOf(call.parameters)).toEqual({
      action: 'GetCallerIdentity',
      version: '2011-06-15',
    })
  })
})
