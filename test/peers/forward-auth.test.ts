/**
 * Apps behind Debian's nginx and Caddy, with the configurations of docs/forward-auth.md as they stand there, but for
 * addresses.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { freePort } from '../support/signet-process.ts'
import { launchChromium, visit } from './support/chromium.ts'
import { account, type Company, people, startCompany } from './support/company.ts'
import { describeWith } from './support/peer.ts'
import { type Proxy, startCaddy, startEcho, startNginx } from './support/proxies.ts'
import { leadsTo, signIn } from './support/sign-in.ts'

const text = readFileSync(new URL('../../docs/forward-auth.md', import.meta.url), 'utf8')
/** The code blocks of a language in the page. */
const blocks = (language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(([, block = '']) => block)

let company: Company
let browser: Browser
let echo: Proxy
const proxies: Record<'nginx' | 'caddy', Proxy | undefined> = { nginx: undefined, caddy: undefined }

describeWith(
  'chromium',
  'nginx',
  'caddy',
)('an app behind a proxy', () => {
  beforeAll(async () => {
    company = await startCompany()
    const [nginxPort, caddyPort, echoPort] = [await freePort(), await freePort(), await freePort()]
    const at = (config: string) =>
      config
        .replaceAll('127.0.0.1:4000', new URL(company.url).host)
        .replaceAll('127.0.0.1:8080', `127.0.0.1:${echoPort}`)
    await company.apply({
      policies: [
        {
          name: 'Wiki',
          document: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Action: 'wiki:Read', Resource: `arn:aws:wiki::${account}:page/*` },
              { Effect: 'Deny', Action: 'wiki:Read', Resource: `arn:aws:wiki::${account}:page/secret` },
            ],
          },
        },
      ],
      groups: [{ name: 'readers', policies: ['Wiki'] }],
      users: [{ name: 'wanda', password: '${CAROL_PASSWORD}', groups: ['readers'] }],
      apps: [
        {
          name: 'Wiki',
          service_prefix: 'wiki',
          proxy: {
            origins: [`http://127.0.0.1:${nginxPort}`, `http://127.0.0.1:${caddyPort}`],
            rules: [
              { path: '/public/**', access: 'anyone' },
              { path: '/pages/{name}', methods: ['GET'], action: 'Read', resource: 'page/{name}' },
              { path: '/', access: 'signed-in' },
            ],
          },
        },
      ],
    })
    echo = await startEcho(echoPort)
    const [shared = '', server = ''] = blocks('nginx')
    const signetConf = join(company.folder, 'signet.conf')
    writeFileSync(signetConf, at(shared))
    proxies.nginx = await startNginx(
      join(company.folder, 'nginx'),
      nginxPort,
      at(server)
        .replace('listen 443 ssl;', `listen 127.0.0.1:${nginxPort};`)
        .replace('server_name wiki.example.com;', '')
        .replace('/etc/nginx/signet.conf', signetConf),
    )
    const [caddyfile = ''] = blocks('caddyfile')
    proxies.caddy = await startCaddy(
      join(company.folder, 'caddy'),
      caddyPort,
      at(caddyfile)
        .replace(/^wiki\.example\.com \{\n/, '')
        .replace(/\}\n$/, ''),
    )
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    for (const each of [...Object.values(proxies), echo]) await each?.stop()
    await company?.stop()
  })

  const urlOf = (name: 'nginx' | 'caddy') => proxies[name]?.url ?? ''
  type Seen = { url: string; headers: Record<string, string> }
  const seen = (shown: string | null): Seen => JSON.parse(shown ?? '{}') as Seen

  it.each(['nginx', 'caddy'] as const)(
    '%s: a browser signs in and comes back to the page it wanted',
    async (name) => {
      const visitor = await visit(browser)
      const { page } = visitor
      await page.goto(`${urlOf(name)}/pages/home?x=1&y=%20`)
      await signIn(page, { name: 'wanda', password: people.carol.password })
      await leadsTo(page, `${urlOf(name)}/pages/home?x=1&y=%20`)
      const { url, headers } = seen(await page.textContent('pre'))
      expect(url).toBe('/pages/home?x=1&y=%20')
      expect(headers).toMatchObject({
        'remote-user': 'wanda',
        'remote-groups': 'readers',
        'x-signet-arn': `arn:aws:iam::${account}:user/wanda`,
      })

      // What a policy denies, and what no rule names.
      expect((await page.goto(`${urlOf(name)}/pages/secret`))?.status()).toBe(403)
      expect((await page.goto(`${urlOf(name)}/elsewhere`))?.status()).toBe(403)

      // The other host of the app asks for nothing.
      const other = urlOf(name === 'nginx' ? 'caddy' : 'nginx')
      await page.goto(`${other}/pages/home`)
      await leadsTo(page, `${other}/pages/home`)
      expect(seen(await page.textContent('pre')).headers['remote-user']).toBe('wanda')

      // Signed out at Signet: out at both hosts with the next request.
      await page.goto(`${urlOf(name)}/.signet/signout`)
      await page.click('form[action="/signout"] button')
      await page.waitForLoadState()
      for (const host of [urlOf(name), other]) {
        await page.goto(`${host}/pages/home`)
        expect(page.url()).toContain('/login/')
      }
      await visitor.close()
    },
  )

  it.each(['nginx', 'caddy'] as const)(
    '%s: what a client writes about itself does not reach the app',
    async (name) => {
      const answer = await fetch(`${urlOf(name)}/public/page`, {
        headers: {
          'Remote-User': 'admin',
          'remote-groups': 'admins',
          'X-Signet-Arn': 'arn:aws:iam::111122223333:root',
          'X-Original-URI': '/elsewhere',
          'X-Forwarded-Uri': '/elsewhere',
        },
      })
      expect(answer.status).toBe(200)
      const { headers } = (await answer.json()) as Seen
      for (const header of ['remote-user', 'remote-groups', 'x-signet-arn'])
        expect(headers[header] ?? '').toBe('')
    },
  )

  it.each(['nginx', 'caddy'] as const)(
    '%s: an address that can be read in two ways opens nothing',
    async (name) => {
      const { port } = new URL(urlOf(name))
      for (const path of ['/public/../pages/home', '/public/%2e%2e/pages/home', '/public/..%2fpages/home']) {
        const status = await new Promise<number>((resolve, reject) => {
          request({ host: '127.0.0.1', port, path }, (answer) => {
            answer.resume()
            resolve(answer.statusCode ?? 0)
          })
            .on('error', reject)
            .end()
        })
        expect([path, status >= 400 && status < 500]).toEqual([path, true])
      }
    },
  )

  it.each(['nginx', 'caddy'] as const)(
    '%s: a program is told 401, and is let in with a signature',
    async (name) => {
      const nobody = await fetch(`${urlOf(name)}/pages/home`, { redirect: 'manual' })
      expect(nobody.status).toBe(401)
      const { host } = new URL(urlOf(name))
      const signed = (path: string) =>
        signHeaders(
          { method: 'GET', rawUrl: path, headers: [['host', host]], body: Buffer.alloc(0) },
          people.alice,
          { at: systemClock(), region: 'us-east-1', service: 'wiki' },
        )
          .filter(([header]) => header !== 'host')
          .map(([header, value]): [string, string] => [header, value])
      const answer = await fetch(`${urlOf(name)}/pages/home`, { headers: signed('/pages/home') })
      expect(answer.status).toBe(200)
      const { headers } = (await answer.json()) as Seen
      expect(headers['remote-user']).toBe('alice')
      expect(headers['authorization'] ?? '').toBe('')
      const replayed = await fetch(`${urlOf(name)}/pages/other`, {
        headers: signed('/pages/home'),
        redirect: 'manual',
      })
      expect(replayed.status).toBe(401)
    },
  )

  it('the server found nothing wrong', () => {
    expect(company.faults()).toEqual([])
  })
})
