import { sha256 } from '#crypto'
import type { Clock } from '#kernel'
import { ask, member } from '#remote'
import { signHeaders, type SigningCredentials } from '#sigv4'
import { type Answer, refused } from './answer.ts'
import type { Handler } from './server.ts'

/** Where the pods' SDKs ask: `AWS_CONTAINER_CREDENTIALS_FULL_URI` is the agent's address and this. */
export const podsPath = '/v1/credentials'

/** What answering pods takes. */
export type PodNeeds = {
  readonly clock: Clock
  /** The server, without a slash at its end. */
  readonly url: string
  readonly cluster: string
  /** The node's own credentials, which may do `eks-auth:AssumeRoleForPodIdentity`. */
  readonly own: () => Promise<SigningCredentials>
}

/** Renewed when so much of their life is left. */
const leftMinutes = 5
const mostPods = 1_000

/**
 * The container endpoint for pods: each shows the token of its service account, which Signet trades for the role session of
 * that account. Who shows none, or another's, gets nothing; so no address is trusted here.
 */
export function podCredentials(needs: PodNeeds): Handler {
  const held = new Map<string, { readonly answer: Answer; readonly until: Temporal.Instant }>()
  return async ({ url, method, headers }) => {
    if (url !== podsPath) return undefined
    if (method !== 'GET') return refused(405, 'MethodNotAllowed', 'Ask with GET.')
    const token = headers.authorization?.trim() ?? ''
    if (!/^[\w.-]{1,16384}$/.test(token))
      return refused(401, 'Unauthorized', 'Show the token of the service account as Authorization.')
    const name = sha256(token).toString('base64')
    const known = held.get(name)
    if (known !== undefined && Temporal.Instant.compare(known.until, needs.clock()) > 0) return known.answer
    held.delete(name)
    const taken = await take(needs, token)
    if (taken.until === undefined) return taken.answer
    if (held.size >= mostPods) held.delete(held.keys().next().value ?? '')
    held.set(name, { answer: taken.answer, until: taken.until })
    return taken.answer
  }
}

async function take(
  needs: PodNeeds,
  token: string,
): Promise<{ readonly answer: Answer; readonly until?: Temporal.Instant }> {
  const url = new URL(
    `${needs.url}/clusters/${encodeURIComponent(needs.cluster)}/assume-role-for-pod-identity`,
  )
  const body = JSON.stringify({ token })
  const headers = signHeaders(
    {
      method: 'POST',
      rawUrl: url.pathname,
      headers: [
        ['host', url.host],
        ['content-type', 'application/json'],
      ],
      body: Buffer.from(body),
    },
    await needs.own(),
    { at: needs.clock(), region: 'us-east-1', service: 'eks-auth' },
  )
  const answer = await ask(url.href, {
    method: 'POST',
    // fetch writes Host itself, the same.
    headers: headers
      .filter(([name]) => name !== 'host')
      .map(([name, value]): [string, string] => [name, value]),
    body,
  })
  const credentials = inside(answer.body, 'credentials')
  const expiration = Number(member(credentials, 'expiration'))
  if (answer.status !== 200 || !Number.isFinite(expiration))
    return {
      answer: refused(
        answer.status >= 400 && answer.status < 600 ? answer.status : 502,
        'AssumeRoleForPodIdentity',
        member(answer.body, 'message') ?? 'The server gave no credentials.',
      ),
    }
  const end = Temporal.Instant.fromEpochMilliseconds(expiration * 1_000)
  return {
    until: end.subtract({ minutes: leftMinutes }),
    answer: {
      status: 200,
      body: JSON.stringify({
        AccessKeyId: member(credentials, 'accessKeyId'),
        SecretAccessKey: member(credentials, 'secretAccessKey'),
        Token: member(credentials, 'sessionToken'),
        Expiration: end.toString({ smallestUnit: 'second' }),
        AccountId: member(inside(answer.body, 'assumedRoleUser'), 'arn')?.split(':')[4],
      }),
    },
  }
}

const inside = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
