/**
 * What questions about all requests cost. One process, one thread; `node bench/analysis.ts`. Every line is a measurement beside its
 * limit. Policies are made by a generator of reproducible numbers; every second pair differs by one edit, the others in many places.
 */
import { availableParallelism } from 'node:os'
import {
  checkNoNewAccess,
  checkNoPublicAccess,
  createAccessIndex,
  parsePolicy,
  redundantStatements,
} from '#policy'
import type { DocumentType, Policy } from '#policy'

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

const random = numbers(11)
const pick = <T>(some: readonly T[]): T => some[random(some.length)] as T
const services = ['orders', 'bills', 'files', 'queue', 'users', 'mail', 'stock', 'shop']
const verbs = [
  'Get*',
  'List*',
  'Put*',
  'Delete*',
  'GetItem',
  'PutItem',
  'Describe*',
  '*',
  'UpdateItem',
  'Tag*',
]
const account = '111122223333'

type Json = Record<string, unknown>

function statement(): Json {
  const service = pick(services)
  const rest = pick([
    '*',
    'team-a/*',
    'team-b/*',
    'team-a/secret/*',
    '*/public',
    'log-*',
    'item/1',
    '${aws:username}/*',
  ])
  const condition = pick<Json | undefined>([
    undefined,
    undefined,
    undefined,
    { IpAddress: { 'aws:SourceIp': pick(['10.0.0.0/8', '203.0.113.0/24']) } },
    { StringEquals: { 'aws:PrincipalTag/team': pick(['red', 'blue']) } },
    { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
    { StringLike: { 'aws:ResourceTag/owner': pick(['a*', 'team-*']) } },
  ])
  return {
    Effect: random(6) === 0 ? 'Deny' : 'Allow',
    Action: [...new Set([`${service}:${pick(verbs)}`, `${service}:${pick(verbs)}`])],
    Resource: `arn:aws:${service}:eu-central-1:${account}:${rest}`,
    ...(condition && { Condition: condition }),
  }
}

function read(statements: readonly Json[], type: DocumentType = 'identity'): Policy {
  const { policy, findings } = parsePolicy(
    JSON.stringify({ Version: '2012-10-17', Statement: statements }),
    type,
  )
  if (!policy) throw new Error(findings.map(({ code }) => code).join())
  return policy
}

/** One edit: a statement dropped, added, widened or changed. */
function edited(statements: readonly Json[]): Json[] {
  const at = random(statements.length)
  const old = statements[at] ?? {}
  const others = statements.toSpliced(at, 1)
  return pick([
    () => others,
    () => [...statements, statement()],
    () => others.toSpliced(at, 0, { ...old, Action: `${pick(services)}:*` }),
    () => others.toSpliced(at, 0, { ...old, Condition: undefined }),
    () => others.toSpliced(at, 0, { ...old, Resource: '*' }),
  ])()
}

/** Statements until the document has AWS's greatest size, white space not counted. */
function full(limit = 6144): Json[] {
  const statements = [statement()]
  while (JSON.stringify({ Version: '2012-10-17', Statement: statements }).length < limit)
    statements.push(statement())
  return statements.slice(0, -1)
}

type Figures = {
  readonly p50: number
  readonly p95: number
  readonly worst: number
  readonly results: string
}

function measure(runs: number, ask: (run: number) => string): Figures {
  const samples: number[] = []
  const results = new Map<string, number>()
  for (let run = 0; run < runs; run++) {
    const start = process.cpuUsage()
    const result = ask(run)
    const { user, system } = process.cpuUsage(start)
    samples.push((user + system) / 1000)
    results.set(result, (results.get(result) ?? 0) + 1)
  }
  samples.sort((a, b) => a - b)
  const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0
  return {
    p50: at(0.5),
    p95: at(0.95),
    worst: at(1),
    results: [...results].map((each) => each.join(' ')).join(', '),
  }
}

const line = (name: string, { p50, p95, worst, results }: Figures, wanted: string): void => {
  const figures = [p50, p95, worst].map((each) => each.toFixed(1).padStart(8)).join('')
  console.log(`${name.padEnd(52)}${figures}   ${wanted.padEnd(16)}${results}`)
}

/** Pairs are made before anything is timed. */
function pairs(count: number, make: () => Json[]): readonly (readonly [Policy, Policy])[] {
  return Array.from({ length: count }, (_, index) => {
    const before = make()
    let after = before
    for (let edit = 0; edit < (index % 2 === 0 ? 1 : 5); edit++) after = edited(after)
    return [read(before), read(after)] as const
  })
}

function compare(name: string, all: readonly (readonly [Policy, Policy])[], wanted: string): void {
  for (const [before, after] of all.slice(0, 20)) checkNoNewAccess([before], [after])
  line(
    name,
    measure(all.length, (run) => {
      const [before, after] = all[run] ?? []
      return before && after ? checkNoNewAccess([before], [after]).result : ''
    }),
    wanted,
  )
}

console.log(`node ${process.version}, ${availableParallelism()} CPUs; CPU milliseconds of one check`)
console.log(`${''.padEnd(52)}     p50     p95   worst   wanted`)
compare('CheckNoNewAccess, 6,144 characters each side', pairs(200, full), 'p95 <= 20 ms')
compare(
  'CheckNoNewAccess, 200 statements each side',
  pairs(30, () => Array.from({ length: 200 }, statement)),
  '<= 1,000 ms',
)
compare(
  'CheckNoNewAccess, 40 statements, nothing in common',
  Array.from({ length: 40 }, () => [read(full()), read(full())] as const),
  '',
)
const single = Array.from({ length: 40 }, () => read(full()))
line(
  'redundant statements, 6,144 characters',
  measure(20, (run) => `${redundantStatements(single[run] ?? read([])).redundant.length > 0}`),
  '',
)
const shared = Array.from({ length: 40 }, () =>
  read(
    Array.from({ length: 20 }, () => ({
      ...statement(),
      Principal: { AWS: pick(['*', account, `arn:aws:iam::${account}:user/a`]) },
    })),
    'resource',
  ),
)
line(
  'CheckNoPublicAccess, 20 statements',
  measure(40, (run) => checkNoPublicAccess(shared[run] ?? read([])).result),
  '',
)

const people = 1_000_000
const attached = new Int32Array(people * 3).map(() => random(500))
for (const looksAtCaller of [false, true]) {
  const personal = /username|PrincipalTag|MultiFactor/
  const shared = (): Json => {
    for (;;) {
      const made = statement()
      if (looksAtCaller || !personal.test(JSON.stringify(made))) return made
    }
  }
  const managed = Array.from({ length: 500 }, (_, at) => ({
    id: `p${at}`,
    policy: read([shared(), shared(), shared()]),
  }))
  const started = process.cpuUsage()
  const index = createAccessIndex({
    policies: managed,
    count: people,
    policiesOf: (caller) => attached.subarray(caller * 3, caller * 3 + 3),
    boundaryOf: () => -1,
    accountOf: () => account,
    principal: (caller) => ({
      kind: 'user',
      accountId: account,
      arn: `arn:aws:iam::${account}:user/u${caller}`,
      uniqueId: `AIDA${caller}`,
    }),
    known: (caller) => new Map([['aws:username', `u${caller}`]]),
  })
  console.log(`index over 1,000,000 callers: ${(process.cpuUsage(started).user / 1000).toFixed(0)} ms`)
  const context = new Map([['aws:SourceIp', '10.0.0.1']])
  const ask = () => {
    const service = pick(services)
    const resource = `arn:aws:${service}:eu-central-1:${account}:${pick(['team-a/x', 'team-b/x', 'log-1', 'item/1'])}`
    const action = `${service}:${pick(['GetItem', 'PutItem'])}`
    return index.whoCan({ action, resource, accountId: account, context }).count
  }
  for (let run = 0; run < 20; run++) ask()
  const name = `who-can, 1,000,000 callers, 500 policies${looksAtCaller ? ' that look at them' : ''}`
  line(
    name,
    measure(looksAtCaller ? 20 : 100, () => `${ask() > 0}`),
    looksAtCaller ? '' : '<= 10 ms warm',
  )
}
