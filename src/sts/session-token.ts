import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'

import { Secret, type Clock } from '#kernel'
import { hmacSha256, type Mac } from '#sigv4'

import type { SessionClaims } from './claims.ts'
import { readClaims, writeClaims } from './claims-codec.ts'
import { refuseToken } from './refuse-token.ts'
import { accountOfSessionKeyId, sessionKeyId, sessionKeyIdCharacters } from './session-key-id.ts'
import type { SignedSessions } from './signed-session.ts'

/**
 * The session token, form SST1: self-contained and sealed, so any node opens it without a database read and no row is
 * kept per session.
 *
 *   token  = base64( version 1 B | kid 2 B | flags 1 B | nonce 12 B | tag 16 B | ciphertext )   AES-256-GCM
 *   AAD    = label ‖ version ‖ kid ‖ flags ‖ access key id
 *   secret = first 40 characters of base64( HMAC-SHA256( K_secret[kid], "sk" ‖ access key id ‖ nonce ) )
 *
 * The two keys of a kid are derived from the master key under distinct labels. The kid is the day of issue, so keys
 * change daily without anything to store, and a token of a day that no session can still be alive from is refused
 * before its seal is tried. A process that sealed 2^30 tokens in a day goes on to the day's next key, whose number is in
 * the upper half of the flags: random nonces stay far from repeating (NIST SP 800-38D §8.3).
 */
export type SessionTokens = {
  /** Seals a session. `minimumSize` pads the token to at least so many characters. */
  readonly mint: (claims: SessionClaims, minimumSize?: number, form?: TokenForm) => SessionCredentials
  /**
   * Opens the token that belongs to an access key id. Expiry and epochs are the caller's to check, after the signature.
   *
   * @param now where the caller has asked the clock already
   * @throws Failure unauthenticated `sts/invalid-token`, the same for every way a token can be wrong
   */
  readonly open: (accessKeyId: string, token: string, now?: Temporal.Instant) => OpenedSession
}

/**
 * `sealed` for our own processes alone; `signed` can be verified by everybody who has our public keys, and is about three
 * times as long.
 */
export type TokenForm = 'sealed' | 'signed'

/** What the caller of an issuing operation gets. */
export type SessionCredentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: string
  readonly expiration: Temporal.Instant
}

/** A token whose seal has proven it, and the secret that goes with it. */
export type OpenedSession = { readonly claims: SessionClaims; readonly secretAccessKey: Secret }

/** Where keys, nonces and the day come from. */
export type SessionTokenNeeds = {
  /** A key per label, the same on every node (HKDF over the master key). */
  readonly derive: (label: string) => Uint8Array
  readonly random: (size: number) => Uint8Array
  readonly clock: Clock
  /** Makes and reads tokens of the signed form; without it all are sealed. */
  readonly signed?: SignedSessions
  /** How many tokens one key seals; 2^30 unless a test says less. */
  readonly tokensPerKey?: number
}

const version = 1
const deflated = 1
const padded = 2
const headerBytes = 4
const sealedAt = headerBytes + 12 + 16
const maxTokenCharacters = 8192
const maxClaimBytes = 16_384
/** Sessions live at most 36 hours, so they may come from today, yesterday or the day before. */
const liveDays = 3

/** Makes and opens session tokens. */
export function sessionTokens(needs: SessionTokenNeeds): SessionTokens {
  const dayOf = (at: Temporal.Instant): number => Math.floor(at.epochMilliseconds / 86_400_000)
  const nextKid = countedKids(needs.tokensPerKey ?? 2 ** 30)
  const keysOf = rememberedKeys((kid) => ({
    seal: createSecretKey(needs.derive(`sts/sst1/seal/${kid}`)),
    mac: hmacSha256(needs.derive(`sts/sst1/secret/${kid}`)),
  }))

  const sealed: Pick<SessionTokens, 'mint' | 'open'> = {
    mint(claims, minimumSize = 0) {
      const day = dayOf(needs.clock())
      const generation = nextKid(day)
      const kid = kidOf(day, generation)
      const noise = needs.random(17)
      const accessKeyId = sessionKeyId(claims.accountId, noise.subarray(0, 5))
      const nonce = noise.subarray(5)
      const { flags, plaintext } = pack(writeClaims(claims), minimumSize)
      const header = Buffer.of(version, day >> 8, day & 255, (generation << 4) | flags)
      const { seal, mac } = keysOf(kid)
      const cipher = createCipheriv('aes-256-gcm', seal, nonce).setAAD(bound(header, accessKeyId))
      const sealed = cipher.update(plaintext)
      cipher.final()
      return {
        accessKeyId,
        secretAccessKey: secretOf(mac, accessKeyId, nonce),
        sessionToken: Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]).toString('base64'),
        expiration: claims.expiresAt,
      }
    },

    open(accessKeyId, token, now = needs.clock()) {
      const raw = token.length <= maxTokenCharacters ? Buffer.from(token, 'base64') : Buffer.alloc(0)
      // Base64 has many spellings of the same bytes; only the one we wrote is ours.
      if (raw.length <= sealedAt || raw.toString('base64') !== token) return refuseToken()
      const accountId = accountOfSessionKeyId(accessKeyId) ?? refuseToken()
      const day = raw.readUInt16BE(1)
      const age = dayOf(now) - day
      const kid = kidOf(day, (raw[3] ?? 0) >> 4)
      if (raw[0] !== version || age < -1 || age >= liveDays) return refuseToken()
      const header = raw.subarray(0, headerBytes)
      const nonce = raw.subarray(headerBytes, headerBytes + 12)
      const { seal, mac } = keysOf(kid)
      // Of a tag, GCM takes any length that it is given: this one has sixteen bytes.
      const decipher = createDecipheriv('aes-256-gcm', seal, nonce)
        .setAAD(bound(header, accessKeyId))
        .setAuthTag(raw.subarray(headerBytes + 12, sealedAt))
      let plaintext: Buffer
      try {
        // GCM is a stream: the end gives nothing more, it only compares the tag.
        plaintext = decipher.update(raw.subarray(sealedAt))
        decipher.final()
      } catch {
        return refuseToken()
      }
      const claims = readClaims(unpack(plaintext, raw[3] ?? 0))
      if (claims.accountId !== accountId) return refuseToken()
      return { claims, secretAccessKey: secretOf(mac, accessKeyId, nonce) }
    },
  }
  const { signed } = needs
  return signed === undefined
    ? sealed
    : {
        mint: (claims, minimumSize, form = 'sealed') =>
          form === 'signed' && claims.principal.kind === 'role'
            ? signed.wrap(sealed.mint(claims), claims, minimumSize)
            : sealed.mint(claims, minimumSize),
        open: (accessKeyId, token, now) =>
          sealed.open(accessKeyId, token.includes('.') ? signed.unwrap(accessKeyId, token) : token, now),
      }
}

