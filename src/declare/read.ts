import { check, type Path, suggestion } from '#config'
import type { Secret } from '#kernel'
import { type Declared, type ListName, lists, thingNames } from './schema.ts'
import { type DeclareRequest, openSource, type Source } from './source.ts'

/** An access key with its secret. */
export type DeclaredKey = {
  readonly id: string
  readonly secret: Secret
  readonly sigv4aOnly: boolean
  readonly path: Path
}

/** One thing of the file: where it stands, what was written, and what its policies and secrets came to. */
export type Thing<Name extends ListName> = {
  readonly path: Path
  readonly value: Declared<Name>
  /** JSON texts of the policies it carries, by the path's last step: `document`, `trust`, or an inline policy's name. */
  readonly documents: ReadonlyMap<string, string>
  readonly inline: ReadonlyMap<string, string> | undefined
  readonly secrets: ReadonlyMap<string, Secret>
  readonly keys: readonly DeclaredKey[]
  readonly files: ReadonlyMap<string, string>
}

/** Everything a file declares, and the names it declares of each kind whether they could be read or not. */
export type Declaration = {
  readonly source: Source
  readonly organization: string | undefined
  readonly things: { readonly [Name in ListName]: readonly Thing<Name>[] }
  /** Names that stand in the file: a reference to one of them is no problem of its own when the thing itself has one. */
  readonly named: { readonly [Name in ListName]: ReadonlySet<string> }
}

/**
 * Reads a declaration: syntax, keys, values, secrets, files, policies. What is wrong is in `source.problems`; things with
 * a problem are left out.
 *
 * @param settings names of the top-level sections that are settings, not things
 */
export function readDeclaration(request: DeclareRequest, settings: readonly string[]): Declaration {
  const source = openSource(request)
  const root = source.yaml.value
  const isMapping = typeof root === 'object' && root !== null && !Array.isArray(root)
  if (!isMapping && source.problems.length === 0 && root !== null)
    source.tell([], 'Write a mapping of lists (users:, roles:, …).')
  const top = (isMapping ? root : {}) as Record<string, unknown>
  const known = [...thingNames, ...settings]
  for (const key of Object.keys(top))
    if (!known.includes(key)) source.tell([key], `There is no such list.${suggestion(key, known)}`, 'key')

  const { organization } = top
  if (organization !== undefined && (typeof organization !== 'string' || organization === ''))
    source.tell(['organization'], 'Write the name of the organization.')

  return {
    source,
    organization: typeof organization === 'string' ? organization : undefined,
    things: {
      accounts: readList(source, top, 'accounts'),
      organizational_units: readList(source, top, 'organizational_units'),
      guard_rails: readList(source, top, 'guard_rails'),
      groups: readList(source, top, 'groups'),
      policies: readList(source, top, 'policies'),
      users: readList(source, top, 'users'),
      roles: readList(source, top, 'roles'),
      apps: readList(source, top, 'apps'),
      oidc_providers: readList(source, top, 'oidc_providers'),
      saml_providers: readList(source, top, 'saml_providers'),
      trust_anchors: readList(source, top, 'trust_anchors'),
      anywhere_profiles: readList(source, top, 'anywhere_profiles'),
      clusters: readList(source, top, 'clusters'),
      connections: readList(source, top, 'connections'),
    },
    named: {
      accounts: namesOf(top, 'accounts'),
      organizational_units: namesOf(top, 'organizational_units'),
      guard_rails: namesOf(top, 'guard_rails'),
      groups: namesOf(top, 'groups'),
      policies: namesOf(top, 'policies'),
      users: namesOf(top, 'users'),
      roles: namesOf(top, 'roles'),
      apps: namesOf(top, 'apps'),
      oidc_providers: namesOf(top, 'oidc_providers'),
      saml_providers: namesOf(top, 'saml_providers'),
      trust_anchors: namesOf(top, 'trust_anchors'),
      anywhere_profiles: namesOf(top, 'anywhere_profiles'),
      clusters: namesOf(top, 'clusters'),
      connections: namesOf(top, 'connections'),
    },
  }
}

