/**
 * A token with one letter changed. Not one of the last: of these base64 may hold bits that nobody reads. And never into
 * itself: tokens are random, and of those that have the new letter there anyway one in 64 would be whole.
 */
export function tampered(token: string): string {
  const at = token.length - 6
  return `${token.slice(0, at)}${token.charAt(at) === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}
