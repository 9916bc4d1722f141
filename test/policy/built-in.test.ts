import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readBuiltInPolicies } from '#iam'
import { evaluate, parsePolicy, validatePolicy } from '#policy'
import { principals } from './case-file.ts'

const folder = new URL('../../config/policies/', import.meta.url)
const text = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const catalogue = JSON.parse(text('catalogue.json')) as {
  readonly policies: readonly {
    readonly name: string
    readonly description: string
    readonly version: string
  }[]
}
const names = catalogue.policies.map(({ name }) => name)

function may(name: string, action: string, arn = '*', context: Record<string, string> = {}): boolean {
  const { policy } = parsePolicy(text(`${name}.json`), 'identity')
  const principal = principals['user']
  if (!policy || !principal) throw new Error(name)
  const request = {
    principal,
    action,
    resource: { arn, accountId: '111122223333' },
    context: new Map(Object.entries(context)),
    policies: { identity: [{ id: name, policy }] },
  }
  return evaluate(request).effect === 'Allow'
}

describe('the built-in policies', () => {
  it('are listed, each with a version and a description', () => {
    const files = readdirSync(folder).filter(
      (name) => name.endsWith('.json') && name !== 'catalogue.json' && name !== 'services.json',
    )
    expect(files.map((name) => name.replace('.json', '')).toSorted()).toEqual(names.toSorted())
    expect(
      catalogue.policies.every(({ version, description }) => /^v\d+$/.test(version) && description),
    ).toBe(true)
  })

  it.each(names)('%s is a policy within the size limit', (name) => {
    const { policy, findings } = validatePolicy(text(`${name}.json`), 'identity')
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(policy).toBeDefined()
    expect(findings.map(({ code }) => code)).not.toContain('SOFT_SIZE_LIMIT')
  })

  it('have besides those of Signet the ones that tools attach by an ARN they know', () => {
    const all = readBuiltInPolicies(folder.pathname)
    expect(all.has('arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole')).toBe(true)
    expect(new Set([...all.values()].map(({ name }) => name.toLowerCase())).size).toBe(all.size)
    for (const { name, document } of all.values()) {
      const codes = validatePolicy(document, 'identity').findings.filter(
        ({ severity }) => severity === 'error',
      )
      expect([name, codes]).toEqual([name, []])
    }
    const { policy } = parsePolicy(
      all.get('arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess')?.document ?? '',
      'identity',
    )
    const [statement] = policy?.statements ?? []
    expect(statement?.actions.patterns.map(({ text: action }) => action)).toContain('s3:get*')
    expect(statement?.effect).toBe('Allow')
  })

  it('allow what their names say', () => {
    expect(may('AdministratorAccess', 'orders:Refund')).toBe(true)
    expect(may('PowerUserAccess', 'orders:Refund')).toBe(true)
    expect(may('PowerUserAccess', 'iam:CreateUser')).toBe(false)
    expect(may('PowerUserAccess', 'iam:ListRoles')).toBe(true)
    expect(may('ReadOnlyAccess', 'iam:GetUser')).toBe(true)
    expect(may('ReadOnlyAccess', 'iam:CreateUser')).toBe(false)
    expect(may('ReadOnlyAccess', 'sts:GetFederationToken')).toBe(false)
    expect(may('IAMFullAccess', 'iam:CreateUser')).toBe(true)
    expect(may('IAMFullAccess', 'orders:Refund')).toBe(false)
    expect(may('IAMReadOnlyAccess', 'iam:SimulatePrincipalPolicy')).toBe(true)
    expect(may('IAMReadOnlyAccess', 'iam:PassRole')).toBe(false)
    expect(may('SecurityAudit', 'iam:GetAccountAuthorizationDetails')).toBe(true)
    expect(may('SecurityAudit', 'orders:GetOrder')).toBe(false)
  })

  it('let a user manage its own factors, and its keys only with MFA', () => {
    const own = 'arn:aws:iam::111122223333:user/alice'
    const who = { 'aws:username': 'alice' }
    expect(may('IAMSelfManageFactors', 'iam:EnableMFADevice', own, who)).toBe(true)
    expect(may('IAMSelfManageFactors', 'iam:EnableMFADevice', `${own}x`, who)).toBe(false)
    expect(may('IAMSelfManageFactors', 'iam:CreateAccessKey', own, who)).toBe(false)
    expect(
      may('IAMSelfManageFactors', 'iam:CreateAccessKey', own, {
        ...who,
        'aws:MultiFactorAuthPresent': 'true',
      }),
    ).toBe(true)
  })
})