function namesOf(top: Record<string, unknown>, list: ListName): ReadonlySet<string> {
  const entries = Array.isArray(top[list]) ? (top[list] as unknown[]) : []
  return new Set(
    entries.flatMap((each) =>
      ['name', 'id', 'url'].flatMap((key) => {
        const value: unknown = typeof each === 'object' && each !== null ? Reflect.get(each, key) : undefined
        return typeof value === 'string' ? [value.toLowerCase()] : []
      }),
    ),
  )
}

function readList<Name extends ListName>(
  source: Source,
  top: Record<string, unknown>,
  name: Name,
): readonly Thing<Name>[] {
  const written = top[name]
  if (written === undefined || written === null) return []
  if (!Array.isArray(written)) {
    source.tell([name], 'Write a list: each entry on a line that begins with a dash.')
    return []
  }
  const seen = new Map<string, number>()
  return written.flatMap((entry: unknown, index): Thing<Name>[] => {
    const path = [name, index]
    const before = source.problems.length
    const thing = readThing(source, name, entry, path)
    if (thing === undefined) return []
    const key = keyOf(thing.value)
    const first = seen.get(key)
    seen.set(key, first ?? index)
    if (first !== undefined)
      source.tell(
        [...path, 'name'],
        `This stands in the list twice; the first is ${name}.${first}. Keep one of the two.`,
      )
    return source.problems.length === before ? [thing] : []
  })
}

const keyOf = (value: object): string => {
  const {
    account,
    name = '',
    url,
    parent,
    type,
  } = value as {
    readonly [key in 'account' | 'name' | 'url' | 'parent' | 'type']?: string
  }
  return [account, name.toLowerCase(), url, parent?.toLowerCase(), type].join('\n')
}

function readThing<Name extends ListName>(
  source: Source,
  name: Name,
  entry: unknown,
  path: Path,
): Thing<Name> | undefined {
  const { value, problems } = check(
    lists[name],
    source.expand(entry, path),
    (at, key) => source.yaml.where(at, key),
    path,
  )
  if (value === undefined) {
    source.problems.push(...problems)
    return undefined
  }
  // What the schema gave, seen without the list's own type: the keys below mean the same in every list.
  const plain = value as unknown as Readonly<Record<string, unknown>>
  const documents = new Map<string, string>()
  const guardRail = name === 'guard_rails' ? (plain['type'] as 'scp' | 'rcp') : undefined
  for (const [key, type] of [
    ['document', guardRail ?? 'identity'],
    ['trust', 'trust'],
  ] as const) {
    if (plain[key] === undefined) continue
    const text = source.policy(plain[key], [...path, key], type)
    if (text !== undefined) documents.set(key, text)
  }
  const inline = plain['inline_policies'] as Readonly<Record<string, unknown>> | undefined
  const inlineTexts =
    inline === undefined
      ? undefined
      : new Map(
          Object.entries(inline).flatMap(([policyName, each]) => {
            const text = source.policy(each, [...path, 'inline_policies', policyName], 'identity')
            return text === undefined ? [] : [[policyName, text] as const]
          }),
        )
  const secrets = new Map<string, Secret>()
  for (const key of ['password', 'totp_seed']) {
    const secret = source.secret(plain, path, key)
    if (secret !== undefined) secrets.set(key, secret)
  }
  if (name === 'apps') {
    readApp(source, plain, path, secrets)
    readResourcePolicies(source, plain, path, documents)
  }
  if (name === 'connections') {
    const secret = source.secret(plain, path, 'secret')
    if (secret !== undefined) secrets.set('client', secret)
  }
  const files = new Map<string, string>()
  const metadata = [
    [plain['metadata_file'], [...path, 'metadata_file']],
    [
      (plain['saml'] as Record<string, unknown> | undefined)?.['metadata_file'],
      [...path, 'saml', 'metadata_file'],
    ],
  ] as const
  for (const [file, at] of metadata) {
    if (typeof file !== 'string') continue
    const text = source.file(file, at)
    if (text !== undefined) files.set('metadata', text)
  }
  for (const key of ['certificate', 'revocation_list']) {
    const file = plain[`${key}_file`]
    const text = typeof file === 'string' ? source.file(file, [...path, `${key}_file`]) : undefined
    if (text !== undefined) files.set(key, text)
  }
  return {
    path,
    value: value as Declared<Name>,
    documents,
    inline: inlineTexts,
    secrets,
    keys: readKeys(source, plain, path),
    files,
  }
}

