/** A page as a browser without script sees it. */
export type Page = {
  readonly url: string
  readonly status: number
  readonly html: string
  readonly headers: Headers
  readonly title: string
}

/** A form's action and fields, as written on the page; boxes that may be ticked by name. */
export type PageForm = {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  readonly boxes: readonly string[]
}

const unescape = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return found === undefined ? undefined : unescape(found)
}

/** The forms of a page. */
export const formsOf = (page: Page): readonly PageForm[] =>
  [...page.html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => ({
    action: attribute(form, 'action') ?? '',
    boxes: [...form.matchAll(/<(?:input type="checkbox"|select)[^>]*>/g)].map(
      ([tag]) => attribute(tag, 'name') ?? '',
    ),
    fields: Object.fromEntries(
      [...form.matchAll(/<input\b[^>]*>/g)]
        .filter(([tag]) => !/type="checkbox"/.test(tag))
        .flatMap(([tag]) => {
          const name = attribute(tag, 'name')
          return name === undefined ? [] : [[name, attribute(tag, 'value') ?? '']]
        }),
    ),
  }))

/** Text of a page without its markup. */
export const textOf = (page: Page): string =>
  unescape(page.html.replaceAll(/<[^>]+>/g, ' ')).replaceAll(/\s+/g, ' ')

/** A browser without script: a cookie jar, redirects, forms, and pages that move on by themselves. */
export class Browser {
  /** Cookies of the whole site by name. */
  readonly cookies = new Map<string, string>()
  /** Cookies of one path: `[path, name=value]`. */
  readonly scoped = new Map<string, { readonly path: string; readonly pair: string }>()
  readonly userAgent: string

  constructor(userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0') {
    this.userAgent = userAgent
  }

  /** Another window of the same browser is this browser; another person's browser is a new one. */
  async request(
    url: string,
    options: { method?: string; body?: string; headers?: Record<string, string>; follow?: boolean } = {},
  ): Promise<Page> {
    const { pathname } = new URL(url)
    const cookies = [
      ...[...this.cookies].map(([name, value]) => `${name}=${value}`),
      ...[...this.scoped.values()].flatMap(({ path, pair }) =>
        pathname === path || pathname.startsWith(`${path}/`) ? [pair] : [],
      ),
    ]
    const response = await fetch(url, {
      method: options.method ?? 'GET',
      redirect: 'manual',
      headers: {
        'user-agent': this.userAgent,
        ...(cookies.length > 0 ? { cookie: cookies.join('; ') } : {}),
        ...(options.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: options.body }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const path = attributes.map((each) => /^\s*path=(.*)$/i.exec(each)?.[1]).find(Boolean) ?? '/'
      if (path !== '/') {
        // One name may stand on several paths, and one path have several names.
        if (attributes.some((each) => /^\s*(max-age=0|expires=Thu, 01 Jan 1970.*)$/i.test(each)))
          this.scoped.delete(`${path} ${name}`)
        else this.scoped.set(`${path} ${name}`, { path, pair })
        continue
      }
      if (attributes.some((each) => /^\s*max-age=0$/i.test(each))) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(pair.indexOf('=') + 1))
    }
    const html = await response.text()
    const location = response.headers.get('location')
    if (options.follow !== false && location !== null && response.status >= 300 && response.status < 400)
      return this.request(new URL(location, url).href)
    return {
      url,
      status: response.status,
      html,
      headers: response.headers,
      title: unescape(/<title>([^<]*)<\/title>/.exec(html)?.[1] ?? ''),
    }
  }

  open(url: string): Promise<Page> {
    return this.request(url)
  }

  /**
   * Sends the first form of a page that has all the named fields (or, with none, its first form).
   *
   * @param values fill in or replace fields
   */
  async submit(
    page: Page,
    values: Record<string, string> = {},
    options: { follow?: boolean; headers?: Record<string, string>; form?: (form: PageForm) => boolean } = {},
  ): Promise<Page> {
    const wanted =
      options.form ??
      ((form: PageForm) =>
        Object.keys(values).every((name) => name in form.fields || form.boxes.includes(name)))
    const form = formsOf(page).find(wanted)
    if (form === undefined) throw new Error(`no such form on "${page.title}" at ${page.url}: ${textOf(page)}`)
    const url = new URL(form.action, page.url)
    return this.request(url.href, {
      method: 'POST',
      body: new URLSearchParams({ ...form.fields, ...values }).toString(),
      headers: { origin: url.origin, 'sec-fetch-site': 'same-origin', ...options.headers },
      ...(options.follow === undefined ? {} : { follow: options.follow }),
    })
  }

  /** The place that a page moves on to by itself (`<meta http-equiv="refresh">`). */
  static onward(page: Page): string | undefined {
    const found = /<meta http-equiv="refresh" content="0; url=([^"]*)">/.exec(page.html)?.[1]
    return found === undefined ? undefined : new URL(unescape(found), page.url).href
  }
}
