import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { type Secret, refuse } from '#kernel'

/** Seals what the database keeps, and derives the keys that agree on every node. All from the one SECRET_KEY. */
export type Vault = {
  /**
   * Seals a value with AES-256-GCM.
   *
   * @param context names the row (`totp_device/seed/<id>`): a sealed value moved to another row does not open
   */
  seal(plaintext: string | Uint8Array, context: string): Buffer
  /** Opens what `seal` made. @throws Failure unavailable crypto/unsealable when it was changed, moved or sealed by another key */
  open(sealed: Uint8Array, context: string): Buffer
  /** A key for one purpose (HKDF-SHA-256, RFC 5869); the same on every node that has the same SECRET_KEY. */
  derive(label: string, bytes?: number): Buffer
  /** A MAC for one purpose (HMAC-SHA-256), base64url. */
  mac(label: string, text: string): string
}

const version = 1

/** Opens the vault over the master key. @param masterKey at least 32 bytes of any text or bytes */
export function openVault(masterKey: Secret): Vault {
  const derived = new Map<string, Buffer>()
  const derive = (label: string, bytes = 32): Buffer => {
    const name = `${bytes}/${label}`
    let key = derived.get(name)
    if (key === undefined) {
      key = Buffer.from(hkdfSync('sha256', masterKey.reveal(), 'signet/v1', label, bytes))
      derived.set(name, key)
    }
    return key
  }

  return {
    derive,
    mac: (label, text) =>
      createHmac('sha256', derive(`mac/${label}`))
        .update(text)
        .digest('base64url'),
    seal(plaintext, context) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', derive('seal'), nonce).setAAD(Buffer.from(context))
      const text = Buffer.concat([cipher.update(plaintext), cipher.final()])
      return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), text])
    },
    open(sealed, context) {
      try {
        if (sealed[0] !== version || sealed.length < 29) throw new Error('not a sealed value')
        const decipher = createDecipheriv('aes-256-gcm', derive('seal'), sealed.subarray(1, 13), {
          authTagLength: 16,
        })
          .setAAD(Buffer.from(context))
          .setAuthTag(sealed.subarray(13, 29))
        return Buffer.concat([decipher.update(sealed.subarray(29)), decipher.final()])
      } catch (cause) {
        return refuse(
          'unavailable',
          'crypto/unsealable',
          'A stored secret cannot be opened with this SECRET_KEY.',
          { context, cause: String(cause) },
        )
      }
    },
  }
}
