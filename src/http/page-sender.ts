import type { Context } from 'koa'
import type { CookieJar } from './cookies.ts'
import { sendPage } from './html-wire.ts'
import { languageOf } from './language.ts'
import type { Translate } from './messages.ts'
import type { Pages, Shell } from './pages.ts'

/** Answers with pages, in the visitor's language and colours. */
export type PageSender = {
  /** Answers with a page; never cached, since every page of ours is about somebody. */
  show(ctx: Context, name: string, props: object, status?: number): void
  /** The languages that there are. */
  readonly languages: readonly string[]
  /** The texts in the visitor's language. */
  texts(ctx: Context): Translate
  /** A refusal's sentence in the visitor's language: the message `problem.<reason>`, else the refusal's own. */
  problem(ctx: Context, failure: { readonly reason: string; readonly message: string }): string
}

/** The sender for one slice's pages, typed by the slice's record of them. */
export type Show<Props extends object> = <Name extends keyof Props & string>(
  ctx: Context,
  name: Name,
  props: Props[Name],
  status?: number,
) => void

/** The cookies that hold a visitor's choices. They name no one. */
export const choiceCookies = { theme: 'theme', language: 'language' } as const

/** @param needs the pages and the jar that holds the visitor's choices */
export function createPageSender(needs: { pages: Pages; jar: CookieJar }): PageSender {
  const { pages, jar } = needs
  const { messages } = pages

  const shellOf = (ctx: Context): Shell => {
    const theme = jar.read(ctx, choiceCookies.theme)
    const language = jar.read(ctx, choiceCookies.language)
    return {
      language:
        language !== undefined && messages.languages.includes(language)
          ? language
          : languageOf(ctx, messages),
      theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    }
  }
  const texts = (ctx: Context) => messages.translate(shellOf(ctx).language)
  const problem: PageSender['problem'] = (ctx, { reason, message }) => {
    const id = `problem.${reason}`
    return messages.has(id) ? texts(ctx)(id) : message
  }
  return {
    show(ctx, name, props, status = 200) {
      ctx.status = status
      sendPage(ctx, pages.render(name, props, shellOf(ctx)))
    },
    languages: messages.languages,
    texts,
    problem,
  }
}
