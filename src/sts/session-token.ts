import { createCipheriv, createDecipheriv } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'

import { Secret, type Clock } from '#kernel'
import { hmacSha256, type Mac } from '#sigv4'

import type { SessionClaims } from './claims.ts'
import { readClaims, writeClaims } from './claims-codec.ts'
import { refuseToken } from './refuse-token.ts'
import { accountOfSessionKeyId, sessionKeyId } from './session-key-id.ts'
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
   * @throws Failure unauthenticated `sts/invalid-token`, the same for every way a token can be wrong
   */
  readonly open: (accessKeyId: string, token: string) => OpenedSession
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
  const today = (): number => Math.floor(needs.clock().epochMilliseconds / 86_400_000)
  const sealKey = (kid: string): Uint8Array => needs.derive(`sts/sst1/seal/${kid}`)
  const nextKid = countedKids(needs.tokensPerKey ?? 2 ** 30)
  const macOf = rememberedMacs((kid) => hmacSha256(needs.derive(`sts/sst1/secret/${kid}`)))
  const secretOf = (kid: string, accessKeyId: string, nonce: Uint8Array): Secret => {
    const mac = macOf(kid)(Buffer.concat([Buffer.from(`sk${accessKeyId}`), nonce]))
    return new Secret(Buffer.from(mac, 'latin1').toString('base64').slice(0, 40))
  }

  const sealed: Pick<SessionTokens, 'mint' | 'open'> = {
    mint(claims, minimumSize = 0) {
      const day = today()
      const generation = nextKid(day)
      const kid = kidOf(day, generation)
      const noise = needs.random(17)
      const accessKeyId = sessionKeyId(claims.accountId, noise.subarray(0, 5))
      const nonce = noise.subarray(5)
      const { flags, plaintext } = pack(writeClaims(claims), minimumSize)
      const header = Buffer.of(version, day >> 8, day & 255, (generation << 4) | flags)
      const cipher = createCipheriv('aes-256-gcm', sealKey(kid), nonce).setAAD(bound(header, accessKeyId))
      const sealed = cipher.update(plaintext)
      cipher.final()
      return {
        accessKeyId,
        secretAccessKey: secretOf(kid, accessKeyId, nonce),
        sessionToken: Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]).toString('base64'),
        expiration: claims.expiresAt,
      }
    },

    open(accessKeyId, token) {
      const raw = token.length <= maxTokenCharacters ? Buffer.from(token, 'base64') : Buffer.alloc(0)
      // Base64 has many spellings of the same bytes; only the one we wrote is ours.
      if (raw.length <= sealedAt || raw.toString('base64') !== token) return refuseToken()
      const day = raw.readUInt16BE(1)
      const age = today() - day
      const kid = kidOf(day, (raw[3] ?? 0) >> 4)
      if (raw[0] !== version || age < -1 || age >= liveDays) return refuseToken()
      const header = raw.subarray(0, headerBytes)
      const nonce = raw.subarray(headerBytes, headerBytes + 12)
      const decipher = createDecipheriv('aes-256-gcm', sealKey(kid), nonce, { authTagLength: 16 })
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
      if (claims.accountId !== accountOfSessionKeyId(accessKeyId)) return refuseToken()
      return { claims, secretAccessKey: secretOf(kid, accessKeyId, nonce) }
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
        open: (accessKeyId, token) =>
          sealed.open(accessKeyId, token.includes('.') ? signed.unwrap(accessKeyId, token) : token),
      }
}

/** The first key of a day has the day's number alone. */
const kidOf = (day: number, generation: number): string =>
  generation === 0 ? String(day) : `${day}/${generation}`

/** A day has sixteen keys at most, and three days count. */
function rememberedMacs(macOf: (kid: string) => Mac): (kid: string) => Mac {
  const macs = new Map<string, Mac>()
  return (kid) => {
    const known = macs.get(kid)
    if (known !== undefined) return known
    const mac = macOf(kid)
    if (macs.size >= 48) macs.clear()
    macs.set(kid, mac)
    return mac
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

const bound = (header: Uint8Array, accessKeyId: string): Buffer =>
  Buffer.concat([Buffer.from('signet/sst1/'), header, Buffer.from(accessKeyId)])

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
