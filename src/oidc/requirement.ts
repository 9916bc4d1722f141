import type { KnownClient } from './clients.ts'
import type { Requirement } from '#signin'

/** The levels we know, from `signedIn` of the sessions: one factor, two factors. */
export const acrValues = ['urn:signet:aal:1', 'urn:signet:aal:2'] as const

type Asked = {
  readonly acr_values?: unknown
  readonly claims?: unknown
  readonly max_age?: unknown
  readonly login_hint?: unknown
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

function parsed(claims: unknown): Readonly<Record<string, unknown>> {
  if (typeof claims !== 'string') return record(claims)
  try {
    return record(JSON.parse(claims))
  } catch {
    return {}
  }
}

/** The levels asked for by `acr_values` and by the `acr` claim (RFC 9470 §4; OpenID Connect Core §5.5.1.1). */
function levels(asked: Asked): { readonly wanted: readonly string[]; readonly essential: readonly string[] } {
  const acr = record(record(parsed(asked.claims)['id_token'])['acr'])
  const named = [acr['value'], ...(Array.isArray(acr['values']) ? (acr['values'] as unknown[]) : [])].filter(
    (each): each is string => typeof each === 'string',
  )
  const listed = typeof asked.acr_values === 'string' ? asked.acr_values.split(' ') : []
  return { wanted: [...listed, ...named], essential: acr['essential'] === true ? named : [] }
}

/** Whether the request insists on a level that nobody can reach here. */
export function isUnreachable(asked: Asked): boolean {
  const { essential } = levels(asked)
  return essential.length > 0 && !essential.some((each) => (acrValues as readonly string[]).includes(each))
}

/**
 * What a sign-in must amount to for this client and request. Two factors when the app wants them, or when the request
 * names levels and one factor is not among them.
 */
export function requirementOf(client: KnownClient, asked: Asked): Requirement {
  const { wanted } = levels(asked)
  const known = wanted.filter((each) => (acrValues as readonly string[]).includes(each))
  const maxAge = Number(asked.max_age)
  const { app } = client
  return {
    app: app === undefined ? undefined : { id: app.appId, name: app.name, arn: app.arn },
    requireMfa: (app?.requireMfa ?? false) || (known.length > 0 && !known.includes(acrValues[0])),
    maxAgeSeconds: asked.max_age === undefined || !Number.isInteger(maxAge) ? undefined : maxAge,
    loginHint: typeof asked.login_hint === 'string' ? asked.login_hint.slice(0, 320) : undefined,
  }
}
