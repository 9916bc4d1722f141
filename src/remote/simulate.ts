import { z } from 'zod'
import { refuse } from '#kernel'
import type { Command } from '#terminal'
import { ask, member } from './ask.ts'
import { accessToken } from './login.ts'
import { serverUrl } from './token-store.ts'

/** `signet simulate`: what a user or role could do, without anybody doing it. The exit code is 0 where it is allowed. */
export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'Ask whether a user or role could do something, and why.',
  words: ['PRINCIPAL', 'ACTION', '[RESOURCE]'],
  options: {
    context: {
      type: 'string',
      value: 'JSON',
      help: `condition keys that are assumed: '{"aws:MultiFactorAuthPresent": true}'`,
    },
    json: { type: 'boolean', help: 'print the result as JSON' },
    url: { type: 'string', value: 'URL', help: 'the server; else SIGNET_URL or the one last signed in to' },
  },
  async run(machine, input) {
    const [principal = '', action = '', resource] = input.words
    const url = serverUrl(machine, input.text('url'))
    const { status, body } = await ask(`${url}/api/v1/simulations`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await accessToken(machine, url)}`,
      },
      body: JSON.stringify({
        principal,
        actions: [action],
        resources: resource === undefined ? [] : [resource],
        context: contextFrom(input.text('context')),
      }),
    })
    const result = status === 200 ? firstOf(body) : undefined
    if (result === undefined)
      return refuse(
        'forbidden',
        'cli/refused',
        `${url} does not simulate this: ${member(body, 'detail') ?? member(body, 'title') ?? `status ${status}`}`,
      )
    const decision = member(result, 'decision') ?? ''
    if (input.flag('json')) machine.out(`${JSON.stringify(result, null, machine.isTerminal ? 2 : 0)}\n`)
    else {
      machine.out(`${decision}: ${member(result, 'because') ?? ''}\n`)
      for (const statement of listOf(result, 'matched_statements')) machine.out(`  ${placeOf(statement)}\n`)
      const missing: unknown = Reflect.get(result, 'missing_context_values')
      if (Array.isArray(missing) && missing.length > 0)
        machine.out(
          `Not known here, and asked for: ${missing.map(String).join(', ')}. Assume them with --context.\n`,
        )
    }
    return decision === 'allowed' ? 0 : 1
  },
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The objects in a list of an answer. */
function listOf(body: unknown, name: string): readonly object[] {
  const list: unknown = isObject(body) ? Reflect.get(body, name) : undefined
  return Array.isArray(list) ? list.filter(isObject) : []
}

const firstOf = (body: unknown): object | undefined => listOf(body, 'results')[0]

/** Where a statement stands: its policy, its number or Sid, and line and column where the policy has a text. */
function placeOf(statement: object): string {
  const { policy, sid, index, start } = placeShape.parse(statement)
  const at = start === undefined ? '' : `, line ${start.line}, column ${start.column}`
  return `${policy}: statement ${index}${sid === undefined ? '' : ` "${sid}"`}${at}`
}

const placeShape = z.object({
  policy: z.string(),
  sid: z.string().optional(),
  index: z.number(),
  start: z.object({ line: z.number(), column: z.number() }).optional(),
})

/** @throws Failure malformed cli/context */
function contextFrom(text: string | undefined): unknown {
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as unknown
  } catch {
    return refuse('malformed', 'cli/context', `--context takes JSON: '{"aws:MultiFactorAuthPresent": true}'.`)
  }
}
