import type { Context } from 'koa'
import type { Messages } from './messages.ts'

/** The language of an answer: what the browser asks for, of those there are; else English. */
export const languageOf = (ctx: Context, messages: Messages): string =>
  messages.negotiate(ctx.get('accept-language'))
