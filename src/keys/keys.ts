import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import type { Vault } from '#crypto'
import { type Database, sql } from '#database'
import { type Clock, randomId, refuse } from '#kernel'
import { selfSignedCertificate } from './certificate.ts'

/**
 * What a key signs. SAML keys are not the OIDC keys, and metadata has its own; `sts` signs identity tokens for outside
 * services, `session` role sessions that services verify by themselves.
 */
export type KeyPurpose = 'oidc' | 'saml' | 'saml-metadata' | 'sts' | 'session'
export type SigningAlg = 'ES256' | 'ES384' | 'RS256'

/** A key with its private part, imported once. */
export type SigningKey = {
  readonly kid: string
  readonly purpose: KeyPurpose
  readonly alg: SigningAlg
  readonly state: 'pending' | 'active' | 'retiring'
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** The public JWK with kid, alg and use (RFC 7517). */
  readonly publicJwk: Readonly<Record<string, string>>
  /** PEM; SAML keys only. */
  readonly certificate: string | undefined
}

/** The keys of this deployment, as last read. */
export type Keys = {
  /** All published keys of a purpose: the active first. */
  list(purpose: KeyPurpose): readonly SigningKey[]
  /** The key that signs. @throws Failure unavailable keys/none */
  active(purpose: KeyPurpose, alg?: SigningAlg): SigningKey
  /** Reads the keys again; the answer says whether anything changed. */
  refresh(): Promise<boolean>
}

const wanted: readonly (readonly [KeyPurpose, SigningAlg])[] = [
  ['oidc', 'ES256'],
  ['oidc', 'RS256'],
  ['saml', 'RS256'],
  ['saml-metadata', 'RS256'],
  ['sts', 'ES384'],
  ['sts', 'RS256'],
  ['session', 'ES256'],
]

const generate = promisify(generateKeyPair)

type Row = {
  kid: string
  purpose: KeyPurpose
  alg: SigningAlg
  state: SigningKey['state']
  public_jwk: string
  private_sealed: Buffer
  certificate: string | null
}

/** Opens the keys: makes what is missing (a new deployment), then reads and imports all of them once. */
export async function openKeys(needs: {
  database: Database
  vault: Vault
  clock: Clock
  /** Named in certificates. */
  publicUrl: URL
}): Promise<Keys> {
  const { database, vault } = needs
  const { rows } = await database.query<{ purpose: string; alg: string }>(
    sql`select purpose, alg from signing_key where state = 'active'`,
  )
  const missing = wanted.filter(
    ([purpose, alg]) => !rows.some((row) => row.purpose === purpose && row.alg === alg),
  )
  await Promise.all(missing.map(([purpose, alg]) => make(needs, purpose, alg)))

  let keys: readonly SigningKey[] = []
  const refresh = async (): Promise<boolean> => {
    const { rows: found } = await database.query<Row>(
      sql`select kid, purpose, alg, state, public_jwk, private_sealed, certificate
          from signing_key
          where state <> 'retired'
          order by case state when 'active' then 0 when 'pending' then 1 else 2 end, created_at desc, kid`,
    )
    const before = keys.map(({ kid, state }) => `${kid} ${state}`).join()
    const known = new Map(keys.map((key) => [key.kid, key]))
    keys = found.map((row) => {
      const same = known.get(row.kid)
      return same === undefined ? imported(vault, row) : { ...same, state: row.state }
    })
    return keys.map(({ kid, state }) => `${kid} ${state}`).join() !== before
  }
  await refresh()

  return {
    refresh,
    list: (purpose) => keys.filter((key) => key.purpose === purpose),
    active: (purpose, alg) =>
      keys.find(
        (key) => key.purpose === purpose && key.state === 'active' && (alg === undefined || key.alg === alg),
      ) ?? refuse('unavailable', 'keys/none', 'No signing key is active.', { purpose, alg }),
  }
}

const context = (kid: string) => `signing_key/private/${kid}`

function imported(vault: Vault, row: Row): SigningKey {
  const privateKey = createPrivateKey({
    key: vault.open(row.private_sealed, context(row.kid)),
    format: 'der',
    type: 'pkcs8',
  })
  return {
    kid: row.kid,
    purpose: row.purpose,
    alg: row.alg,
    state: row.state,
    privateKey,
    publicKey: createPublicKey(privateKey),
    publicJwk: JSON.parse(row.public_jwk) as Record<string, string>,
    certificate: row.certificate ?? undefined,
  }
}

async function make(
  needs: { database: Database; vault: Vault; clock: Clock; publicUrl: URL },
  purpose: KeyPurpose,
  alg: SigningAlg,
): Promise<void> {
  const now = needs.clock()
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' })
  const jwk = publicKey.export({ format: 'jwk' })
  const kid = await calculateJwkThumbprint(jwk)
  const certificate =
    purpose !== 'saml' && purpose !== 'saml-metadata'
      ? null
      : selfSignedCertificate({
          privateKey,
          publicKey,
          commonName: `Signet ${needs.publicUrl.host}`.slice(0, 64),
          serial: Buffer.from(randomId(), 'base64url').subarray(0, 16),
          notBefore: now.subtract({ hours: 24 }),
          notAfter: now.add({ hours: 24 * 3650 }),
        })
  await needs.database.query(
    sql`insert into signing_key (kid, purpose, alg, state, public_jwk, private_sealed, certificate, created_at)
        values (${kid}, ${purpose}, ${alg}, 'active', ${JSON.stringify({ ...jwk, kid, alg, use: 'sig' })},
                ${needs.vault.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), context(kid))}, ${certificate}, ${now})
        on conflict (purpose, alg) where state = 'active' do nothing`,
  )
}
