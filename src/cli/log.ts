import { pino } from 'pino'

/** The log as slices use it; `fields` are scrubbed of secrets by name. */
export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Log
}

/**
 * Names whose values never reach a log, whatever slice writes them and however deep. Compared without case, `-` and `_`.
 */
export const redactedNames = [
  'password',
  'new_password',
  'current_password',
  'passphrase',
  'secret',
  'client_secret',
  'secret_access_key',
  'secret_key',
  'session_token',
  'x_amz_security_token',
  'security_token',
  'access_token',
  'refresh_token',
  'id_token',
  'id_token_hint',
  'token',
  'bearer',
  'authorization',
  'proxy_authorization',
  'cookie',
  'set_cookie',
  'code',
  'code_verifier',
  'device_code',
  'user_code',
  'totp',
  'otp',
  'token_code',
  'recovery_code',
  'assertion',
  'client_assertion',
  'saml_response',
  'saml_assertion',
  'web_identity_token',
  'database_url',
  'smtp_url',
  'private_key',
  'seed',
] as const

const plainName = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '')
const redacted: ReadonlySet<string> = new Set(redactedNames.map(plainName))

function scrub(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  if (value instanceof Temporal.Instant || value instanceof URL) return String(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (depth === 0) return '…'
  if (Array.isArray(value)) return value.slice(0, 100).map((each) => scrub(each, depth - 1))
  if (value instanceof Map) return scrub(Object.fromEntries(value), depth)
  // A Secret and everything else that knows how to print itself does so.
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON() as unknown
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      redacted.has(plainName(name)) ? '***' : scrub(each, depth - 1),
    ]),
  )
}

/**
 * A log that writes one line per event: JSON for machines, text for a person at a terminal.
 *
 * @param write gets whole lines
 */
export function createLog(
  settings: { readonly level: string; readonly format: 'json' | 'text' },
  write: (line: string) => void,
): Log {
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => scrub(fields, 6) as Record<string, unknown>,
        bindings: (fields) => scrub(fields, 6) as Record<string, unknown>,
      },
    },
    { write: (line: string) => write(settings.format === 'json' ? line : textLine(line)) },
  )
}

/** `12:00:01 info  request method=GET path=/ status=200`, and an error's stack below. */
function textLine(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const stack = (err as { stack?: string } | undefined)?.stack
  const head = [String(time).slice(11, 19), String(level).padEnd(5), String(msg), ...rest].join(' ')
  return `${head}${stack === undefined ? '' : `\n${stack}`}\n`
}
