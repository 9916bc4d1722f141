import { describe, expect, it } from 'vitest'
import type { FederationUrlPages } from '#federation-url'
import { openPages } from '#http'

const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
const arn = 'arn:aws:sts::111122223333:assumed-role/Reader/alice'

const samples: { readonly [Name in keyof FederationUrlPages]: readonly FederationUrlPages[Name][] } = {
  'federation-url/ask': ['', 'https://broker.example.com/<b>'].map((issuer) => ({
    csrf: 'token',
    arn,
    issuer,
    present: 'alice <b>',
    token: 'abc',
    destination: 'https://id.example.com/federation/session',
  })),
  'federation-url/session': [
    { csrf: 'token', arn, accountId: '111122223333', until: '2026-11-22T10:00:00Z' },
  ],
}

describe('every page of the console federation URL', () => {
  it.each(
    Object.entries(samples).flatMap(([name, all]) => all.map((props: object) => [name, props] as const)),
  )('%s has one h1, escapes what it is given, and nothing inline', (name, props) => {
    const html = pages.render(name, props)
    expect(html.match(/<h1\b/g)).toHaveLength(1)
    expect(html).not.toMatch(/undefined|\[object|<b>|<style|\s(style|on[a-z]+)=/)
    for (const [form] of html.matchAll(/<form\b[\s\S]*?<\/form>/g))
      expect(form).toMatch(/method="post"[\s\S]*name="_csrf"/)
  })
})
