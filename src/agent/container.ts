import type { IncomingMessage } from 'node:http'
import { equal } from '#crypto'
import { type Answer, refused } from './answer.ts'
import type { Supply } from './credentials.ts'

/** Where the container endpoint stands. */
export const containerPath = '/credentials'

/** The container endpoint: `Authorization` holds the token as it is. Undefined for other paths. */
export async function answerContainer(
  { url, method, headers }: IncomingMessage,
  { token, supply }: { readonly token: string; readonly supply: Supply },
): Promise<Answer | undefined> {
  if (url !== containerPath) return undefined
  if (method !== 'GET') return refused(405, 'MethodNotAllowed', 'Ask with GET.')
  if (!equal(headers.authorization ?? '', token))
    return refused(401, 'Unauthorized', 'The authorization token is missing or wrong.')
  const { accessKeyId, secretAccessKey, sessionToken, expiration, assumedRoleArn } = await supply.current()
  return {
    status: 200,
    body: JSON.stringify({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: expiration,
      AccountId: assumedRoleArn.split(':')[4],
    }),
  }
}
