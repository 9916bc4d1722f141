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
      const missing: unknown = Reflect.get(result, 'missing_context_values')
      if (Array.isArray(missing) && missing.length > 0)
        machine.out(
          `Not known here, and asked for: ${missing.map(String).join(', ')}. Assume them with --context.\n`,
        )
    }
    return decision === 'allowed' ? 0 : 1
  },
}

function firstOf(body: unknown): object | undefined {
  const results: unknown =
    typeof body === 'object' && body !== null ? Reflect.get(body, 'results') : undefined
  const first: unknown = Array.isArray(results) ? results[0] : undefined
  return typeof first === 'object' && first !== null ? first : undefined
}

/** @throws Failure malformed cli/context */
function contextFrom(text: string | undefined): unknown {
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as unknown
  } catch {
    return refuse('malformed', 'cli/context', `--context takes JSON: '{"aws:MultiFactorAuthPresent": true}'.`)
  }
}