function readKeys(
  source: Source,
  plain: Readonly<Record<string, unknown>>,
  path: Path,
): readonly DeclaredKey[] {
  return ['access_keys', 'root_access_keys'].flatMap((list) => {
    const keys = (plain[list] ?? []) as readonly { readonly id: string; readonly [key: string]: unknown }[]
    return keys.flatMap((key, index) => {
      const at = [...path, list, index]
      const before = source.problems.length
      const secret = source.secret(key, at, 'secret')
      if (secret === undefined) {
        if (source.problems.length === before)
          source.tell(at, 'This key has no secret. Write secret: ${NAME} or secret_file: PATH.')
        return []
      }
      return [{ id: key.id, secret, sigv4aOnly: key['sigv4a_only'] === true, path: at }]
    })
  })
}

/** The resource policies of an app's resources, as documents by `resources.<index>`. */
function readResourcePolicies(
  source: Source,
  plain: Readonly<Record<string, unknown>>,
  path: Path,
  documents: Map<string, string>,
): void {
  const { resources = [], resource_types: types = [] } = plain as Partial<Declared<'apps'>>
  for (const [index, { type, policy }] of resources.entries()) {
    const at = [...path, 'resources', index]
    if (!types.some(({ name }) => name === type))
      source.tell([...at, 'type'], `Write this type under resource_types: of the app, or another one here.`)
    if (policy === undefined) continue
    const text = source.policy(policy, [...at, 'policy'], 'resource')
    if (text !== undefined) documents.set(`resources.${index}`, text)
  }
}

/** What an app must and must not have, beyond its keys. */
function readApp(
  source: Source,
  plain: Readonly<Record<string, unknown>>,
  path: Path,
  secrets: Map<string, Secret>,
): void {
  const { oidc, saml, proxy, service_prefix: prefix } = plain as Partial<Declared<'apps'>>
  if ([oidc, saml, proxy].filter((each) => each !== undefined).length !== 1)
    source.tell(path, 'An app is one of the three: write oidc:, saml: or proxy:.')
  for (const [index, { path: pattern, action, resource = '' }] of (proxy?.rules ?? []).entries()) {
    const at = [...path, 'proxy', 'rules', index]
    if (action !== undefined && prefix === undefined)
      source.tell([...at, 'action'], 'An action needs the app’s service_prefix: write it beside proxy:.')
    for (const [, name = ''] of resource.matchAll(/\{(\w+)\}/g))
      if (!pattern.includes(`{${name}}`) && !(name === 'rest' && pattern.endsWith('/**')))
        source.tell([...at, 'resource'], `The path has no {${name}}.`)
  }
  if (proxy !== undefined) readUpstream(source, proxy, [...path, 'proxy'], secrets)
  if (oidc !== undefined) {
    const at = [...path, 'oidc']
    const secret = source.secret(oidc, at, 'secret')
    if (secret !== undefined) {
      secrets.set('client', secret)
      if (secret.reveal().length < 16)
        source.tell(
          at,
          'This client secret is shorter than 16 characters. Make one with: openssl rand -hex 32',
        )
    }
    const grants = oidc.grants ?? ['authorization_code']
    const wantsPeople = grants.includes('authorization_code')
    const uris = oidc.redirect_uris ?? []
    if (wantsPeople && uris.length === 0)
      source.tell(at, 'People sign in to this client: write redirect_uris: [https://…].')
    for (const [index, uri] of uris.entries())
      if (!isRedirectUri(uri))
        source.tell(
          [...at, 'redirect_uris', index],
          'Write a full address without * and #: https://app.example.com/callback, http://127.0.0.1/callback, or com.example.app:/callback.',
        )
    const hasSecret = oidc.secret !== undefined || oidc.secret_file !== undefined
    readClientKeys(source, oidc, at, hasSecret)
    const isPublic = !hasSecret && !hasKeys(oidc) && oidc.token_endpoint_auth_method !== 'private_key_jwt'
    if (isPublic && grants.includes('client_credentials'))
      source.tell(
        [...at, 'grants'],
        'A public client has no credentials of its own. Give it a secret, or take client_credentials away.',
      )
  }
  if (saml !== undefined) {
    const at = [...path, 'saml']
    if (saml.metadata_file === undefined && (saml.entity_id === undefined || saml.acs === undefined))
      source.tell(at, 'Write metadata_file: PATH, or entity_id: and acs:.')
    if (saml.metadata_file === undefined && saml.encrypt === true)
      source.tell(
        [...at, 'encrypt'],
        'The key for encryption comes with the metadata: write metadata_file: PATH.',
      )
    if (saml.metadata_file !== undefined && saml.acs !== undefined)
      source.tell([...at, 'acs'], 'The metadata says this. Keep one of the two.', 'key')
  }
}

