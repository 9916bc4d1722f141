import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isFailure, random, refuse } from '#kernel'
import { roleOptions, serverUrl, takeRole } from '#remote'
import type { Command, Input, Machine } from '#terminal'
import { answerContainer, containerPath } from './container.ts'
import { credentialSupply } from './credentials.ts'
import { instanceMetadata } from './instance.ts'
import { podCredentials, podsPath } from './pods.ts'
import { listenLocally } from './server.ts'

/** How often the agent looks whether it is time to renew. */
const lookSeconds = 30

/** `signet agent`: the credentials of a role for every SDK on this machine, until it is stopped. */
export const agentCommand: Command = {
  name: 'agent',
  summary: 'Serve a role’s credentials to the SDKs of this machine, renewed ahead.',
  options: {
    ...roleOptions,
    port: {
      type: 'string',
      value: 'PORT',
      help: 'the port on 127.0.0.1; else 4100, and 0 is any that is free',
    },
    'token-file': {
      type: 'string',
      value: 'FILE',
      help: 'where to write the token that clients send; else signet/agent-token in the user’s runtime or config folder',
    },
    'token-in-env': {
      type: 'boolean',
      help: 'print the token itself, for clients that cannot read it from a file (boto3 before 1.28)',
    },
    imds: { type: 'boolean', help: 'answer like EC2’s instance metadata (version 2) as well' },
    pods: {
      type: 'string',
      value: 'CLUSTER',
      help: 'serve the pods of a Kubernetes node instead: each gets the role of its service account. The node’s own key comes from AWS_ACCESS_KEY_ID and its companions, or is the role’s',
    },
    address: {
      type: 'string',
      value: 'ADDRESS',
      help: 'with --pods, where to listen; else 127.0.0.1. SDKs take plain http from 169.254.170.23 too',
    },
  },
  async run(machine, input) {
    const port = input.text('port') ?? '4100'
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      return refuse('malformed', 'agent/port', `"${port}" is no port. Write --port 4100.`)
    const failed = (thrown: unknown): void => {
      machine.err(`${isFailure(thrown) ? thrown.message : String(thrown)}\n`)
    }
    const cluster = input.text('pods')
    if (cluster !== undefined) return servePods(machine, input, { cluster, port: Number(port), failed })
    const supply = credentialSupply({ clock: machine.clock, take: () => takeRole(machine, input), failed })
    // Who is not signed in, or may not take the role, hears it now.
    const first = await supply.current()
    const token = random(32).toString('base64url')
    const file = input.text('token-file') ?? defaultTokenFile(machine)
    const instance = input.flag('imds') ? [instanceMetadata({ clock: machine.clock, supply })] : []
    const listening = await listenLocally(
      Number(port),
      [(request) => answerContainer(request, { token, supply }), ...instance],
      failed,
    )
    writeToken(file, token)
    const origin = `http://127.0.0.1:${listening.port}`
    const variables = [
      ['AWS_CONTAINER_CREDENTIALS_FULL_URI', `${origin}${containerPath}`],
      input.flag('token-in-env')
        ? ['AWS_CONTAINER_AUTHORIZATION_TOKEN', token]
        : ['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', file],
      ...(input.flag('imds') ? [['AWS_EC2_METADATA_SERVICE_ENDPOINT', origin]] : []),
    ]
    for (const [name = '', value = ''] of variables)
      machine.out(`export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    machine.err(`Serving ${first.assumedRoleArn} on ${origin} until this is stopped.\n`)
    const timer = setInterval(() => void supply.renew(), lookSeconds * 1_000)
    await new Promise<void>((resolve) => machine.onStop(resolve))
    clearInterval(timer)
    rmSync(file, { force: true })
    await listening.close()
    return 0
  },
}

/** `--pods`: the agent of a Kubernetes node, until it is stopped. */
async function servePods(
  machine: Machine,
  input: Pick<Input, 'text'>,
  request: { readonly cluster: string; readonly port: number; readonly failed: (thrown: unknown) => void },
): Promise<number> {
  const { cluster, port, failed } = request
  const { env, clock } = machine
  const [accessKeyId, secretAccessKey] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']]
  const supply = credentialSupply({ clock, take: () => takeRole(machine, input), failed })
  const own = async () =>
    accessKeyId !== undefined && secretAccessKey !== undefined
      ? { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] }
      : supply.current()
  await own()
  const address = input.text('address') ?? '127.0.0.1'
  const url = serverUrl(machine, input.text('url'))
  const listening = await listenLocally(port, [podCredentials({ clock, url, cluster, own })], failed, {
    address,
  })
  machine.out(`http://${address}:${listening.port}${podsPath}\n`)
  machine.err(`Serving the pods of ${cluster} until this is stopped.\n`)
  await new Promise<void>((resolve) => machine.onStop(resolve))
  await listening.close()
  return 0
}

function defaultTokenFile({ env, cwd }: Machine): string {
  const home = env['HOME'] ?? env['USERPROFILE'] ?? cwd
  const folder = [env['XDG_RUNTIME_DIR'], env['XDG_CONFIG_HOME'], join(home, '.config')].find(
    (each) => each !== undefined && each !== '',
  )
  return join(folder ?? home, 'signet', 'agent-token')
}

/** Writes the token for this user alone. Without a newline: botocore refuses one, and JavaScript goes silently on. */
function writeToken(file: string, token: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  rmSync(file, { force: true })
  writeFileSync(file, token, { mode: 0o600, flag: 'wx' })
  chmodSync(file, 0o600)
}
