import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAudit } from '#audit'
import { createPasswordHasher } from '#crypto'
import type { Database } from '#database'
import { apply } from '#declare'
import { readBuiltInPolicies } from '#iam'
import { systemClock } from '#kernel'
import { testVault } from '../support/fixtures.ts'

const root = join(import.meta.dirname, '../..')

/** Applies a declaration's text to a database, as `signet apply` does. */
export async function declare(
  database: Database,
  text: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const clock = systemClock
  await apply(
    {
      database,
      vault: testVault,
      clock,
      audit: createAudit({ database, clock }),
      builtInPolicies: readBuiltInPolicies(join(root, 'config/policies')),
      hasher: await createPasswordHasher(
        { clock },
        { memoryKib: 64, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
      ),
    },
    {
      text,
      fileName: join(root, 'config/examples/test.yaml'),
      env: (name) => env[name],
      readFile: (path) => readFileSync(path, 'utf8'),
    },
  )
}

/** HTTP Basic as RFC 6749 §2.3.1 writes it. */
export const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`

export type Answer<Body> = { readonly status: number; readonly headers: Headers; readonly body: Body }

/** Posts JSON to one origin as one client. */
export const poster =
  (url: string, authorization: string) =>
  async <Body = never>(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Body }
  }
