/** A browser without JavaScript: keeps cookies by path, follows redirects within one origin and submits forms. */
export class CookieBrowser {
  readonly #cookies: { name: string; value: string; path: string; origin: string }[] = []
  readonly #across: boolean

  /** @param options `across`: redirects to other origins are followed too, while somebody listens there */
  constructor({ across = false }: { across?: boolean } = {}) {
    this.#across = across
  }

  get cookieNames(): readonly string[] {
    return this.#cookies.map(({ name }) => name)
  }

  /** One request; redirects are not followed. */
  async request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const at = new URL(url)
    const headers = new Headers(init.headers)
    const sent = this.#cookies
      .filter(
        ({ path, origin }) =>
          origin === at.origin &&
          (at.pathname === path || at.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)),
      )
      .toSorted((a, b) => b.path.length - a.path.length)
    if (sent.length > 0) headers.set('cookie', sent.map(({ name, value }) => `${name}=${value}`).join('; '))
    if (!headers.has('accept')) headers.set('accept', 'text/html')
    const response = await fetch(at, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.#keep(line, at)
    return response
  }

  #keep(line: string, at: URL): void {
    const [pair = '', ...attributes] = line.split(';').map((each) => each.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const attribute = (wanted: string) =>
      attributes.find((each) => each.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1)
    const path = attribute('path') ?? at.pathname.slice(0, at.pathname.lastIndexOf('/')) ?? '/'
    const index = this.#cookies.findIndex(
      (each) => each.name === name && each.path === path && each.origin === at.origin,
    )
    if (index >= 0) this.#cookies.splice(index, 1)
    const expires = attribute('expires')
    const gone = attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now())
    if (!gone && value !== '') this.#cookies.push({ name, value, path, origin: at.origin })
  }

  /** Follows redirects and meta refreshes as long as they stay on this origin. */
  async open(url: string | URL, init: RequestInit = {}): Promise<Page> {
    let at = new URL(url)
    let response = await this.request(at, init)
    for (let hops = 0; hops < 20; hops++) {
      const body = response.status === 303 || response.status === 302 ? '' : await response.text()
      const refresh = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(body)?.[1]
      const next = response.headers.get('location') ?? (refresh === undefined ? null : unescape(refresh))
      if (next === null) return { url: at, status: response.status, body, headers: response.headers }
      const target = new URL(next, at)
      if (target.origin !== at.origin && !(this.#across && target.protocol === 'http:'))
        return { url: target, status: response.status, body, headers: response.headers, left: true }
      at = target
      response = await this.request(at)
    }
    throw new Error(`too many redirects at ${at.href}`)
  }

  /** Submits the page's form: its hidden fields and what is typed. @param buttonForm which form, by its id */
  async submit(page: Page, typed: Record<string, string> = {}): Promise<Page> {
    const form = /<form\b[\s\S]*?<\/form>/.exec(page.body)?.[0]
    if (form === undefined) throw new Error(`no form on ${page.url.href}: ${page.body.slice(0, 400)}`)
    const action = unescape(/action="([^"]*)"/.exec(form)?.[1] ?? page.url.href)
    const fields = new URLSearchParams()
    for (const [input] of form.matchAll(/<input\b[^>]*>/g)) {
      const name = /\bname="([^"]*)"/.exec(input)?.[1]
      if (name !== undefined && /type="hidden"/.test(input))
        fields.set(name, unescape(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? ''))
    }
    for (const [name, value] of Object.entries(typed)) fields.set(name, value)
    return this.open(new URL(action, page.url), {
      method: 'POST',
      body: fields,
      headers: { origin: page.url.origin, 'sec-fetch-site': 'same-origin' },
    })
  }
}

/** Where a browser ended up. `left`: at the border of the origin, about to go to `url`. */
export type Page = {
  readonly url: URL
  readonly status: number
  readonly body: string
  readonly headers: Headers
  readonly left?: boolean
}

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x2F;', '/')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
