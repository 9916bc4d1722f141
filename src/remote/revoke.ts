import { refuse } from '#kernel'
import type { Command } from '#terminal'
import { ask, member } from './ask.ts'
import { accessToken } from './login.ts'
import { serverUrl } from './token-store.ts'

const kinds = ['user', 'role', 'federated', 'session', 'key', 'account']

/** `signet revoke`: ends everything that was issued to somebody or something until now, on every node within a second. */
export const revokeCommand: Command = {
  name: 'revoke',
  summary: 'End all sessions of a user, role, federated person, access key or account, or one session.',
  words: ['KIND', 'NAME'],
  options: {
    provider: {
      type: 'string',
      value: 'ARN',
      help: 'federated: the OIDC or SAML provider, trust anchor or cluster that NAME is a subject of',
    },
    url: { type: 'string', value: 'URL', help: 'the server; else SIGNET_URL or the one last signed in to' },
  },
  async run(machine, input) {
    const [kind = '', id = ''] = input.words
    if (!kinds.includes(kind))
      return refuse(
        'malformed',
        'cli/revoke',
        `"${kind}" cannot be revoked. Write one of ${kinds.join(', ')}, then its name, ARN or id.`,
      )
    const provider = input.text('provider')
    const url = serverUrl(machine, input.text('url'))
    const { status, body } = await ask(`${url}/api/v1/revocations`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await accessToken(machine, url)}`,
      },
      body: JSON.stringify({ kind, id, provider }),
    })
    if (status !== 200)
      return refuse(
        'forbidden',
        'cli/refused',
        `${url} does not revoke the ${kind} ${id}: ${member(body, 'title') ?? `status ${status}`}`,
      )
    machine.out(
      kind === 'key'
        ? `The access key ${id} is switched off, and all sessions made with it are over.\n`
        : `All that was issued to ${member(body, 'arn') ?? id} until now is over.\n`,
    )
    return 0
  },
}
