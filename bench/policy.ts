/**
 * What a decision costs. One process, one thread; `node bench/policy.ts`. Every line is a measurement beside its limit, and the
 * readable interpreter runs in the same process as the yardstick; decisions of both are compared before anything is timed.
 */
import { availableParallelism } from 'node:os'
import { evaluate, evaluateByReference, parsePolicy, policySet, rcpFullAccess, scpFullAccess } from '#policy'
import type { DecisionRequest, DocumentType, PolicyRef } from '#policy'
import { fixedTest } from '#src/policy/engine/glob.ts'
import { parsePattern } from '#src/policy/pattern.ts'

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

const services = Array.from({ length: 20 }, (_, index) => `svc${index}`)
const account = '111122223333'
const context = new Map<string, string>([
  ['aws:username', 'alice'],
  ['aws:SourceIp', '10.1.2.3'],
  ['aws:CurrentTime', '2026-11-22T10:00:00Z'],
  ['aws:PrincipalTag/team', 'red'],
  ['aws:PrincipalArn', `arn:aws:iam::${account}:user/alice`],
  ['aws:SecureTransport', 'true'],
  ['aws:MultiFactorAuthPresent', 'true'],
  ['aws:PrincipalAccount', account],
])
const principal = {
  kind: 'role-session',
  accountId: account,
  arn: `arn:aws:sts::${account}:assumed-role/deploy/x`,
  roleArn: `arn:aws:iam::${account}:role/deploy`,
  roleId: 'AROADEPLOY000000EXAMP',
} as const

type Statement = Record<string, unknown>

const read = (statements: readonly Statement[], type: DocumentType, id: string): PolicyRef => {
  const { policy, findings } = parsePolicy(
    JSON.stringify({ Version: '2012-10-17', Statement: statements }),
    type,
  )
  if (!policy) throw new Error(findings.map(({ code }) => code).join())
  return { id, policy }
}

function policies(count: number, perPolicy: number, make: (index: number) => Statement): PolicyRef[] {
  return Array.from({ length: Math.ceil(count / perPolicy) }, (_, policy) =>
    read(
      Array.from({ length: Math.min(perPolicy, count) }, (_, index) => make(policy * perPolicy + index)),
      'identity',
      `inline:p${policy}`,
    ),
  )
}

const plain = (index: number): Statement => ({
  Effect: index % 10 === 9 ? 'Deny' : 'Allow',
  Action: [`${services[index % 20]}:Get*`, `${services[index % 20]}:Put`],
  Resource: `arn:aws:${services[index % 20]}:eu:${account}:team-${index}/*`,
  ...(index % 4 === 0 && { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }),
})

/** Leading stars and one action: nothing can be ruled out by a prefix. */
const adversarial = (index: number): Statement => ({
  Effect: index % 10 === 9 ? 'Deny' : 'Allow',
  Action: 'svc1:Get*',
  Resource: `arn:aws:svc1:*:*:*-proj${index}-*/x`,
})

const random = numbers(7)

function requests(
  count: number,
  resource: (index: number) => string,
  action: (index: number) => string,
  over: DecisionRequest['policies'],
): DecisionRequest[] {
  return Array.from({ length: 64 }, () => {
    const index = random(count)
    return {
      principal,
      action: action(index),
      resource: { arn: resource(index), accountId: account },
      context,
      policies: over,
    }
  })
}

const plainRequests = (count: number, over: DecisionRequest['policies']) =>
  requests(
    count,
    (index) => `arn:aws:${services[index % 20]}:eu:${account}:team-${index}/doc-1`,
    (index) => `${services[index % 20]}:GetThing`,
    over,
  )

type Figures = { readonly p50: number; readonly p99: number; readonly perSecond: number }

/** Microseconds per decision, timed in batches of 64 so that the clock does not count. */
function measure(
  decide: (request: DecisionRequest) => unknown,
  all: readonly DecisionRequest[],
  rounds: number,
): Figures {
  for (let round = 0; round < Math.max(50, rounds / 4); round++) for (const each of all) decide(each)
  const samples: number[] = []
  const cpu = process.cpuUsage()
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    for (const each of all) decide(each)
    samples.push(((performance.now() - start) * 1000) / all.length)
  }
  const used = process.cpuUsage(cpu)
  samples.sort((a, b) => a - b)
  const at = (part: number) => samples[Math.floor(samples.length * part)] ?? 0
  return { p50: at(0.5), p99: at(0.99), perSecond: (rounds * all.length * 1e6) / (used.user + used.system) }
}

function agree(all: readonly DecisionRequest[]): void {
  for (const each of all) {
    const [a, b] = [evaluate(each), evaluateByReference(each)]
    if (a.effect !== b.effect || a.layer !== b.layer)
      throw new Error(`engine ${a.because} / interpreter ${b.because}`)
  }
}

