const usual = 'AWS4-HMAC-SHA256 Credential='

/** The credential scope as every client writes it, up to its comma: found without an expression, for every request. */
function usualCredential(authorization: string): string | undefined {
  const end = authorization.startsWith(usual) ? authorization.indexOf(',') : -1
  const credential = end === -1 ? '' : authorization.slice(usual.length, end)
  return credential === '' || credential.includes(' ') || credential.includes('\t') ? undefined : credential
}

const credentialOf = (authorization: string): string | undefined =>
  usualCredential(authorization) ??
  /^AWS4-(?:HMAC-SHA256|ECDSA-P256-SHA256)\s.*?Credential=([^,\s]+)/.exec(authorization)?.[1]

/**
 * The service a request says it is signed for, in its header or query; undefined where it is not signed by SigV4. Only
 * to choose who answers: nothing is proven by it.
 */
export function signedServiceOf(rawUrl: string, authorization: string): string | undefined {
  const credential =
    credentialOf(authorization) ?? /[?&]X-Amz-Credential=([^&]+)/.exec(rawUrl)?.[1]?.replaceAll(/%2F/gi, '/')
  if (credential === undefined) return undefined
  // The last but one of four parts or more: SigV4A has no region. What has no scope at all is for the verifier to refuse.
  const end = credential.lastIndexOf('/')
  const begin = end < 1 ? -1 : credential.lastIndexOf('/', end - 1)
  const isScope = begin > 0 && credential.lastIndexOf('/', begin - 1) >= 0
  return isScope ? credential.slice(begin + 1, end) : undefined
}
