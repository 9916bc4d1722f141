import { refuse } from '#kernel'
import type { StsAssertion } from '#saml'

import type { Tag } from './claims.ts'
import { checkTags } from './session-limits.ts'

/** What an assertion says about the session it may be traded for. */
export type SamlSession = {
  /** The pairs of role and provider it is good for. */
  readonly roles: readonly (readonly [string, string])[]
  readonly sessionName: string
  readonly durationSeconds?: number
  readonly tags: readonly Tag[]
  readonly transitiveTagKeys: readonly string[]
  readonly sourceIdentity?: string
}

const prefix = 'https://aws.amazon.com/SAML/Attributes/'
const sessionName = /^[a-zA-Z_0-9+=,.@-]{2,64}$/
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

const invalid = (message: string): never => refuse('malformed', 'sts/invalid-identity-token', message)

/**
 * Reads the attributes under `https://aws.amazon.com/SAML/Attributes/` (IAM User Guide, "Configure SAML assertions for
 * the authentication response"). Names are case-sensitive.
 *
 * @throws Failure malformed `sts/invalid-identity-token`
 */
export function readSamlSession({ attributes }: Pick<StsAssertion, 'attributes'>): SamlSession {
  const values = (name: string): readonly string[] => attributes.get(prefix + name) ?? []
  const atMostOne = (name: string): string | undefined => {
    const [value, ...more] = values(name)
    if (more.length > 0) invalid(`${name} in AuthnResponse must have exactly one value`)
    return value?.trim()
  }
  const name = atMostOne('RoleSessionName') ?? invalid('RoleSessionName is required in AuthnResponse')
  if (!sessionName.test(name)) {
    invalid('RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}')
  }
  const sourceIdentity = atMostOne('SourceIdentity')
  if (sourceIdentity !== undefined && (!sessionName.test(sourceIdentity) || /^aws:/i.test(sourceIdentity))) {
    invalid('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')
  }
  const duration = atMostOne('SessionDuration')
  const seconds = duration === undefined ? undefined : Number(duration)
  if (
    duration !== undefined &&
    !(/^\d{3,5}$/.test(duration) && Number(duration) >= 900 && Number(duration) <= 43_200)
  ) {
    invalid('SessionDuration in AuthnResponse must be between 900 and 43200')
  }
  const tags = readTags(attributes)
  const transitiveTagKeys = values('TransitiveTagKeys').map((key) => key.trim())
  try {
    checkTags(tags, transitiveTagKeys)
  } catch (thrown) {
    invalid(thrown instanceof Error ? thrown.message : 'The session tags in AuthnResponse are not valid')
  }
  return {
    roles: values('Role').map(readPair),
    sessionName: name,
    tags,
    transitiveTagKeys,
    ...(seconds === undefined ? {} : { durationSeconds: seconds }),
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  }
}

function readTags(attributes: StsAssertion['attributes']): readonly Tag[] {
  const marked = `${prefix}PrincipalTag:`
  return [...attributes]
    .filter(([name]) => name.startsWith(marked))
    .map(([name, values]) => {
      const key = name.slice(marked.length)
      const [value, ...more] = values
      if (value === undefined || more.length > 0)
        return invalid(`PrincipalTag:${key} must have exactly one value`)
      if (key.length < 1 || key.length > 128 || value.length > 256 || !tagText.test(key + value)) {
        return invalid('A session tag in AuthnResponse is not valid')
      }
      return { key, value }
    })
}

/** `roleArn,providerArn`, in either order. */
function readPair(value: string): readonly [string, string] {
  const [first = '', second = '', ...more] = value.split(',').map((part) => part.trim())
  if (more.length > 0) return invalid('Role in AuthnResponse must be a pair of role and provider')
  return first.includes(':saml-provider/') ? [second, first] : [first, second]
}
