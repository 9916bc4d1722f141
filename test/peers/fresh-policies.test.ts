/** Two processes on one PostgreSQL: a policy change that is committed by one of them is in force on the other. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openPostgres, sql } from '#database'
import { findUserByName } from '#directory'
import { putInlinePolicy } from '#iam'
import { Secret } from '#kernel'
import { basic, poster } from '../access/world.ts'
import { freePort, runSignet, type SignetRun, startSignet } from '../support/signet-process.ts'
import { describeWith } from './support/peer.ts'

const account = '111122223333'
const secret = 'a-secret-for-the-garden-client'
const root = join(import.meta.dirname, '../..')

/** A PostgreSQL of this test, from scripts/with-postgres.sh; it ends when told so. */
async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(
    join(root, 'scripts/with-postgres.sh'),
    ['sh', '-c', 'echo "$TEST_DATABASE_URL"; exec cat'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()))
    child.once('close', () => reject(new Error('PostgreSQL did not start')))
  })
  return {
    url,
    stop: async () => {
      child.stdin.end()
      await ended
    },
  }
}

describeWith('postgresql')('two nodes on one database', () => {
  let folder: string
  let postgres: Awaited<ReturnType<typeof startPostgres>>
  let database: Database
  const nodes: { run: SignetRun; post: ReturnType<typeof poster> }[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'signet-nodes-'))
    postgres = await startPostgres()
    const settings = (port: number) => ({
      PORT: String(port),
      PUBLIC_URL: `http://localhost:${port}`,
      DATABASE_URL: postgres.url,
      DATA_DIR: join(folder, String(port)),
      SECRET_KEY: 'a key for this test, thirty-two bytes or more',
      LOG_FORMAT: 'json',
    })
    for (let node = 0; node < 2; node++) {
      const port = await freePort()
      const run = startSignet(['serve'], settings(port))
      await run.says('"msg":"ready"')
      nodes.push({ run, post: poster(`http://localhost:${port}`, basic('garden', secret)) })
      if (node > 0) continue
      const file = join(folder, 'garden.yaml')
      writeFileSync(
        file,
        JSON.stringify({
          organization: 'Garden',
          accounts: [{ name: 'garden', id: account }],
          users: [{ name: 'gina' }],
          apps: [
            {
              name: 'Garden',
              service_prefix: 'garden',
              oidc: { client_id: 'garden', secret: '${GARDEN}', grants: ['client_credentials'] },
            },
          ],
        }),
      )
      const { code, out, err } = await runSignet(['apply', file], { ...settings(port), GARDEN: secret })
      if (code !== 0) throw new Error(out + err)
    }
    database = await openPostgres(new Secret(postgres.url), { poolSize: 1, pipelines: 1 })
  })
  afterAll(async () => {
    await database?.close()
    for (const { run } of nodes) {
      run.child.kill('SIGTERM')
      await run.ended
    }
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('every decision whose generation has the change follows it, on both nodes, and the change arrives', async () => {
    const gina = await findUserByName(database, account, 'gina')
    for (let change = 0; change < 20; change++) {
      const isAllowed = change % 2 === 0
      const generation = await database.transaction(async (tx) => {
        await putInlinePolicy(
          tx,
          gina?.userId ?? '',
          'dig',
          `{"Version":"2012-10-17","Statement":[{"Effect":"${isAllowed ? 'Allow' : 'Deny'}","Action":"garden:Dig","Resource":"*"}]}`,
        )
        const { rows } = await tx.query<{ number: string }>(sql`select pg_current_xact_id()::text as number`)
        return BigInt(rows[0]?.number ?? 0)
      })
      for (const { post } of nodes) {
        for (;;) {
          const { status, body } = await post<{
            decision: boolean
            context: { reason_admin: { generation: string } }
          }>('/access/v1/evaluation', {
            subject: { type: 'user', id: 'gina' },
            action: { name: 'Dig' },
            resource: { type: 'bed', id: '1' },
          })
          expect(status).toBe(200)
          if (BigInt(body.context.reason_admin.generation) < generation) continue
          expect(body.decision).toBe(isAllowed)
          break
        }
      }
    }
  })

  it('decisions are written down before a node ends', async () => {
    const { post, run } = nodes[1] ?? {}
    const { body } = (await post?.<{ context: { decision_id: string } }>('/access/v1/evaluation', {
      subject: { type: 'user', id: 'gina' },
      action: { name: 'Dig' },
      resource: { type: 'bed', id: 'last' },
    })) ?? { body: { context: { decision_id: '' } } }
    run?.child.kill('SIGTERM')
    await run?.ended
    const { rows } = await database.query<{ body: string }>(
      sql`select body from audit_event where event_name = 'Evaluate' and body like ${`%${body.context.decision_id}%`}`,
    )
    expect(rows.length).toBe(1)
  })
})
