import { describe, expect, it } from 'vitest'
import { openPages } from '#http'
import type { OidcPages } from '#oidc'

const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
const form = {
  markup: '<form id="f" method="post" action="/x"><input type="hidden" name="xsrf" value="y"/></form>',
}
const app = { name: 'Grafana <Ops & "Dev">' }

type Own = Extract<keyof OidcPages, `oidc/${string}`>

const samples: { readonly [Name in Own]: readonly OidcPages[Name][] } = {
  'oidc/consent': [
    {
      action: '/oauth2/interaction/abc',
      csrf: 'token',
      app,
      userName: 'alice',
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      claims: ['name', 'preferred_username', 'email', 'email_verified', 'groups'],
    },
  ],
  'oidc/device-code': (['none', 'missing', 'wrong', 'stopped', 'failed'] as const).map((problem) => ({
    action: '/device',
    xsrf: 'token',
    userCode: '<b>',
    problem,
  })),
  'oidc/device-confirm': [
    { form, app, userCode: 'ABCD-EFGH', device: { ip: '192.0.2.1', userAgent: '<script>' } },
  ],
  'oidc/device-done': [{ app }],
  'oidc/sign-out': [
    { form, app },
    { form, app: null },
  ],
}

describe('every page of the OpenID provider', () => {
  it.each(
    Object.entries(samples).flatMap(([name, all]) => all.map((props: object) => [name, props] as const)),
  )('%s has one h1, escapes what it is given, and nothing inline', (name, props) => {
    const html = pages.render(name, props)
    expect(html.match(/<h1\b/g)).toHaveLength(1)
    expect(html).not.toMatch(/undefined|\[object|<Ops|<b>|<script>|<style|\s(style|on[a-z]+)=/)
    for (const [input] of html.matchAll(/<input\b[^>]*>/g)) {
      if (input.includes('type="hidden"')) continue
      expect(html).toContain(`<label for="${/\bid="([^"]+)"/.exec(input)?.[1]}">`)
    }
  })
})
