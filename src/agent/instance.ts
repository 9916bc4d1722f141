import type { IncomingMessage } from 'node:http'
import { type Clock, random } from '#kernel'
import { type Answer, refused } from './answer.ts'
import type { Supply } from './credentials.ts'

const ttlHeader = 'x-aws-ec2-metadata-token-ttl-seconds'
const roles = '/latest/meta-data/iam/security-credentials'
const mostTokens = 1_000

/** Answers one request; undefined for a path that is none of these. */
export type InstanceMetadata = (request: IncomingMessage) => Promise<Answer | undefined>

/**
 * EC2's instance metadata, version 2: a token by PUT first, which no mere GET that somebody was tricked into can make.
 * Version 1 is not offered.
 */
export function instanceMetadata(needs: {
  readonly clock: Clock
  readonly supply: Supply
}): InstanceMetadata {
  const tokens = new Map<string, Temporal.Instant>()

  const newToken = (wanted: string): Answer => {
    if (!/^\d{1,5}$/.test(wanted) || Number(wanted) < 1 || Number(wanted) > 21_600)
      return refused(400, 'BadRequest', `Send ${ttlHeader}: 1 to 21600.`)
    const token = random(32).toString('base64url')
    // The oldest goes: whoever asks for tokens without end shall not fill the memory.
    if (tokens.size >= mostTokens) tokens.delete(tokens.keys().next().value ?? '')
    tokens.set(token, needs.clock().add({ seconds: Number(wanted) }))
    return { status: 200, body: token, type: 'text/plain', headers: { [ttlHeader]: wanted } }
  }
  const isGood = (token: unknown): boolean => {
    const until = typeof token === 'string' ? tokens.get(token) : undefined
    return until !== undefined && Temporal.Instant.compare(until, needs.clock()) > 0
  }

  return async ({ url = '', method, headers }) => {
    if (url === '/latest/api/token')
      return method === 'PUT'
        ? newToken(String(headers[ttlHeader] ?? ''))
        : refused(405, 'MethodNotAllowed', 'Ask with PUT.')
    if (!url.startsWith(roles)) return undefined
    if (method !== 'GET') return refused(405, 'MethodNotAllowed', 'Ask with GET.')
    if (!isGood(headers['x-aws-ec2-metadata-token']))
      return refused(401, 'Unauthorized', 'Ask for a token first.')
    const credentials = await needs.supply.current()
    const role = credentials.assumedRoleArn.split('/')[1] ?? ''
    const named = url.slice(roles.length).replace(/^\//, '')
    if (named === '') return { status: 200, body: role, type: 'text/plain' }
    if (named !== encodeURIComponent(role) && named !== role)
      return refused(404, 'NotFound', 'There is no such role here.')
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials
    return {
      status: 200,
      body: JSON.stringify({
        Code: 'Success',
        LastUpdated: needs.clock().toString({ smallestUnit: 'second' }),
        Type: 'AWS-HMAC',
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: expiration,
      }),
    }
  }
}
