import type { ZxcvbnFactory } from '@zxcvbn-ts/core'
import type { Translate } from '#http'

/** How hard a password is to guess, in five steps. */
export type Strength = 0 | 1 | 2 | 3 | 4

/** Why a password may not be chosen. */
export type PasswordFault =
  | { readonly why: 'too-short'; readonly minimum: number }
  | { readonly why: 'too-long' }
  | { readonly why: 'common' }
  | { readonly why: 'context'; readonly word: string }
  | { readonly why: 'guessable' }
  /** The account's policy asks for one. */
  | { readonly why: 'lacks'; readonly what: 'symbol' | 'number' | 'uppercase' | 'lowercase' }
  /** It is the present one, or one of so many before it. */
  | { readonly why: 'used-before'; readonly former: number }

/** NIST SP 800-63B-4: 15 characters where the password is the only factor, 8 beside a second one. */
export const minimumLength = { alone: 15, withSecondFactor: 8 } as const

/** Bytes; far above what anybody types. */
const longest = 1_024

/**
 * Judges a password that somebody wants: length in characters, the list of common ones, words that belong to the user
 * or the organization, and how it would be guessed. No composition rules (NIST SP 800-63B-4, ASVS 6.2).
 *
 * @param request `words` are names around the user; those of fewer than five characters count only as the whole
 */
export async function judgePassword(request: {
  readonly password: string
  readonly minimum: number
  readonly words: readonly string[]
}): Promise<{ readonly fault: PasswordFault | undefined; readonly strength: Strength }> {
  const password = request.password.normalize('NFKC')
  const factory = await guesser()
  // The guesser's work grows with the square of the length; what follows 100 characters cannot make it weak.
  const strength = factory.check(password.slice(0, 100), [...request.words]).score
  return { fault: faultOf(password, request, strength), strength }
}

const lacks = {
  symbol: 'choose.lacks-symbol',
  number: 'choose.lacks-number',
  uppercase: 'choose.lacks-uppercase',
  lowercase: 'choose.lacks-lowercase',
} as const

/** A fault as a sentence for the user. */
export function passwordFaultText(fault: PasswordFault, t: Translate): string {
  switch (fault.why) {
    case 'too-short':
      return t('choose.too-short', { minimum: fault.minimum })
    case 'too-long':
      return t('choose.too-long')
    case 'common':
      return t('choose.common')
    case 'context':
      return t('choose.context', { word: fault.word })
    case 'guessable':
      return t('choose.guessable')
    case 'lacks':
      return t(lacks[fault.what])
    case 'used-before':
      return t('choose.used-before', { former: fault.former })
  }
}

function faultOf(
  password: string,
  { minimum, words }: { minimum: number; words: readonly string[] },
  strength: Strength,
): PasswordFault | undefined {
  // NIST counts characters, not bytes or UTF-16 units.
  if (Array.from(password).length < minimum) return { why: 'too-short', minimum }
  if (Buffer.byteLength(password) > longest || password.includes('\0')) return { why: 'too-long' }
  if (common?.has(password.toLowerCase()) === true) return { why: 'common' }
  const folded = fold(password)
  const word = words
    .flatMap((each) => [each, ...each.split(/[^\p{L}\p{N}]+/u)])
    .filter((each) => each !== '')
    .find((each) => folded === fold(each) || (each.length >= 5 && folded.includes(fold(each))))
  if (word !== undefined) return { why: 'context', word }
  return strength < 2 ? { why: 'guessable' } : undefined
}

/** Small letters, and the digits and signs that people write for letters. */
const fold = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[@4]/g, 'a')
    .replaceAll('3', 'e')
    .replaceAll(/[1!|]/g, 'i')
    .replaceAll('0', 'o')
    .replaceAll(/[5$]/g, 's')
    .replaceAll('7', 't')

let loading: Promise<ZxcvbnFactory> | undefined
let common: ReadonlySet<string> | undefined

/** The dictionaries take a third of a second to load: not before somebody chooses a password. */
const guesser = (): Promise<ZxcvbnFactory> =>
  (loading ??= Promise.all([import('@zxcvbn-ts/core'), import('@zxcvbn-ts/language-common')]).then(
    ([{ ZxcvbnFactory: Factory }, { dictionary, adjacencyGraphs }]) => {
      common = new Set(dictionary['passwords-common'])
      return new Factory({ dictionary, graphs: adjacencyGraphs })
    },
  ))
