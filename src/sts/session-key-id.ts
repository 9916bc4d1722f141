const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** How long every temporary access key id is; all its characters are ASCII. */
export const sessionKeyIdCharacters = 20

/**
 * A temporary access key id: `ASIA` and 80 bits in base32, which are a one, the account (40 bits) and randomness (39
 * bits). So the account of any temporary key is known without a look-up.
 *
 * @param random five bytes of randomness, of which one bit is not used
 */
export function sessionKeyId(accountId: string, random: Uint8Array): string {
  const account = Number(accountId)
  const [first = 0, ...rest] = random.subarray(0, 5)
  // 80 bits are two numbers of 40: in BigInt the same costs ten times as much.
  const noise = rest.reduce((all, byte) => all * 256 + byte, first & 127)
  return `ASIA${letters(2 ** 39 + Math.floor(account / 2))}${letters((account % 2) * 2 ** 39 + noise)}`
}

/** 40 bits as eight letters. */
function letters(bits: number): string {
  let text = ''
  for (let rest = bits; text.length < 8; rest = Math.floor(rest / 32))
    text = alphabet.charAt(rest % 32) + text
  return text
}

/** The account a temporary access key id belongs to; undefined for anything that is none of ours. */
export function accountOfSessionKeyId(id: string): string | undefined {
  if (!/^ASIA[A-Z2-7]{16}$/.test(id)) return undefined
  // The one, 39 bits of the account, and in the next letter its last bit.
  const high = numberOf(id, 4, 12) - 2 ** 39
  const account = String(high * 2 + Math.floor(numberOf(id, 12, 13) / 16)).padStart(12, '0')
  return high >= 0 && account.length === 12 ? account : undefined
}

function numberOf(id: string, from: number, to: number): number {
  let bits = 0
  for (let index = from; index < to; index++) bits = bits * 32 + alphabet.indexOf(id.charAt(index))
  return bits
}
