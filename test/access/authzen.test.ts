/**
 * OpenID AuthZEN, Authorization API 1.0: the seven sub-levels of its certification, from the text of the specification
 * and the scenario, with the fixture that `config/examples/authzen.yaml` declares.
 */
import { readFileSync } from 'node:fs'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { basic, declare, poster } from './world.ts'
import { tampered } from '../support/tampered.ts'

const secret = 'a-secret-for-the-records-client'
let server: TestServer
let post: ReturnType<typeof poster>

beforeAll(async () => {
  server = await startServer()
  const file = new URL('../../config/examples/authzen.yaml', import.meta.url)
  await declare(server.database, readFileSync(file, 'utf8'), { AUTHZEN_SECRET: secret })
  post = poster(server.url, basic('records', secret))
}, 60_000)
afterAll(() => server.close())

const user = (id: string, properties?: object) => ({ type: 'user', id, ...(properties && { properties }) })
const record = (id: string, properties?: object) => ({
  type: 'record',
  id,
  ...(properties && { properties }),
})
const can = (name: string, properties?: object) => ({ name, ...(properties && { properties }) })

type Decision = { decision: boolean; context?: object }
const decide = (question: object) => post<Decision>('/access/v1/evaluation', question)
const decideAll = (batch: object) =>
  post<{ evaluations: (Decision & { context: { error?: object } })[] }>('/access/v1/evaluations', batch)
type Found = { results: { type?: string; id?: string; name?: string }[]; page?: { next_token: string } }
const search = (kind: 'subject' | 'resource' | 'action', question: object) =>
  post<Found>(`/access/v1/search/${kind}`, question)

const aliceReads = { subject: user('alice'), action: can('read'), resource: record('record-1') }

