import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '#terminal'
import { serverUrl } from './token-store.ts'

/** Service, API version and signing name of what Signet answers. */
const services = [
  ['sts', '2011-06-15', 'sts'],
  ['iam', '2010-05-08', 'iam'],
  ['sso', '2019-06-10', 'awsssoportal'],
  ['sso-oidc', '2019-06-10', 'sso-oauth'],
] as const

const region = 'us-east-1'

const flag = (builtIn: string) => ({
  builtIn,
  required: true,
  default: false,
  documentation: '',
  type: 'Boolean',
})
const text = (builtIn: string) => ({ builtIn, required: false, documentation: '', type: 'String' })

const parameters = {
  Region: text('AWS::Region'),
  UseDualStack: flag('AWS::UseDualStack'),
  UseFIPS: flag('AWS::UseFIPS'),
  Endpoint: text('SDK::Endpoint'),
  UseGlobalEndpoint: flag('AWS::STS::UseGlobalEndpoint'),
}

/** Endpoint rules with one rule: this URL, whatever is asked. */
const ruleSet = (url: string, signingName: string) => ({
  version: '1.0',
  parameters,
  rules: [
    {
      conditions: [],
      endpoint: {
        url,
        properties: { authSchemes: [{ name: 'sigv4', signingName, signingRegion: region }] },
        headers: {},
      },
      type: 'endpoint',
    },
  ],
})

/**
 * `signet aws-models`: for command lines from before mid-2023 (Debian 12's 2.9), which know no endpoint setting. botocore
 * reads a user's own models first, and these send each call of the four services to Signet.
 */
export const awsModelsCommand: Command = {
  name: 'aws-models',
  summary: 'Write endpoint files to ~/.aws/models for AWS command lines older than 2.13.',
  options: {
    url: { type: 'string', value: 'URL', help: 'the server; else SIGNET_URL or the one last signed in to' },
    folder: { type: 'string', value: 'FOLDER', help: 'where to write; else ~/.aws/models' },
  },
  async run(machine, input) {
    const url = serverUrl(machine, input.text('url'))
    const home = machine.env['HOME'] ?? machine.env['USERPROFILE'] ?? machine.cwd
    const folder = input.text('folder') ?? join(home, '.aws', 'models')
    for (const [service, version, signingName] of services) {
      const own = join(folder, service, version)
      mkdirSync(own, { recursive: true })
      const path = join(own, 'endpoint-rule-set-1.json')
      writeFileSync(path, `${JSON.stringify(ruleSet(url, signingName), undefined, 2)}\n`)
      machine.out(`${path}\n`)
    }
    machine.err(`sts, iam, sso and sso-oidc of this user now go to ${url}. Delete the files to undo it.\n`)
    return 0
  },
}
