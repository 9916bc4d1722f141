/**
 * The service a request says it is signed for, in its header or query; undefined where it is not signed by SigV4. Only
 * to choose who answers: nothing is proven by it.
 */
export function signedServiceOf(rawUrl: string, authorization: string): string | undefined {
  const inHeader = /^AWS4-(?:HMAC-SHA256|ECDSA-P256-SHA256)\s.*?Credential=([^,\s]+)/.exec(authorization)?.[1]
  const credential = inHeader ?? /[?&]X-Amz-Credential=([^&]+)/.exec(rawUrl)?.[1]?.replaceAll(/%2F/gi, '/')
  const parts = credential?.split('/') ?? []
  // The last but one: SigV4A has no region. What has no scope at all is for the verifier to refuse.
  return parts.length < 4 ? undefined : parts.at(-2)
}
