/**
 * What a decision costs, beside its limit and beside other engines in the same process; `npm run bench:policy`. Decisions are
 * compared before anything is timed: with the readable interpreter everywhere, and with CASL, casbin and Cedar where they are
 * timed. Every timed decision has a resource, an address and a time that were not seen before.
 */
import { availableParallelism } from 'node:os'
import { evaluate, evaluateByReference, parsePolicy, policySet } from '#policy'
import type { DecisionRequest, RequestPolicies } from '#policy'
import { fixedTest } from '#src/policy/engine/glob.ts'
import { lastAnswer, measure, subject, type Figures, type Subject } from './policy/measure.ts'
import { casbin, casl, cedar, type Engine } from './policy/peers.ts'
import {
  adversarial,
  ordinary,
  policiesOf,
  questions,
  requestOf,
  sevenLayers,
  textsOf,
  type Rule,
} from './policy/workload.ts'

type Kind = 'ordinary' | 'adversarial'

const rounds = 14

const decides = (
  name: string,
  kind: Kind,
  count: number,
  policies: RequestPolicies,
  decide: (request: DecisionRequest) => unknown = evaluate,
): Subject => {
  const ask = questions(kind, count)
  return subject(name, () => requestOf(ask(), policies), decide)
}

const asks = (name: string, kind: Kind, count: number, engine: Engine): Subject => {
  const ask = questions(kind, count)
  return subject(
    name,
    () => engine(ask()),
    (call) => call(),
  )
}

/** That engine and interpreter answer alike, and so does each peer. */
function agree(kind: Kind, count: number, policies: RequestPolicies, peers: readonly Engine[]): void {
  const ask = questions(kind, count)
  const seen = { Allow: 0, Deny: 0 }
  for (let each = 0; each < 200; each++) {
    const question = ask()
    const request = requestOf(question, policies)
    const [a, b] = [evaluate(request), evaluateByReference(request)]
    if (a.effect !== b.effect || a.layer !== b.layer) throw new Error(`${a.because} / ${b.because}`)
    seen[a.effect]++
    for (const peer of peers) {
      if (peer(question)() !== (a.effect === 'Allow'))
        throw new Error(`another engine does not say ${a.effect}: ${a.because}`)
    }
  }
  if (Math.min(seen.Allow, seen.Deny) < 20) throw new Error('the questions are all of one kind')
}

const missed: string[] = []

function row(what: string, wanted: string, measured: string, met: boolean | undefined): void {
  const mark = met === undefined ? '' : met ? 'met' : 'MISSED'
  if (met === false) missed.push(what)
  console.log(`${what.padEnd(58)} ${wanted.padStart(16)} ${measured.padStart(16)}  ${mark}`)
}

