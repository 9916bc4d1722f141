import * as iamSdk from '@aws-sdk/client-iam'
import * as stsSdk from '@aws-sdk/client-sts'
import { describe, expect, it } from 'vitest'

import { iam, sts, type ServiceModel } from '#aws-wire'
import { compiled } from '#src/aws-wire/constraints.ts'

/** What the pinned SDKs carry: `[kind, namespace, name, traits, …]`; 9 an operation, 3 a structure, -3 an error. */
const schemasOf = (sdk: object) =>
  Object.entries(sdk)
    .filter(([name, value]) => name.endsWith('$') && Array.isArray(value))
    .map(([, value]) => value as readonly [number, string, string, unknown, ...unknown[]])

describe.each([
  ['iam', iam as ServiceModel, iamSdk],
  ['sts', sts as ServiceModel, stsSdk],
] as const)('the table of %s', (_, model, sdk) => {
  const schemas = schemasOf(sdk)

  it('has every operation of the pinned SDK', () => {
    const operations = schemas.filter(([kind]) => kind === 9).map(([, , name]) => name)
    expect(operations.length).toBeGreaterThan(8)
    expect(operations.filter((name) => !(name in model.operations))).toEqual([])
  })

  it('has every member of every structure of the pinned SDK', () => {
    const missing = schemas
      .filter(([kind]) => kind === 3)
      .flatMap(([, , name, , members]) => {
        const shape = model.shapes[name]
        const known = shape?.type === 'structure' ? shape.members : {}
        return (members as readonly string[])
          .filter((member) => !(member in known))
          .map((member) => `${name}.${member}`)
      })
    expect(missing).toEqual([])
  })

  it('gives every error the code and status that the pinned SDK knows', () => {
    const errors = schemas.filter(([kind, , name]) => kind === -3 && !name.endsWith('ServiceException'))
    expect(errors.length).toBeGreaterThan(8)
    for (const [, , name, traits] of errors) {
      const { awsQueryError } = traits as { awsQueryError?: readonly [string, number] }
      const [code, status] = awsQueryError ?? [name, 400]
      expect([name, model.errors[code]?.status]).toEqual([name, status])
    }
  })

  it('names only shapes and errors that it has', () => {
    const named = [
      ...Object.values(model.operations).flatMap(({ input, output }) => [input ?? [], output ?? []].flat()),
      ...Object.values(model.shapes).flatMap((shape) =>
        shape.type === 'structure'
          ? Object.values(shape.members)
          : shape.type === 'list'
            ? [shape.member]
            : shape.type === 'map'
              ? [shape.key, shape.value]
              : [],
      ),
    ]
    expect(named.filter((name) => !(name in model.shapes))).toEqual([])
    const codes = Object.values(model.operations).flatMap(({ errors }) => errors)
    expect(codes.filter((code) => !(code in model.errors))).toEqual([])
  })

  it('has patterns that compile and that no text makes slow', () => {
    const attacks = ['a', '/', '-', '/a', 'a-', '\u00e9', ' ', 'a.', '://'].map((unit) =>
      unit.repeat(40_000 / unit.length),
    )
    for (const shape of Object.values(model.shapes)) {
      if (shape.type !== 'string' || shape.pattern === undefined) continue
      const pattern = compiled(shape.pattern)
      // The validator never runs a pattern over more than `max` characters.
      for (const attack of attacks) pattern.test(attack.slice(0, shape.max ?? 40_000) + '\u0000')
    }
  })
})

it('the tables know which calls need no signature', () => {
  const unsigned = Object.entries(sts.operations).filter(([, operation]) => 'unsigned' in operation)
  expect(unsigned.map(([name]) => name)).toEqual(['AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity'])
})
