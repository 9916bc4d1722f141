import { describe, expect, it } from 'vitest'
import type { AwsLoginPages } from '#aws-login'
import { openPages } from '#http'

const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
const accounts = [
  {
    id: '111122223333',
    name: 'acme <Ops & "Dev">',
    roles: [
      { arn: 'arn:aws:iam::111122223333:role/A', name: 'A', description: '', needsMfa: false },
      { arn: 'arn:aws:iam::111122223333:role/B', name: 'B', description: 'what <b> does', needsMfa: true },
    ],
  },
]
const asking = {
  action: '/aws/login/x',
  csrf: 'token',
  userName: 'alice <b>',
  userArn: 'arn:aws:iam::111122223333:user/alice',
  hours: 12,
}

const samples: { readonly [Name in keyof AwsLoginPages]: readonly AwsLoginPages[Name][] } = {
  'aws-login/choose': [
    { ...asking, otherDevice: false, accounts, problem: null },
    { ...asking, otherDevice: true, accounts: [], problem: 'Choose <b>one</b>.' },
  ],
  'aws-login/code': [{ code: 'c3RhdGU9', ip: '192.0.2.1', userAgent: '<script>' }],
  'aws-login/stopped': [{}],
}

describe('every page of aws login', () => {
  it.each(
    Object.entries(samples).flatMap(([name, all]) => all.map((props: object) => [name, props] as const)),
  )('%s has one h1, escapes what it is given, and nothing inline', (name, props) => {
    const html = pages.render(name, props)
    expect(html.match(/<h1\b/g)).toHaveLength(1)
    expect(html).not.toMatch(/undefined|\[object|<Ops|<b>|<script>|<style|\s(style|on[a-z]+)=/)
    for (const [input] of html.matchAll(/<input\b[^>]*>/g)) {
      if (input.includes('type="hidden"')) continue
      expect(html).toContain(`for="${/\bid="([^"]+)"/.exec(input)?.[1]}"`)
    }
    for (const [form] of html.matchAll(/<form\b[\s\S]*?<\/form>/g))
      expect(form).toMatch(/method="post"[\s\S]*name="_csrf"/)
  })
})