/** The first key of a day has the day's number alone. */
const kidOf = (day: number, generation: number): string =>
  generation === 0 ? String(day) : `${day}/${generation}`

/** The two keys of a kid. */
type KidKeys = { readonly seal: KeyObject; readonly mac: Mac }

/** A day has sixteen kids at most, and three days count. */
function rememberedKeys(keysOf: (kid: string) => KidKeys): (kid: string) => KidKeys {
  const remembered = new Map<string, KidKeys>()
  return (kid) => {
    const known = remembered.get(kid)
    if (known !== undefined) return known
    const keys = keysOf(kid)
    if (remembered.size >= 48) remembered.clear()
    remembered.set(kid, keys)
    return keys
  }
}

/** Counts what a day's keys sealed here. Sixteen of them are more than a process can use up in a day. */
function countedKids(tokensPerKey: number): (day: number) => number {
  let counted = { day: 0, tokens: 0 }
  return (day) => {
    if (counted.day !== day) counted = { day, tokens: 0 }
    return Math.min(15, Math.floor(counted.tokens++ / tokensPerKey))
  }
}

/**
 * Where what a seal is bound to, and what a secret is made from, are put together. Both have one length, since an access key
 * id of a session has one; nothing waits in between, so nobody else writes here.
 */
const label = 'signet/sst1/'
const binding = Buffer.alloc(label.length + headerBytes + sessionKeyIdCharacters)
binding.write(label, 'latin1')
const seed = Buffer.alloc(2 + sessionKeyIdCharacters + 12)
seed.write('sk', 'latin1')

function bound(header: Uint8Array, accessKeyId: string): Buffer {
  binding.set(header, label.length)
  binding.write(accessKeyId, label.length + headerBytes, 'latin1')
  return binding
}

/** The first 40 characters of the base64 of the MAC, which its first 30 bytes make. */
function secretOf(mac: Mac, accessKeyId: string, nonce: Uint8Array): Secret {
  seed.write(accessKeyId, 2, 'latin1')
  seed.set(nonce, 2 + sessionKeyIdCharacters)
  return new Secret(Buffer.from(mac(seed).slice(0, 30), 'latin1').toString('base64'))
}

/** Deflates where that is shorter, pads where a minimum is asked for: length (2 bytes) and zeros around the rest. */
function pack(text: string, minimumSize: number): { readonly flags: number; readonly plaintext: Buffer } {
  const plain = Buffer.from(text)
  // Below this the token is short anyway, and a stream for deflating costs more than all the rest of the call.
  const small = plain.length > 1_000 ? deflateRawSync(plain) : plain
  const [flags, best] = small.length < plain.length ? ([deflated, small] as const) : ([0, plain] as const)
  // Four characters of base64 hold three bytes.
  const wanted = Math.ceil((minimumSize * 3) / 4) - sealedAt
  if (wanted <= best.length) return { flags, plaintext: best }
  const room = Buffer.alloc(Math.max(wanted, best.length + 2))
  room.writeUInt16BE(best.length)
  best.copy(room, 2)
  return { flags: flags | padded, plaintext: room }
}

function unpack(plaintext: Buffer, flags: number): string {
  const inner = (flags & padded) === 0 ? plaintext : plaintext.subarray(2, 2 + plaintext.readUInt16BE())
  const plain = (flags & deflated) === 0 ? inner : inflateRawSync(inner, { maxOutputLength: maxClaimBytes })
  return plain.toString()
}
