const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * A temporary access key id: `ASIA` and 80 bits in base32, which are a one, the account (40 bits) and randomness (39
 * bits). So the account of any temporary key is known without a look-up.
 *
 * @param random five bytes of randomness, of which one bit is not used
 */
export function sessionKeyId(accountId: string, random: Uint8Array): string {
  const noise =
    random.subarray(0, 5).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n) & ((1n << 39n) - 1n)
  let bits = (1n << 79n) | (BigInt(accountId) << 39n) | noise
  let id = ''
  for (let index = 0; index < 16; index++) {
    id = alphabet.charAt(Number(bits & 31n)) + id
    bits >>= 5n
  }
  return 'ASIA' + id
}

/** The account a temporary access key id belongs to; undefined for anything that is none of ours. */
export function accountOfSessionKeyId(id: string): string | undefined {
  if (!/^ASIA[A-Z2-7]{16}$/.test(id)) return undefined
  let bits = 0n
  for (const letter of id.slice(4)) bits = (bits << 5n) | BigInt(alphabet.indexOf(letter))
  const account = ((bits >> 39n) & ((1n << 40n) - 1n)).toString().padStart(12, '0')
  return bits >> 79n === 1n && account.length === 12 ? account : undefined
}
