import { parsePolicy, policySet, rcpFullAccess, requestContext, scpFullAccess } from '#policy'
import type { DecisionRequest, DocumentType, PolicyRef, RequestPolicies } from '#policy'

/** A statement in the words that all engines of the comparison share. */
export type Rule = {
  readonly effect: 'Allow' | 'Deny'
  readonly actions: readonly string[]
  /** `*` is the only wildcard. */
  readonly resource: string
  /** Applies to callers from 10.0.0.0/8 only. */
  readonly inside: boolean
}

/** A question in those words; every text in it was made for this one question. */
export type Question = { readonly action: string; readonly resource: string; readonly ip: string }

const account = '111122223333'
const services = Array.from({ length: 20 }, (_, index) => `svc${index}`)

/** A small generator of reproducible numbers (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Statements of 20 services, one resource prefix each, every fourth under an address condition, every tenth a Deny. */
export const ordinary = (count: number): readonly Rule[] =>
  Array.from({ length: count }, (_, index) => {
    const service = services[index % 20] ?? ''
    return {
      effect: index % 10 === 9 ? 'Deny' : 'Allow',
      actions: [`${service}:GetThing`, `${service}:PutThing`],
      resource: `arn:aws:${service}:eu:${account}:team-${index}/*`,
      inside: index % 4 === 0,
    }
  })

/** Leading stars and one action: nothing can be ruled out by a prefix or by the action. */
export const adversarial = (count: number): readonly Rule[] =>
  Array.from({ length: count }, (_, index) => ({
    effect: index % 10 === 9 ? 'Deny' : 'Allow',
    actions: ['svc1:GetThing'],
    resource: `arn:aws:svc1:*:*:*-proj${index}-*/x`,
    inside: false,
  }))

const gets = services.map((service) => `${service}:GetThing`)

/** Texts as they come from the wire: flat and not seen before. A template string would be a rope that the engine flattens. */
const fresh = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

/**
 * Questions about statements of a list: 64 in turn, with new texts each time. One in eight is about a resource that no
 * statement names, one in eight comes from outside.
 */
export function questions(kind: 'ordinary' | 'adversarial', count: number): () => Question {
  const random = numbers(7)
  const targets = Array.from({ length: 64 }, () => random(count))
  let turn = 0
  return () => {
    const index = targets[turn++ & 63] ?? 0
    const serial = random(1_000_000)
    const stranger = serial % 8 === 0 ? 'q' : ''
    const ip = fresh(`${serial % 8 === 1 ? 192 : 10}.1.${serial & 255}.${(serial >>> 8) & 255}`)
    const service = services[index % 20] ?? ''
    return kind === 'ordinary'
      ? {
          action: gets[index % 20] ?? '',
          resource: fresh(`arn:aws:${service}:eu:${account}:team${stranger}-${index}/doc-${serial}`),
          ip,
        }
      : {
          action: 'svc1:GetThing',
          resource: fresh(`arn:aws:svc1:eu:${account}:a${stranger}-proj${index}${stranger}-b${serial}/x`),
          ip,
        }
  }
}

type Statement = Record<string, unknown>

const statementOf = ({ effect, actions, resource, inside }: Rule): Statement => ({
  Effect: effect,
  Action: actions,
  Resource: resource,
  ...(inside && { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }),
})

/** The text of a document. */
export const textOf = (statements: readonly Statement[]): string =>
  fresh(JSON.stringify({ Version: '2012-10-17', Statement: statements }))

function read(statements: readonly Statement[], type: DocumentType, id: string): PolicyRef {
  const { policy, findings } = parsePolicy(textOf(statements), type)
  if (!policy) throw new Error(findings.map(({ code }) => code).join())
  return { id, policy }
}

/** The texts of identity policies with so many statements each. */
export const textsOf = (rules: readonly Rule[], perPolicy: number): readonly string[] =>
  Array.from({ length: Math.ceil(rules.length / perPolicy) }, (_, index) =>
    textOf(rules.slice(index * perPolicy, (index + 1) * perPolicy).map(statementOf)),
  )

/** The same, read. */
export const policiesOf = (rules: readonly Rule[], perPolicy: number): readonly PolicyRef[] =>
  Array.from({ length: Math.ceil(rules.length / perPolicy) }, (_, index) =>
    read(
      rules.slice(index * perPolicy, (index + 1) * perPolicy).map(statementOf),
      'identity',
      `inline:p${index}`,
    ),
  )

/** Seven layers: three levels of SCP and one of RCP, boundary, session and resource policy, and these identity policies. */
export function sevenLayers(identity: readonly PolicyRef[]): RequestPolicies {
  const allow: Statement = { Effect: 'Allow', Action: '*', Resource: '*' }
  const guard = (index: number): Statement => ({
    Effect: 'Deny',
    Action: `svc${index}:Delete*`,
    Resource: '*',
  })
  const broad = (type: DocumentType) =>
    read([allow, ...Array.from({ length: 10 }, (_, index) => guard(index))], type, `inline:${type}`)
  const organization = { StringNotEqualsIfExists: { 'aws:PrincipalOrgID': 'o-1' } }
  const rcp = read([{ ...guard(3), Principal: '*', Condition: organization }], 'rcp', 'r')
  const owner = [{ Effect: 'Allow', Principal: { AWS: account }, Action: '*', Resource: '*' }]
  return {
    identity: policySet(identity),
    boundary: broad('boundary'),
    session: policySet([broad('session')]),
    resource: read(owner, 'resource', 'inline:resource'),
    scpLevels: [0, 1, 2].map(() => policySet([scpFullAccess, broad('scp')])),
    rcpLevels: [policySet([rcpFullAccess, rcp])],
  }
}

const principal = {
  kind: 'role-session',
  accountId: account,
  arn: `arn:aws:sts::${account}:assumed-role/deploy/x`,
  roleArn: `arn:aws:iam::${account}:role/deploy`,
  roleId: 'AROADEPLOY000000EXAMP',
} as const

/** The question as a request, with the context that a request brings. */
export const requestOf = (
  { action, resource, ip }: Question,
  policies: RequestPolicies,
): DecisionRequest => ({
  principal,
  action,
  resource: { arn: resource, accountId: account },
  context: requestContext([
    ['aws:PrincipalTag/team', 'red'],
    ['aws:SourceIp', ip],
    ['aws:CurrentTime', fresh('2026-11-22T10:00:00Z')],
    ['aws:PrincipalArn', principal.roleArn],
    ['aws:userid', `${principal.roleId}:x`],
    ['aws:SecureTransport', 'true'],
    ['aws:MultiFactorAuthPresent', 'true'],
    ['aws:PrincipalAccount', account],
  ]),
  policies,
})
