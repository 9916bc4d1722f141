import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { iam, type ServiceModel } from '#aws-wire'
import { sql } from '#database'
import { messageLimits, readXml } from '#xml'

import { fixedClock } from '../support/fixtures.ts'
import { bugs, startIam, type IamServer } from './harness.ts'
import { sendQuery, type QueryAnswer } from './query.ts'
import { minimal, violationsOf, type Parameters } from './violations.ts'

const clock = fixedClock()
const model: ServiceModel = iam
const operations = Object.keys(model.operations)
let server: IamServer

beforeAll(async () => {
  server = await startIam(clock)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

const send = (operation: string, parameters: Parameters, version?: string): Promise<QueryAnswer> =>
  sendQuery(server, clock, operation, parameters, version)

/** Everything that IAM keeps, in one number per table; the audit log may grow. */
const contents = async (): Promise<unknown> => {
  const { rows } = await server.database.query<{ name: string }>(
    sql`select table_name as name from information_schema.tables
        where table_schema = 'public' and table_type = 'BASE TABLE'
          and table_name not in ('audit_event', 'access_key') order by 1`,
  )
  const sums: string[] = []
  for (const { name } of rows) {
    const counted = await server.database.query<{ sum: string }>({
      chunks: [`select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as sum from "${name}" t`],
      values: [],
    })
    sums.push(`${name} ${counted.rows[0]?.sum}`)
  }
  return sums
}

describe('every constraint of the model, broken once', () => {
  let before: unknown
  let cases = 0
  beforeAll(async () => {
    before = await contents()
  })

  it.each(operations)(
    '%s answers 400 ValidationError and names the constraint; another version 400 InvalidAction',
    async (operation) => {
      for (const { title, parameters, sentence } of violationsOf(operation)) {
        cases++
        const { status, code, message } = await send(operation, parameters)
        expect(`${status} ${code}`, title).toBe('400 ValidationError')
        expect(message, title).toContain(sentence)
      }
      cases++
      expect(await send(operation, minimal(operation), '2009-01-01')).toMatchObject({
        status: 400,
        code: 'InvalidAction',
      })
    },
  )

  it('makes more than 1,500 cases, and none of them changed anything', async () => {
    expect(cases).toBeGreaterThan(1_500)
    expect(await contents()).toEqual(before)
  })
})

describe('every operation', () => {
  const wellFormed = async (operation: string, parameters: Parameters): Promise<void> => {
    const { status, body } = await send(operation, parameters)
    expect(status === 200 || (status >= 400 && status < 500), `${status} ${body}`).toBe(true)
    const root = readXml(body, { ...messageLimits, maxNodes: 100_000 })
    expect(root.local).toBe(status === 200 ? `${operation}Response` : 'ErrorResponse')
  }

  it.each(operations)(
    '%s answers well-formed XML to an empty, a minimal and a garbage request',
    async (operation) => {
      await wellFormed(operation, [])
      await wellFormed(operation, minimal(operation))
      const { input } = model.operations[operation] ?? {}
      const shape = input === undefined ? undefined : model.shapes[input]
      const members = shape?.type === 'structure' ? Object.keys(shape.members) : []
      await wellFormed(
        operation,
        [...members, 'Unknown'].flatMap((member) => [
          [member, '<&"\u0007\uD83D\uDE00%'] as const,
          [`${member}.member.3`, ''] as const,
          [`${member}.member.2.Key`, '\uFFFF'] as const,
        ]),
      )
    },
  )
})
