import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openShared, shareDatabase, sql, violatedUnique } from '#database'
import { testDatabase } from '../support/database.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-shared-'))
const path = join(folder, 'control.sock')
let owner: Database
let shared: Database
let stop: () => Promise<void>

beforeAll(async () => {
  owner = await testDatabase()
  await owner.query(
    sql`create table thing (name text primary key, at timestamptz, body bytea, facts jsonb, words text[])`,
  )
  stop = await shareDatabase(owner, path)
  const opened = await openShared(path)
  if (opened === undefined) throw new Error('nobody listens')
  shared = opened
})
afterAll(async () => {
  await shared.close()
  await stop()
  await owner.close()
  rmSync(folder, { recursive: true })
})

describe('the database of a running server, from another process', () => {
  it('is behind a socket that only its owner may open', () => {
    expect(statSync(path).mode & 0o077).toBe(0)
  })

  it('gives values as they went in', async () => {
    const at = Temporal.Instant.from('2026-11-22T10:20:30.123456Z')
    await shared.query(
      sql`insert into thing (name, at, body, facts, words)
          values (${'a'}, ${at}, ${Buffer.from([0, 255])}, ${JSON.stringify({ t: 'x' })}, ${['p', 'q']})`,
    )
    const { rows } = await shared.query<Record<string, unknown>>(
      sql`select name, at, body, facts, words, 7::int8 as size, null as nothing from thing where name = ${'a'}`,
    )
    expect(rows).toEqual([
      {
        name: 'a',
        at,
        body: Buffer.from([0, 255]),
        facts: { t: 'x' },
        words: ['p', 'q'],
        size: 7,
        nothing: null,
      },
    ])
    expect(rows[0]?.['at']).toBeInstanceOf(Temporal.Instant)
  })

  it('undoes a transaction that throws and keeps one that does not', async () => {
    await expect(
      shared.transaction(async (tx) => {
        await tx.query(sql`insert into thing (name) values (${'ghost'})`)
        throw new Error('stop')
      }),
    ).rejects.toThrow('stop')
    await shared.transaction(async (tx) => {
      await tx.query(sql`insert into thing (name) values (${'kept'})`)
    })
    const { rows } = await owner.query<{ name: string }>(
      sql`select name from thing where name = any(${['ghost', 'kept']})`,
    )
    expect(rows.map(({ name }) => name)).toEqual(['kept'])
  })

  it('tells a broken constraint as the driver does', async () => {
    const twice = shared.query(sql`insert into thing (name) values (${'kept'})`)
    expect(violatedUnique(await twice.catch((thrown: unknown) => thrown))).toBe('thing_pkey')
  })

  it('takes back what a process had not committed when it died, and serves the others on', async () => {
    const dying = connect(path)
    dying.write(`${JSON.stringify({ id: 1, op: 'begin' })}\n`)
    dying.write(
      `${JSON.stringify({ id: 2, op: 'query', chunks: [`insert into thing (name) values ('half')`], values: [] })}\n`,
    )
    await new Promise<void>((resolve) => {
      let answers = ''
      dying.on('data', (text) => {
        answers += String(text)
        if (answers.includes('"id":2')) resolve()
      })
    })
    dying.destroy()
    const { count } = await owner.query(sql`select name from thing where name = ${'half'}`)
    expect(count).toBe(0)
  })

  it('hears notifications', async () => {
    const heard: string[] = []
    const arrived = new Promise<void>((resolve) => {
      void shared.listen('news', (payload) => {
        heard.push(payload)
        resolve()
      })
    })
    await shared.query(sql`select pg_notify('news', 'hello')`)
    await arrived
    expect(heard).toEqual(['hello'])
  })

  it('is answered with nothing where no server listens', async () => {
    expect(await openShared(join(folder, 'nobody.sock'))).toBeUndefined()
  })
})
