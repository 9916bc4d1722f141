import {
  CreateTokenCommand,
  RegisterClientCommand,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from '@aws-sdk/client-sso-oidc'
import { ListAccountsCommand, SSOClient } from '@aws-sdk/client-sso'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newPerson, seedRoles, signInAt } from '../aws-sso/world.ts'
import type { Database } from '#database'
import type { User } from '#directory'
import { Browser, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const clock = fixedClock(Temporal.Now.instant().toString())
let database: Database
let server: TestServer
let oidc: SSOOIDCClient
let portal: SSOClient
let users: readonly [User, User]

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  server = await startServer({ database, clock })
  const phc = await seedRoles(database, clock)
  users = [await newPerson(database, clock, phc), await newPerson(database, clock, phc)]
  const options = { region: 'us-east-1', endpoint: server.url, maxAttempts: 1 }
  oidc = new SSOOIDCClient(options)
  portal = new SSOClient(options)
})
afterAll(async () => {
  oidc.destroy()
  portal.destroy()
  await server.close()
  await database.close()
})

/** Logs a command line in as a person. */
async function connect(browser: Browser, user: User): Promise<string> {
  const { clientId, clientSecret } = await oidc.send(
    new RegisterClientCommand({ clientName: 'botocore-client-laptop', clientType: 'public' }),
  )
  const client = { clientId, clientSecret }
  const started = await oidc.send(
    new StartDeviceAuthorizationCommand({ ...client, startUrl: 'https://x.awsapps.com/start' }),
  )
  const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
  await browser.submit(page, { do: 'allow' }, { form: () => true })
  const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
  const { accessToken } = await oidc.send(
    new CreateTokenCommand({ ...client, grantType, deviceCode: started.deviceCode }),
  )
  return accessToken ?? ''
}
const works = (accessToken: string) =>
  portal.send(new ListAccountsCommand({ accessToken })).then(
    () => true,
    () => false,
  )

it('my command lines are listed on my page, where I end one; nobody else’s', async () => {
  const [alice, bob] = [new Browser(), new Browser()]
  const [hers, his] = [await connect(alice, users[0]), await connect(bob, users[1])]
  const page = await alice.open(`${server.url}/account`)
  expect(textOf(page)).toContain('aws sso login · laptop')
  const form = ({ action }: { action: string }) => action === '/account/command-lines/end'
  const session = his.split('.')[1] ?? ''
  await alice.submit(page, { session }, { form })
  expect([await works(hers), await works(his)]).toEqual([true, true])
  const done = await alice.submit(page, {}, { form })
  expect(textOf(done)).toContain('That command line is signed out')
  expect(textOf(done)).not.toContain('aws sso login · laptop')
  expect([await works(hers), await works(his)]).toEqual([false, true])
})