const row = (name: string, figures: Figures, limit: string, peer?: Figures): void => {
  const ratio = peer ? `  ${(figures.perSecond / peer.perSecond).toFixed(0)}× interpreter` : ''
  console.log(
    `${name.padEnd(44)} p50 ${figures.p50.toFixed(2).padStart(7)} µs  p99 ${figures.p99.toFixed(2).padStart(7)} µs  ${Math.round(figures.perSecond).toLocaleString('en').padStart(10)}/CPU-s  limit ${limit}${ratio}`,
  )
}

console.log(`Node ${process.version}, ${availableParallelism()} processors, one thread\n`)

const ten = policies(50, 5, plain)
const asList = plainRequests(50, { identity: ten })
const asSet = plainRequests(50, { identity: policySet(ten) })
agree([...asList, ...asSet])
const tenByReference = measure(evaluateByReference, asList, 200)
row('10 policies × 5, the interpreter', tenByReference, '50 µs p99')
row('10 policies × 5, engine, list', measure(evaluate, asList, 2000), '50 µs p99', tenByReference)
row('10 policies × 5, engine, policySet', measure(evaluate, asSet, 4000), '0.3 µs p50', tenByReference)

const hard = plainRequests(1000, { identity: policySet(policies(1000, 50, adversarial)) }).map(
  (each, index) => ({
    ...each,
    action: 'svc1:GetThing',
    resource: { arn: `arn:aws:svc1:eu:${account}:a-proj${(index * 17) % 1000}-b/x`, accountId: account },
  }),
)
agree(hard)
row(
  '1,000 statements, leading stars, one action',
  measure(evaluate, hard, 2000),
  '3 µs p50',
  measure(evaluateByReference, hard, 20),
)

function sevenLayers(count: number): DecisionRequest[] {
  const allow: Statement = { Effect: 'Allow', Action: '*', Resource: '*' }
  const guard = (index: number): Statement => ({
    Effect: 'Deny',
    Action: `svc${index}:Delete*`,
    Resource: '*',
  })
  const broad = (type: DocumentType) => [
    read([allow, ...Array.from({ length: 10 }, (_, i) => guard(i))], type, `inline:${type}`),
  ]
  const rcp = read(
    [
      {
        ...guard(3),
        Principal: '*',
        Condition: { StringNotEqualsIfExists: { 'aws:PrincipalOrgID': 'o-1' } },
      },
    ],
    'rcp',
    'r',
  )
  return plainRequests(count, {
    identity: policySet(policies(count, 50, plain)),
    boundary: broad('boundary')[0],
    session: policySet(broad('session')),
    resource: read(
      [{ Effect: 'Allow', Principal: { AWS: account }, Action: '*', Resource: '*' }],
      'resource',
      'inline:resource',
    ),
    scpLevels: [0, 1, 2].map(() => policySet([scpFullAccess, ...broad('scp')])),
    rcpLevels: [policySet([rcpFullAccess, rcp])],
  })
}

const seven = sevenLayers(1000)
agree(seven)
row(
  '7 layers, 1,000 statements',
  measure(evaluate, seven, 3000),
  '1.5 µs p50, 5 µs p99',
  measure(evaluateByReference, seven, 20),
)

let smallest: Figures | undefined
for (const count of [10, 100, 1000, 10_000, 100_000]) {
  const memory = () => (globalThis.gc?.(), process.memoryUsage().heapUsed)
  const before = memory()
  const refs = policies(count, 50, plain)
  const start = performance.now()
  const set = policySet(refs)
  const took = ((performance.now() - start) * 1000) / count
  const all = plainRequests(count, { identity: set })
  for (const each of all) evaluate(each)
  const kept = (memory() - before) / count
  const figures = measure(evaluate, all, 2000)
  smallest ??= figures
  const heap = globalThis.gc ? `, ${kept.toFixed(0)} B/statement (2048)` : ''
  row(
    `${count.toLocaleString('en')} statements`,
    figures,
    `2× the first: ${(figures.p50 / smallest.p50).toFixed(2)}×`,
  )
  console.log(`${''.padEnd(44)} compile ${took.toFixed(1)} µs/statement (50)${heap}`)
}

const text = `${'a'.repeat(2047)}b`
for (const [name, glob] of [
  ['many stars', '*a'.repeat(500) + '*c'],
  ['a long literal', `*${'a'.repeat(1000)}c*`],
  ['literal and stars', `*${'a'.repeat(64)}c*${'a'.repeat(64)}c*`],
  ['question marks', `*${'a?'.repeat(256)}c*`],
  ['many question marks', `*${'?a'.repeat(512)}c*`],
] as const) {
  const parsed = parsePattern(glob, { wildcards: true, variables: false }, (key) => key)
  if (!('pattern' in parsed)) throw new Error(glob)
  const test = fixedTest(parsed.pattern)
  for (let round = 0; round < 2000; round++) test(text)
  const start = performance.now()
  for (let round = 0; round < 500; round++) test(text)
  console.log(
    `glob, 2 KB of text, ${name.padEnd(23)} ${(((performance.now() - start) * 1000) / 500).toFixed(1).padStart(7)} µs  limit 50 µs`,
  )
}