const micro = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} µs`
const thousands = (value: number): string => Math.round(value).toLocaleString('en')
const nobody: Figures = { p50: Number.NaN, p99: Number.NaN, perSecond: Number.NaN }

console.log(
  `Node ${process.version}, ${availableParallelism()} processors, one thread; the quietest of ${rounds} rounds\n`,
)
row('', 'wanted', 'measured', undefined)

async function compared(
  title: string,
  kind: Kind,
  rules: readonly Rule[],
  perPolicy: number,
): Promise<(name: string) => Figures> {
  const refs = policiesOf(rules, perPolicy)
  const set = { identity: policySet(refs) }
  const list = { identity: refs }
  const [one, two, three] = [casl(rules), await casbin(rules), cedar(title, rules)]
  agree(kind, rules.length, set, [one, two, three])
  agree(kind, rules.length, list, [])
  const ask = questions(kind, rules.length)
  const fromMap = subject(
    'map',
    () => {
      const request = requestOf(ask(), set)
      return { ...request, context: new Map(request.context) }
    },
    evaluate,
  )
  const found = measure(
    [
      decides('set', kind, rules.length, set),
      fromMap,
      decides('list', kind, rules.length, list),
      decides('interpreter', kind, rules.length, list, evaluateByReference),
      asks('CASL', kind, rules.length, one),
      asks('casbin', kind, rules.length, two),
      asks('Cedar', kind, rules.length, three),
    ],
    rounds,
  )
  return (name) => found.get(name) ?? nobody
}

const times = (figures: Figures, peer: Figures): number => figures.perSecond / peer.perSecond

{
  const figures = await compared('fifty', 'ordinary', ordinary(50), 5)
  const set = figures('set')
  row('50 statements, policySet: p50', '≤ 0.3 µs', micro(set.p50), set.p50 <= 0.3)
  row('  p99', '', micro(set.p99), undefined)
  row('  decisions per CPU-second', '', thousands(set.perSecond), undefined)
  const ratio = times(set, figures('Cedar'))
  row('  × Cedar (WebAssembly, parsed before)', '≥ 500 ×', `${ratio.toFixed(0)} ×`, ratio >= 500)
  for (const peer of ['CASL', 'casbin', 'interpreter'])
    row(`  × ${peer}`, '', `${times(set, figures(peer)).toFixed(1)} ×`, undefined)
  row('the same, its context a plain map: p50', '', micro(figures('map').p50), undefined)
  const list = figures('list')
  row('the same as a plain list of 10 policies: p50', '', micro(list.p50), undefined)
  row('  p99', '≤ 50 µs', micro(list.p99), list.p99 <= 50)
}

{
  const figures = await compared('adversarial', 'adversarial', adversarial(1000), 50)
  const set = figures('set')
  row('1,000 statements, leading stars, one action: p50', '≤ 3 µs', micro(set.p50), set.p50 <= 3)
  row('  p99', '', micro(set.p99), undefined)
  const ratio = times(set, figures('CASL'))
  row('  × CASL', '≥ 100 ×', `${ratio.toFixed(0)} ×`, ratio >= 100)
  for (const peer of ['casbin', 'Cedar', 'interpreter'])
    row(`  × ${peer}`, '', `${times(set, figures(peer)).toFixed(0)} ×`, undefined)
}

{
  const policies = sevenLayers(policiesOf(ordinary(1000), 50))
  agree('ordinary', 1000, policies, [])
  const set = measure([decides('set', 'ordinary', 1000, policies)], rounds * 2).get('set') ?? nobody
  row('seven layers, 1,000 statements: p50', '≤ 1.5 µs', micro(set.p50), set.p50 <= 1.5)
  row('  p99', '≤ 5 µs', micro(set.p99), set.p99 <= 5)
  row('  decisions per CPU-second', '≥ 600,000', thousands(set.perSecond), set.perSecond >= 600_000)
}

{
  const heap = () => {
    for (let each = 0; each < 3; each++) globalThis.gc?.()
    return process.memoryUsage().heapUsed
  }
  const sizes = [10, 100, 1000, 10_000, 100_000].map((count) => {
    const texts = textsOf(ordinary(count), 50)
    const before = heap()
    const cpu = process.cpuUsage()
    const refs = texts.map((text, index) => {
      const { policy } = parsePolicy(text, 'identity')
      if (!policy) throw new Error('unreadable')
      return { id: `inline:p${index}`, policy }
    })
    const read = process.cpuUsage(cpu)
    const policies = { identity: policySet(refs) }
    const ask = questions('ordinary', count)
    for (let each = 0; each < 64; each++) evaluate(requestOf(ask(), policies))
    const all = process.cpuUsage(cpu)
    const perStatement = ({ user, system }: NodeJS.CpuUsage) => (user + system) / count
    return {
      count,
      policies,
      kept: (heap() - before) / count,
      read: perStatement(read),
      compiled: perStatement(all) - perStatement(read),
    }
  })
  const figures = measure(
    sizes.map(({ count, policies }) => decides(String(count), 'ordinary', count, policies)),
    rounds,
  )
  const of = (count: number) => figures.get(String(count)) ?? nobody
  for (const { count } of sizes)
    row(`${thousands(count)} statements: p50`, '', micro(of(count).p50), undefined)
  const growth = of(100_000).p50 / of(10).p50
  row('100,000 statements against 10', '≤ 2 ×', `${growth.toFixed(2)} ×`, growth <= 2)
  const last = sizes.at(-1)
  if (last) {
    row('reading a statement, 100,000 of them', '', micro(last.read), undefined)
    row('compiling it and asking for the first time', '≤ 50 µs', micro(last.compiled), last.compiled <= 50)
    if (globalThis.gc) row('heap per statement', '≤ 2,048 B', `${thousands(last.kept)} B`, last.kept <= 2048)
  }
}

/** Pieces of 128 units are the longest that a policy may have with a question mark in them. */
const period = `${'a'.repeat(31)}b`
const attacks: readonly (readonly [string, string, string])[] = [
  ['500 stars', `${'a'.repeat(2047)}b`, `${'*a'.repeat(500)}*c`],
  ['1,000 stars that all find', 'ab'.repeat(1024), `${'*a*b'.repeat(500)}*c*`],
  ['a long literal', `${'a'.repeat(2047)}b`, `*${'a'.repeat(1000)}c*`],
  ['a long literal that differs in its middle', 'a'.repeat(2048), `*${'a'.repeat(500)}b${'a'.repeat(500)}*`],
  ['question marks', `${'a'.repeat(2047)}b`, `*${'a?'.repeat(63)}ab*`],
  ['question marks out of step', 'ab'.repeat(1024), `*${'a?'.repeat(32)}${'?a'.repeat(31)}*`],
  ['one question mark, failing late', period.repeat(64), `*?${period.repeat(4).slice(0, 126)}b*`],
  ['question marks between many stars', 'ab'.repeat(1024), `${`*${'a?'.repeat(31)}?a`.repeat(8)}*c*`],
]
{
  const patterns = attacks.map(([name, text, glob]) => {
    const { policy } = parsePolicy(
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Deny', Action: '*', Resource: '*', Condition: { StringLike: { 'a:b': glob } } },
        ],
      }),
      'identity',
    )
    const [condition] = policy?.statements[0]?.conditions ?? []
    const pattern = condition?.family === 'string' ? condition.values[0] : undefined
    if (!pattern) throw new Error(`no policy may say this: ${name}`)
    const flat = Buffer.from(text, 'latin1')
    return subject(name, () => flat.toString('latin1'), fixedTest(pattern))
  })
  const figures = measure(patterns, rounds)
  for (const [name] of attacks) {
    const { p50 } = figures.get(name) ?? nobody
    row(`one pattern against 2 KB, ${name}`, '≤ 50 µs', micro(p50), p50 <= 50)
  }
}

if (lastAnswer() === undefined) throw new Error('nothing was answered')
console.log(missed.length ? `\nmissed: ${missed.map((each) => each.trim()).join('; ')}` : '\nall met')
console.log(`
Cedar turns each request into JSON for WebAssembly and is far faster native; CASL and casbin have none of the semantics
of the layers, and got their actions one by one and their patterns compiled once.`)