describe('Basic Core: one decision from required fields', () => {
  for (const [who, what, expected] of [
    ['alice', 'read', true],
    ['alice', 'write', true],
    ['bob', 'read', true],
    ['bob', 'write', false],
  ] as const)
    it(`${who} ${expected ? 'may' : 'may not'} ${what} record-1`, async () => {
      const { status, headers, body } = await decide({
        subject: user(who),
        action: can(what),
        resource: record('record-1'),
      })
      expect([status, body.decision]).toEqual([200, expected])
      expect(headers.get('content-type')).toMatch(/^application\/json/)
      expect(body.context).toBeTypeOf('object')
    })

  it('takes a context, properties that no policy asks for, and members that it does not know', async () => {
    for (const more of [
      { context: { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' } },
      {
        subject: user('alice', { department: 'Sales', role: 'manager' }),
        action: can('read', { method: 'GET' }),
        resource: record('record-1', { status: 'active', owner: 'bob' }),
      },
      { foo: 'bar', futureField: { nested: true } },
    ])
      expect((await decide({ ...aliceReads, ...more })).body.decision).toBe(true)
  })

  const wrong: readonly (readonly [string, unknown])[] = [
    ...['subject', 'action', 'resource'].map(
      (name) => [`no ${name}`, { ...aliceReads, [name]: undefined }] as const,
    ),
    ['a subject without type', { ...aliceReads, subject: { id: 'alice' } }],
    ['a subject without id', { ...aliceReads, subject: { type: 'user' } }],
    ['an action without name', { ...aliceReads, action: {} }],
    ['a resource without type', { ...aliceReads, resource: { id: 'record-1' } }],
    ['a resource without id', { ...aliceReads, resource: { type: 'record' } }],
    ['a subject that is a text', { ...aliceReads, subject: 'alice' }],
    ['a name that is a number', { ...aliceReads, action: { name: 123 } }],
    ['a context that is a list', { ...aliceReads, context: [] }],
    ['properties that are a text', { ...aliceReads, subject: { ...user('alice'), properties: 'x' } }],
    ['a body that is no object', '"alice"'],
    ['JSON that ends too early', '{"subject":'],
    ['an empty body', ''],
  ]
  for (const [title, body] of wrong)
    it(`answers 400 and a message to ${title}`, async () => {
      const answer = await decide(body as object)
      expect(answer.status).toBe(400)
      expect(answer.body).toBeTypeOf('string')
    })

  it('answers 400 to another content type', async () => {
    const { status } = await post('/access/v1/evaluation', JSON.stringify(aliceReads), {
      'content-type': 'text/plain',
    })
    expect(status).toBe(400)
  })

  it('answers 401 to a caller that does not prove itself, 403 to one that is no service', async () => {
    const nobody = poster(server.url, basic('records', 'wrong'))
    expect((await nobody('/access/v1/evaluations', aliceReads)).status).toBe(401)
    expect((await nobody('/access/v1/search/subject', aliceReads)).status).toBe(401)
  })

  it('gives the request id back, on refusals too, and needs none', async () => {
    const id = 'bfe9eb29 / any text (of theirs)'
    for (const body of [aliceReads, {}]) {
      const { headers } = await post('/access/v1/evaluation', body, { 'x-request-id': id })
      expect(headers.get('x-request-id')).toBe(id)
    }
    expect((await decide(aliceReads)).status).toBe(200)
  })

  it('answers 405 to another method, and names the one there is', async () => {
    for (const path of ['evaluation', 'evaluations', 'search/subject']) {
      const answer = await fetch(`${server.url}/access/v1/${path}`)
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
      expect(typeof (await answer.json())).toBe('string')
    }
  })

  it('says the same each time it is asked', async () => {
    for (let time = 0; time < 5; time++) expect((await decide(aliceReads)).body.decision).toBe(true)
  })
})

describe('Basic Properties: decisions from what is asserted', () => {
  const cases: readonly [string, object, boolean][] = [
    [
      'alice may not write what is archived',
      {
        subject: user('alice'),
        action: can('write'),
        resource: record('record-2', { status: 'archived' }),
      },
      false,
    ],
    [
      'an admin may',
      {
        subject: user('bob', { role: 'admin' }),
        action: can('write'),
        resource: record('record-2', { status: 'archived' }),
      },
      true,
    ],
    [
      'alice may delete softly',
      { subject: user('alice'), action: can('delete', { soft: true }), resource: record('record-1') },
      true,
    ],
    [
      'alice may not delete for good',
      { subject: user('alice'), action: can('delete', { soft: false }), resource: record('record-1') },
      false,
    ],
  ]
  for (const [title, question, expected] of cases)
    it(title, async () => {
      expect((await decide(question)).body.decision).toBe(expected)
    })

  it('what is stored of a resource and of a subject wins over what the service says', async () => {
    const { body } = await decide({
      subject: user('alice'),
      action: can('write'),
      resource: record('record-2', { status: 'active' }),
    })
    expect(body.decision).toBe(false)
    const { body: other } = await decide({
      subject: user('bob', { role: 'guest' }),
      action: can('write'),
      resource: record('record-2'),
    })
    expect(other.decision).toBe(true)
  })
})

describe('Batch Core: many decisions', () => {
  it('answers in the order of the questions, each with a decision', async () => {
    const { status, body } = await decideAll({
      subject: user('bob'),
      resource: record('record-1'),
      evaluations: [{ action: can('read') }, { action: can('write') }],
    })
    expect(status).toBe(200)
    expect(body.evaluations.map(({ decision }) => decision)).toEqual([true, false])
    expect(body).not.toHaveProperty('decision')
  })

  it('takes questions without defaults, and contexts of their own', async () => {
    const { body } = await decideAll({
      context: { time: '2025-06-27T18:03-07:00' },
      evaluations: [
        aliceReads,
        { ...aliceReads, subject: user('bob'), action: can('write'), context: { source: 'batch' } },
      ],
    })
    expect(body.evaluations.map(({ decision }) => decision)).toEqual([true, false])
  })

  it('without questions it is a single one', async () => {
    for (const more of [{}, { evaluations: [] }]) {
      const { status, body } = await post<Decision>('/access/v1/evaluations', { ...aliceReads, ...more })
      expect([status, body.decision]).toEqual([200, true])
      expect(body).not.toHaveProperty('evaluations')
    }
    expect((await post('/access/v1/evaluations', { subject: user('alice') })).status).toBe(400)
  })

  it('a question that is none is denied with an error of its own, and the others are answered', async () => {
    const { status, body } = await decideAll({
      subject: user('alice'),
      action: can('read'),
      evaluations: [{ resource: record('record-1') }, {}, 'x', { resource: { type: 7, id: 'x' } }],
    })
    expect(status).toBe(200)
    expect(body.evaluations.map(({ decision }) => decision)).toEqual([true, false, false, false])
    for (const { context } of body.evaluations.slice(1))
      expect(context.error).toMatchObject({ status: 400, message: expect.any(String) as string })
  })

  it('ends where the semantic says, and not before', async () => {
    const questions = ['read', 'write', 'read'].map((name) => ({ action: can(name) }))
    const decisions = async (evaluations_semantic?: string, evaluations = questions) =>
      (
        await decideAll({
          subject: user('bob'),
          resource: record('record-1'),
          evaluations,
          ...(evaluations_semantic && { options: { evaluations_semantic } }),
        })
      ).body.evaluations.map(({ decision }) => decision)
    expect(await decisions()).toEqual([true, false, true])
    expect(await decisions('execute_all')).toEqual([true, false, true])
    expect(await decisions('deny_on_first_deny')).toEqual([true, false])
    expect(await decisions('permit_on_first_permit')).toEqual([true])
    expect(await decisions('permit_on_first_permit', questions.slice(1))).toEqual([false, true])
  })

  it('refuses the whole where the whole is wrong', async () => {
    for (const body of [
      { ...aliceReads, evaluations: {} },
      { ...aliceReads, evaluations: [{}], options: { evaluations_semantic: 'sometimes' } },
      { subject: 'alice', evaluations: [aliceReads] },
      { ...aliceReads, evaluations: Array.from({ length: 1_001 }, () => ({})) },
      '[',
    ])
      expect((await post('/access/v1/evaluations', body)).status).toBe(400)
  })
})

describe('Batch Properties: defaults and what replaces them', () => {
  it('properties of each resource and subject count for that question', async () => {
    const resources = await decideAll({
      subject: user('alice'),
      action: can('write'),
      evaluations: [
        { resource: record('record-1', { status: 'active' }) },
        { resource: record('record-2', { status: 'archived' }) },
      ],
    })
    expect(resources.body.evaluations.map(({ decision }) => decision)).toEqual([true, false])
    const subjects = await decideAll({
      action: can('write'),
      resource: record('record-2', { status: 'archived' }),
      evaluations: [{ subject: user('alice') }, { subject: user('bob', { role: 'admin' }) }],
    })
    expect(subjects.body.evaluations.map(({ decision }) => decision)).toEqual([false, true])
  })

  it('a member replaces the default whole, but for a type or id that it leaves out', async () => {
    const { body } = await decideAll({
      subject: user('alice'),
      action: can('write'),
      resource: { type: 'record', id: 'record-9', properties: { status: 'archived' } },
      evaluations: [{ resource: { id: 'record-1' } }, { resource: record('record-7') }, {}],
    })
    // The default's properties are gone with it; record-9 keeps them.
    expect(body.evaluations.map(({ decision }) => decision)).toEqual([true, true, false])
  })

  it('a batch says what the single questions say', async () => {
    const questions = ['alice', 'bob', 'nobody'].flatMap((who) =>
      ['read', 'write', 'delete'].flatMap((what) =>
        ['record-1', 'record-2', 'record-3'].map((id) => ({
          subject: user(who),
          action: can(what, { soft: id === 'record-1' }),
          resource: record(id),
        })),
      ),
    )
    const { body } = await decideAll({ evaluations: questions })
    const single = await Promise.all(questions.map(async (each) => (await decide(each)).body.decision))
    expect(body.evaluations.map(({ decision }) => decision)).toEqual(single)
    expect(new Set(single)).toEqual(new Set([true, false]))
  })
})

describe('Search Core: who, what, on what', () => {
  it('finds every subject who may', async () => {
    for (const more of [{}, { context: { time: 'now' } }, { subject: { type: 'user', id: 'ignored' } }]) {
      const { status, body } = await search('subject', { ...aliceReads, subject: { type: 'user' }, ...more })
      expect([status, body.results]).toEqual([200, [user('alice'), user('bob')]])
    }
  })

  it('finds the resources of an inventory', async () => {
    for (const resource of [{ type: 'record' }, record('ignored')]) {
      const { body } = await search('resource', { ...aliceReads, resource })
      expect(body.results).toEqual([record('record-1'), record('record-2')])
    }
  })

  it('finds the actions of the catalogue', async () => {
    const { body } = await search('action', { subject: user('alice'), resource: record('record-1') })
    expect(body.results).toEqual([can('read'), can('write')])
  })

  it('what it finds, a decision allows', async () => {
    const { body } = await search('subject', { ...aliceReads, subject: { type: 'user' } })
    for (const subject of body.results)
      expect((await decide({ ...aliceReads, subject })).body.decision).toBe(true)
  })

  it('gives pages, which together are the whole', async () => {
    const question = { ...aliceReads, subject: { type: 'user' } }
    const first = await search('subject', { ...question, page: { limit: 1 } })
    expect(first.body.results).toEqual([user('alice')])
    const token = first.body.page?.next_token ?? ''
    expect(token).not.toBe('')
    const second = await search('subject', { ...question, page: { token } })
    expect(second.body.results).toEqual([user('bob')])
    expect(second.body.page?.next_token).toBe('')
    const actions = { subject: user('alice'), resource: record('record-1') }
    const { body } = await search('action', { ...actions, page: { limit: 1 } })
    expect(body.results).toEqual([can('read')])
    const rest = await search('action', { ...actions, page: { limit: 5, token: body.page?.next_token } })
    expect(rest.body).toMatchObject({ results: [can('write')], page: { next_token: '' } })
  })

  it('a page token is good for its own question only', async () => {
    const question = { ...aliceReads, subject: { type: 'user' } }
    const { body } = await search('subject', { ...question, page: { limit: 1 } })
    const token = body.page?.next_token ?? ''
    for (const [other, wrong] of [
      [{ ...question, action: can('write') }, token],
      [{ ...question, resource: record('record-2') }, token],
      [{ ...question, context: { time: 'now' } }, token],
      [question, tampered(token)],
      [question, 'x'],
    ] as const)
      expect((await search('subject', { ...other, page: { token: wrong } })).status).toBe(400)
    expect((await search('resource', { ...aliceReads, page: { token } })).status).toBe(400)
  })

  it('finds nothing for what it does not know, without an error', async () => {
    const nothing = [200, []]
    for (const [kind, question] of [
      ['action', { subject: user('nonexistent'), resource: record('record-1') }],
      ['action', { subject: user('alice'), resource: { type: 'spaceship', id: '1' } }],
      ['subject', { ...aliceReads, subject: { type: 'spaceship' } }],
      ['resource', { ...aliceReads, resource: { type: 'spaceship' } }],
      ['resource', { ...aliceReads, resource: { type: 'odd:type*' } }],
      ['resource', { ...aliceReads, subject: user('nonexistent'), resource: { type: 'record' } }],
    ] as const) {
      const { status, body } = await search(kind, question)
      expect([status, body.results]).toEqual(nothing)
    }
  })

  it('answers 400 to a question with a part missing', async () => {
    for (const [kind, question] of [
      ['subject', { subject: { type: 'user' }, resource: record('record-1') }],
      ['resource', { action: can('read'), resource: { type: 'record' } }],
      ['action', { subject: user('alice') }],
      ['subject', { ...aliceReads, subject: { type: 'user' }, resource: { type: 'record' } }],
      ['resource', { ...aliceReads, subject: { type: 'user' }, resource: { type: 'record' } }],
      ['subject', { ...aliceReads, page: { limit: 0 } }],
    ] as const)
      expect((await search(kind, question)).status).toBe(400)
  })
})

describe('Search Properties: what is asserted counts', () => {
  it('subjects by properties of the resource', async () => {
    const { body } = await search('subject', {
      subject: { type: 'user' },
      action: can('write'),
      resource: record('record-2', { status: 'archived' }),
    })
    expect(body.results).toEqual([user('bob')])
  })

  it('resources by properties of the subject', async () => {
    const { body } = await search('resource', {
      subject: user('bob', { role: 'admin' }),
      action: can('write'),
      resource: { type: 'record' },
    })
    expect(body.results).toEqual([record('record-2')])
  })

  it('actions by properties of both', async () => {
    const { body } = await search('action', {
      subject: user('bob', { role: 'admin' }),
      resource: record('record-2', { status: 'archived' }),
    })
    expect(body.results).toEqual([can('read'), can('write')])
  })
})

describe('Discovery', () => {
  it('names the endpoints that there are, and no empty members', async () => {
    const answer = await fetch(`${server.url}/.well-known/authzen-configuration`)
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    const document = (await answer.json()) as Record<string, string>
    expect(document['policy_decision_point']).toBe(server.url)
    const { policy_decision_point: _, signed_metadata: __, ...endpoints } = document
    expect(Object.keys(endpoints).toSorted()).toEqual([
      'access_evaluation_endpoint',
      'access_evaluations_endpoint',
      'search_action_endpoint',
      'search_resource_endpoint',
      'search_subject_endpoint',
    ])
    for (const endpoint of Object.values(endpoints)) {
      expect(endpoint.startsWith(`${server.url}/access/v1/`)).toBe(true)
      // Each is there: it asks who calls.
      expect((await fetch(endpoint, { method: 'POST' })).status).toBe(401)
    }
  })

  it('says the same in a JWT that a published key signed', async () => {
    const answer = await fetch(`${server.url}/.well-known/authzen-configuration`)
    const { signed_metadata: signed, ...plain } = (await answer.json()) as Record<string, string>
    const published = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(signed ?? '', published, { typ: 'authzen-metadata+jwt' })
    expect(payload).toEqual({ iss: server.url, ...plain })
  })
})
