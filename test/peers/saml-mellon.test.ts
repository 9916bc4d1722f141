import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serviceProviderSettings } from '#apps'
import { systemClock } from '#kernel'
import { parseSpMetadata } from '#saml'
import type { Endpoint } from '#saml'
import { postedForm, samlWorld } from '../support/saml-world.ts'
import type { SamlWorld } from '../support/saml-world.ts'
import { startApache } from './support/apache.ts'
import type { Apache } from './support/apache.ts'
import { freePort } from './support/free-port.ts'
import { describeWith } from './support/peer.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-mellon-'))
let world: SamlWorld
let apache: Apache

const configuration = (key: string, certificate: string, metadata: string): string => `
MellonCacheSize 100
<Location />
  MellonEnable "info"
  MellonEndpointPath "/mellon"
  MellonSPPrivateKeyFile ${key}
  MellonSPCertFile ${certificate}
  MellonSPMetadataFile ${metadata}
  MellonIdPMetadataFile ${folder}/idp.xml
  MellonSecureCookie Off
  MellonUser "NAME_ID"
  MellonSignatureMethod rsa-sha256
  MellonMergeEnvVars On
</Location>
<Location /app>
  AuthType Mellon
  MellonEnable "auth"
  Require valid-user
  Header always set X-Nameid "%{MELLON_NAME_ID}e"
  Header always set X-Uid "%{MELLON_uid}e"
</Location>`

const bindingOf = ({ binding }: Endpoint): 'post' | 'redirect' =>
  binding.endsWith('HTTP-POST') ? 'post' : 'redirect'

beforeAll(async () => {
  const [ourPort, port] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  execFileSync('mellon_create_metadata', [`${url}/mellon/metadata`, `${url}/mellon`], {
    cwd: folder,
    stdio: 'pipe',
  })
  const made = (ending: string): string =>
    join(
      folder,
      readdirSync(folder).find((name) => name.startsWith('http_') && name.endsWith(ending)) ?? ending,
    )
  const sp = parseSpMetadata(readFileSync(made('.xml'), 'utf8'), { loopbackHttp: true })

  world = await samlWorld(systemClock, { publicUrl: `http://127.0.0.1:${ourPort}/`, port: ourPort })
  world.state.next = { user: await world.user({ name: 'alice' }), factors: ['password'] }
  await world.app(sp.entityId, {
    ...serviceProviderSettings.parse({
      acs: sp.assertionConsumers
        .map((each) => ({
          url: each.location,
          binding: bindingOf(each),
          index: each.index,
          isDefault: each.isDefault,
        }))
        .filter(({ binding }) => binding === 'post'),
      slo: sp.singleLogout.map((each) => ({
        url: each.location,
        binding: bindingOf(each),
        responseUrl: each.responseLocation,
      })),
      signingCertificates: sp.signingKeys.map(({ certificate }) => certificate.toString()),
      requestsSigned: sp.authnRequestsSigned,
      attributes: { uid: 'user_name' },
    }),
  })
  writeFileSync(join(folder, 'idp.xml'), await (await fetch(world.urls.entityId)).text())
  apache = await startApache(
    folder,
    port,
    ['auth_mellon'],
    configuration(made('.key'), made('.cert'), made('.xml')),
  )
})
afterAll(async () => {
  await apache?.stop()
  await world?.close()
  rmSync(folder, { recursive: true })
})

/** A browser for two sites: cookies by origin, redirects followed, forms of our post page sent. */
function visitor() {
  const jars = new Map<string, Map<string, string>>()
  const go = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { origin } = new URL(url)
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    const headers = new Headers(init.headers)
    headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) return go(new URL(location, url).href)
    if (!response.headers.get('content-security-policy')?.includes('form-action http')) return response
    const { action, fields } = await postedForm(response)
    return go(action, { method: 'POST', body: new URLSearchParams(fields) })
  }
  return go
}

describeWith('apache2-bin', 'libapache2-mod-auth-mellon')('mod_auth_mellon as our service provider', () => {
  it('signs a person in, again without a question, and out', async () => {
    const go = visitor()
    const page = await go(`${apache.url}/app/`)
    expect(page.status, apache.log()).toBe(200)
    expect(page.headers.get('x-uid')).toBe('alice')
    expect(page.headers.get('x-nameid')).toMatch(/^_[0-9a-f]{32}$/)

    const out = await go(`${apache.url}/mellon/logout?ReturnTo=${encodeURIComponent(`${apache.url}/`)}`)
    expect(out.status, apache.log()).toBe(200)
    expect(out.url).toBe(`${apache.url}/`)
    const begun = world.state.begun.length
    expect((await go(`${apache.url}/app/`)).status).toBe(200)
    expect(world.state.begun).toHaveLength(begun + 1)
  })

  it('refuses nothing of ours twice: a second visitor is another session', async () => {
    const [one, two] = [await visitor()(`${apache.url}/app/`), await visitor()(`${apache.url}/app/`)]
    expect([one.status, two.status]).toEqual([200, 200])
    expect(one.headers.get('x-uid')).toBe(two.headers.get('x-uid'))
  })
})
