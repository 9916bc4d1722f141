import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createAccessKey, createUser } from '#directory'
import { attachPolicy } from '#iam'
import { systemClock } from '#kernel'

import { testCertificatePem } from '../support/certificate.ts'
import { claim, home } from '../support/fixtures.ts'
import { foreignIdp } from '../support/saml-idp.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { run, type Ran } from './support/aws.ts'

/** Terraform is no Debian package: where it or a mirror of the AWS provider is not there, the output says so. */
const terraform = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'terraform'))
  .find((path) => existsSync(path))
const mirror = [process.env['TF_PLUGIN_MIRROR'], '/opt/tf-plugins', '/usr/share/terraform/plugins'].find(
  (path) => path !== undefined && existsSync(path),
)
const there = terraform !== undefined && mirror !== undefined

if (!there)
  process.stdout.write(
    `missing: ${terraform === undefined ? 'terraform' : 'a mirror of the AWS provider (TF_PLUGIN_MIRROR)'}; its cell is left out\n`,
  )

const configuration = new URL('terraform/main.tf', import.meta.url)

describe.runIf(there)('terraform with the AWS provider', () => {
  let server: TestServer
  let folder: string
  let call: (...args: readonly string[]) => Promise<Ran>

  beforeAll(async () => {
    server = await startServer()
    const { database, vault } = server
    await claim(database, systemClock)
    const user = await createUser(database, systemClock, { accountId: home, name: 'operator' })
    await attachPolicy(database, user.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')
    const key = await createAccessKey(
      database,
      { vault, clock: systemClock },
      { accountId: home, userId: user.userId },
    )
    folder = mkdtempSync(join(tmpdir(), 'signet-terraform-'))
    copyFileSync(configuration, join(folder, 'main.tf'))
    writeFileSync(
      join(folder, 'terraform.rc'),
      `disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = "${mirror ?? ''}"\n  }\n}\n`,
    )
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const metadata = foreignIdp('https://idp.example/metadata').metadata
    writeFileSync(
      join(folder, 'terraform.tfvars.json'),
      JSON.stringify({
        saml_metadata: metadata.padEnd(1_100),
        // With the line break that files end in.
        certificate: `${testCertificatePem(privateKey, 'www.acme.test').trim()}\n`,
        other_certificate: `${testCertificatePem(privateKey, 'eve.acme.test').trim()}\n`,
        private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        public_key: publicKey.export({ type: 'spki', format: 'pem' }),
      }),
    )
    call = (...args) =>
      run(
        terraform ?? '',
        [`-chdir=${folder}`, ...args],
        {
          HOME: folder,
          TF_CLI_CONFIG_FILE: join(folder, 'terraform.rc'),
          TF_IN_AUTOMATION: '1',
          CHECKPOINT_DISABLE: '1',
          AWS_ENDPOINT_URL: server.url,
          AWS_ACCESS_KEY_ID: key.accessKeyId,
          AWS_SECRET_ACCESS_KEY: key.secret.reveal(),
          AWS_EC2_METADATA_DISABLED: 'true',
          AWS_MAX_ATTEMPTS: '2',
        },
        400,
      )
  })
  afterAll(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const well = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await call(...args)
    expect(code, `${out}\n${err}`).toBe(0)
    return out
  }

  it('covers every kind of resource that is offered, and 13 kinds of data sources', () => {
    const text = readFileSync(configuration, 'utf8')
    const kinds = (word: string): number =>
      new Set([...text.matchAll(new RegExp(`^${word} "(aws_iam_\\w+)"`, 'gm'))].map(([, kind]) => kind)).size
    expect(kinds('resource')).toBe(31)
    expect(kinds('data')).toBe(13)
  })

  it(
    'applies, reads back what it wrote, and the next plan has no changes',
    { timeout: 600_000 },
    async () => {
      await well('init', '-no-color', '-input=false')
      await well('apply', '-no-color', '-input=false', '-auto-approve')
      expect(JSON.parse(await well('output', '-json', 'seen'))).toEqual({
        account: home,
        ann: `arn:aws:iam::${home}:user/people/ann`,
        people: 1,
        members: ['ann', 'ben'],
        roles: ['Deploy'],
        keys: 1,
        clients: 2,
        document: 'Read',
        built_in: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
        saml: 'Corp',
        profile: 'Deploy',
        decided: ['allowed', 'implicitDeny'],
      })
      // Exit code 2 would be a difference.
      await well('plan', '-no-color', '-input=false', '-detailed-exitcode')
      expect(server.complaints).toEqual([])
    },
  )

  it('changes what was renamed and retagged, and that settles too', { timeout: 600_000 }, async () => {
    const path = join(folder, 'main.tf')
    const text = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      text
        .replace('name                 = "ann"', 'name                 = "anna"')
        // Not the user's: the provider would tag under the new name before it renames.
        .replace('tags        = { team = "orders" }', 'tags        = { Team = "returns" }')
        .replace('description           = "Deploys orders"', 'description           = "Deploys returns"')
        .replace('"s3:ListBucket"]', '"s3:ListBucket", "s3:PutObject"]'),
    )
    await well('apply', '-no-color', '-input=false', '-auto-approve')
    await well('plan', '-no-color', '-input=false', '-detailed-exitcode')
    expect(server.complaints).toEqual([])
  })

  it('imports what is there', { timeout: 600_000 }, async () => {
    for (const [address, id] of [
      ['aws_iam_user.ben', 'ben'],
      ['aws_iam_role.deploy', 'Deploy'],
      ['aws_iam_policy.read', `arn:aws:iam::${home}:policy/orders/ReadOrders`],
    ] as const) {
      await well('state', 'rm', '-no-color', address)
      await well('import', '-no-color', '-input=false', address, id)
    }
  })

  it('destroys everything', { timeout: 600_000 }, async () => {
    await well('destroy', '-no-color', '-input=false', '-auto-approve')
    expect(await well('state', 'list')).toBe('')
    expect(server.complaints).toEqual([])
  })
})