/** Whether a client proves itself by keys instead of a secret. */
export const hasKeys = ({ jwks, jwks_uri: uri }: NonNullable<Declared<'apps'>['oidc']>): boolean =>
  jwks !== undefined || uri !== undefined

/** A client proves itself in one way, and what is public of its keys is all that stands here. */
function readClientKeys(
  source: Source,
  oidc: NonNullable<Declared<'apps'>['oidc']>,
  path: Path,
  hasSecret: boolean,
): void {
  if (!hasKeys(oidc)) {
    if (oidc.token_endpoint_auth_method === 'private_key_jwt')
      source.tell(
        [...path, 'token_endpoint_auth_method'],
        'Write the client’s public keys: jwks: or jwks_uri:.',
      )
    return
  }
  const isOther = !['private_key_jwt', undefined].includes(oidc.token_endpoint_auth_method)
  if (hasSecret || isOther || (oidc.jwks !== undefined && oidc.jwks_uri !== undefined))
    source.tell(path, 'A client has a secret, jwks: or jwks_uri:. Keep one of the three.')
  for (const [index, key] of (oidc.jwks?.keys ?? []).entries())
    if (!['RSA', 'EC', 'OKP'].includes(String(key['kty'])) || 'd' in key)
      source.tell([...path, 'jwks', 'keys', index], 'Write a public JSON Web Key: RSA, EC or OKP, without d.')
}

/** A store wants requests signed with its own key, and has operations instead of rules. */
function readUpstream(
  source: Source,
  { protocol, upstream, rules }: NonNullable<Declared<'apps'>['proxy']>,
  path: Path,
  secrets: Map<string, Secret>,
): void {
  const secret = upstream === undefined ? undefined : source.secret(upstream, [...path, 'upstream'], 'secret')
  if (secret !== undefined) secrets.set('upstream', secret)
  const hasKey = upstream?.access_key_id !== undefined
  if (protocol === 's3') {
    if (upstream === undefined) source.tell(path, 'Signet stands before a store itself: write upstream:.')
    else if (!hasKey || secret === undefined)
      source.tell(
        [...path, 'upstream'],
        'Write the store’s own key: access_key_id: and secret: ${NAME} or secret_file: PATH.',
      )
    if (rules.length !== 1 || rules[0]?.path !== '/**' || rules[0].access !== 'signed-in')
      source.tell([...path, 'rules'], 'A store has operations of S3 instead of rules. Take them away.', 'key')
  } else if (hasKey || secret !== undefined)
    source.tell([...path, 'upstream'], 'Only a store has a key of its own: write protocol: s3.')
}

/** RFC 6749 §3.1.2: absolute, without fragment; and no pattern. */
function isRedirectUri(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || text.includes('*') || url.hash !== '' || text.endsWith('#')) return false
  if (url.protocol === 'https:' || url.protocol === 'http:') return url.hostname !== ''
  return /^[a-z][a-z0-9+.-]*\.[a-z0-9+.-]+:$/.test(url.protocol)
}
