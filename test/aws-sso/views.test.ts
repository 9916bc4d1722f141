import { describe, expect, it } from 'vitest'
import type { AwsSsoPages } from '#aws-sso'
import { openPages } from '#http'

const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
const clientName = 'work <Ops & "Dev">'
const person = { csrf: 'token', userName: 'alice <b>' }

const samples: { readonly [Name in keyof AwsSsoPages]: readonly AwsSsoPages[Name][] } = {
  'aws-sso/device': (['none', 'wrong', 'stopped', 'too-many'] as const).map((problem) => ({
    ...person,
    userCode: '<b>',
    problem,
  })),
  'aws-sso/approve': [
    {
      ...person,
      action: '/aws/approve/x',
      clientName,
      userCode: null,
      from: null,
      hours: 12,
      rolesBehindMfa: 0,
    },
    {
      ...person,
      action: '/aws/device',
      clientName,
      userCode: 'BCDF-GHJK',
      from: { ip: '192.0.2.1', userAgent: '<script>' },
      hours: 1,
      rolesBehindMfa: 2,
    },
  ],
  'aws-sso/done': [{ clientName }],
}

describe('every page of aws sso login', () => {
  it.each(
    Object.entries(samples).flatMap(([name, all]) => all.map((props: object) => [name, props] as const)),
  )('%s has one h1, escapes what it is given, and nothing inline', (name, props) => {
    const html = pages.render(name, props)
    expect(html.match(/<h1\b/g)).toHaveLength(1)
    expect(html).not.toMatch(/undefined|\[object|<Ops|<b>|<script>|<style|\s(style|on[a-z]+)=/)
    for (const [form] of html.matchAll(/<form\b[\s\S]*?<\/form>/g))
      expect(form).toMatch(/method="post"[\s\S]*name="_csrf"/)
  })
})
