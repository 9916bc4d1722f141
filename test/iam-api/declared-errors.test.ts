import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { iam, type ServiceModel } from '#aws-wire'
import { handlers } from '#src/iam-api/operations/list.ts'
import { resources } from '#src/iam-api/resources/list.ts'
import { rules, type ResourceKind, type Rule } from '#src/iam-api/rules.ts'

import { fixedClock, home } from '../support/fixtures.ts'
import { elsewhere, quotas, script, unreachable } from './declared-errors.ts'
import { bugs, startIam, type IamServer } from './harness.ts'
import { sendQuery } from './query.ts'
import { minimal, type Parameters } from './violations.ts'

const clock = fixedClock()
const model: ServiceModel = iam
const built = Object.keys(handlers)
const declared = (operation: string): readonly string[] => model.operations[operation]?.errors ?? []
let server: IamServer
const met = new Set<string>()

beforeAll(async () => {
  server = await startIam(clock, quotas)
})
afterAll(() => server.close())

const ask = async (operation: string, parameters: Parameters): Promise<string> => {
  const { status, code = 'ok' } = await sendQuery(server, clock, operation, parameters)
  expect(bugs, operation).toEqual([])
  if (code !== 'ok') {
    met.add(`${operation} ${code}`)
    // The status is the model's.
    if (declared(operation).includes(code)) expect(status).toBe(model.errors[code]?.status)
  }
  return code
}

/** The minimal request, about this entity. */
const about = (operation: string, kind: ResourceKind, name: string): Parameters => {
  const { member } = resources[kind]
  return [...minimal(operation).filter(([each]) => each !== member), [member, name]]
}

const arnKinds = ['policy', 'oidc-provider', 'saml-provider', 'mfa']
const missing = (kind: ResourceKind): string =>
  kind === 'access-key'
    ? 'AKIAAAAAAAAAAAAAAAAA'
    : arnKinds.includes(kind)
      ? `arn:aws:iam::${home}:${kind}/nowhere`
      : 'nowhere'

/** The operations that are built and about an entity of a kind. */
const onEntity = built.flatMap((operation) => {
  const rule: Rule = rules[operation as keyof typeof rules]
  return rule.on === undefined ? [] : [[operation, rule.on] as const]
})

describe('declared errors', () => {
  it('NoSuchEntity is what each operation answers about something that is not there', async () => {
    for (const [operation, kind] of onEntity)
      expect(await ask(operation, about(operation, kind, missing(kind))), operation).toBe('NoSuchEntity')
  })

  it('InvalidInput is what each operation answers to the ARN of something else', async () => {
    for (const [operation, kind] of onEntity.filter(([, of]) => arnKinds.includes(of) && of !== 'mfa'))
      expect(
        await ask(operation, about(operation, kind, `arn:aws:iam::${home}:user/nobody`)),
        operation,
      ).toBe('InvalidInput')
  })

  it('are met one after the other by a script', async () => {
    for (const [operation, outcome, parameters = {}] of script)
      expect(
        await ask(operation, Object.entries(parameters)),
        `${operation} ${JSON.stringify(parameters).slice(0, 200)}`,
      ).toBe(outcome)
  })

  it('are met in a test that names them, where the script cannot', () => {
    for (const [operation, error, file] of elsewhere.filter(([each]) => built.includes(each))) {
      const text = readFileSync(new URL(file, import.meta.url), 'utf8')
      expect(text.includes(`${operation}Command`) && text.includes(error), `${operation} ${error}`).toBe(true)
      met.add(`${operation} ${error}`)
    }
  })

  it('are all met by a test, or listed with the reason why they cannot be', () => {
    const excused = (operation: string, error: string): boolean =>
      unreachable.some(
        (row) =>
          row.error === error &&
          (row.operations === undefined || new RegExp(`^(?:${row.operations.source})$`).test(operation)),
      )
    const pairs = built.flatMap((operation) =>
      declared(operation).map((error) => [operation, error] as const),
    )
    const open = pairs.filter(
      ([operation, error]) => !met.has(`${operation} ${error}`) && !excused(operation, error),
    )
    expect(open.map((pair) => pair.join(' '))).toEqual([])
    // Nothing is excused that a test meets.
    expect(
      pairs.filter(([operation, error]) => met.has(`${operation} ${error}`) && excused(operation, error)),
    ).toEqual([])
  })
})
