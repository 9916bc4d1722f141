import { expect, it } from 'vitest'
import { openPages } from '#http'
import type { SamlPages } from '#saml'

const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
const post = (props: Partial<SamlPages['saml/post']> = {}): string =>
  pages.render('saml/post', {
    action: 'https://app.example/acs?a=1&b="',
    field: 'SAMLResponse',
    message: 'AAAA',
    relayState: '<&">\'',
    appName: 'Grafana <Ops>',
    ...props,
  } satisfies SamlPages['saml/post'])

it('escapes where to, the relay state and the name of the app', () => {
  const html = post()
  expect(html).toContain('action="https://app.example/acs?a=1&amp;b=&quot;"')
  expect(html).toContain('name="RelayState" value="&lt;&amp;&quot;&gt;&#39;"')
  expect(html).toContain('Grafana &lt;Ops&gt;')
})

it('has no relay state field when the app sent none, and an empty one when it sent an empty one', () => {
  expect(post({ relayState: null })).not.toContain('RelayState')
  expect(post({ relayState: '' })).toContain('name="RelayState" value=""')
})

it('has a button for browsers without script, and nothing inline', () => {
  const html = post()
  expect(html).toMatch(/<button [^>]*type="submit"/)
  expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|\sstyle=/)
})
