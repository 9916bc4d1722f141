/**
 * Who can do this? A policy is asked once, however many callers share it; an inverse index then turns the policies that allow and
 * deny into callers, many at a time.
 */
import { canonicalKey, type Statement } from '../ast.ts'
import { scpFullAccess } from '../built-in.ts'
import { canonicalContext } from '../context.ts'
import { evaluate } from '../evaluate.ts'
import { foldedAction } from '../fold.ts'
import { actionMatches } from '../reference/applies.ts'
import { keysOfStatement } from '../simulate/context-keys.ts'
import { mayMatchResource } from '../simulate/simulate.ts'
import type { ContextValue, DecisionRequest, PolicyRef, RequestPrincipal } from '../request.ts'

/** Callers by number, from 0, and their policies by number. */
export type Inventory = {
  /** Identity policies and boundaries, each once. */
  readonly policies: readonly PolicyRef[]
  readonly count: number
  /** The numbers of a caller's identity policies. */
  policiesOf(caller: number): ArrayLike<number>
  /** The number of a caller's boundary among the policies; -1 without one. */
  boundaryOf(caller: number): number
  accountOf(caller: number): string
  principal(caller: number): RequestPrincipal
  /** What is known of the caller: `aws:PrincipalArn`, `aws:username`, `aws:PrincipalTag/…`. */
  known(caller: number): ReadonlyMap<string, ContextValue>
  /** The callers whom a policy means by an ARN or unique id. */
  named?(name: string): readonly number[]
}

/** A concrete request of whoever. */
export type Question = {
  readonly action: string
  readonly resource: string
  /** Owns the resource; callers of other accounts need a policy of the resource. Absent: each caller's own. */
  readonly accountId?: string | undefined
  /** The resource's own policy, or for a role that is to be assumed its trust policy. */
  readonly owners?: PolicyRef | undefined
  /** Guard-rails of the callers' account and of the resource's, level by level. */
  readonly scpLevels?: readonly (readonly PolicyRef[])[] | undefined
  readonly rcpLevels?: readonly (readonly PolicyRef[])[] | undefined
  /** Keys that do not depend on the caller. */
  readonly context: ReadonlyMap<string, ContextValue>
}

/** The callers who are allowed. */
export type Allowed = {
  readonly count: number
  /** Their numbers in order, from this one on. */
  list(from: number, most: number): readonly number[]
}

export type AccessIndex = { whoCan(question: Question): Allowed }

/** Keys whose values depend on who asks. */
const personal =
  /^signet:(principal|userid$|username$|sourceidentity$|federatedprovider$|tokenissuetime$|multifactorauth)/

/** Builds the index: memory in proportion to the attachments, and one bit for each caller and widely held policy. */
export function createAccessIndex(inventory: Inventory): AccessIndex {
  const { count } = inventory
  const words = (count + 31) >>> 5
  const empty = new Uint32Array(words)
  const holders = holdersOf(inventory, (caller) => inventory.policiesOf(caller))
  const bounded = holdersOf(inventory, (caller) => {
    const boundary = inventory.boundaryOf(caller)
    return boundary < 0 ? [] : [boundary]
  })
  const policies = inventory.policies.map(split)
  const accounts = new Map<string, Uint32Array>()
  for (let caller = 0; caller < count; caller++) {
    const account = inventory.accountOf(caller)
    const bits = accounts.get(account) ?? new Uint32Array(words)
    accounts.set(account, bits)
    setBit(bits, caller)
  }
  return {
    whoCan(question) {
      const allowed = new Uint32Array(words)
      const denied = new Uint32Array(words)
      const open = { allowed: new Uint32Array(words), denied: new Uint32Array(words) }
      for (const [at, policy] of policies.entries()) {
        const [own, limits] = [holders[at], bounded[at]]
        if (!own && !limits) continue
        const verdict = verdictOf(policy, question)
        const effects = personalEffects(policy, question)
        if (verdict === 'allow') addAll(allowed, own)
        if (verdict === 'deny') addAll(denied, own)
        if (effects.has('Allow')) addAll(open.allowed, own)
        if (effects.has('Deny')) addAll(open.denied, own)
        // A boundary that does not allow is as good as a Deny, unless it may allow this caller.
        if (effects.size > 0 && verdict !== 'deny') addAll(open.denied, limits)
        else if (verdict !== 'allow') addAll(denied, limits)
      }
      const limits = limitsOf(question)
      if (limits === 'nobody') return { count: 0, list: () => [] }
      const owners = ownersSide(inventory, question)
      const inAccount =
        question.accountId === undefined ? undefined : (accounts.get(question.accountId) ?? empty)
      // With a policy of the resource, callers of other accounts may have a part in it.
      const mine = question.owners === undefined ? inAccount : undefined
      const askAll = limits === 'ask' || owners.mayDecide
      let mustAsk = false
      for (let word = 0; word < words; word++) {
        const free = ~(denied[word] ?? 0) & (mine ? (mine[word] ?? 0) : -1)
        const certain = askAll ? 0 : inAccount ? (inAccount[word] ?? 0) : -1
        const sure = (allowed[word] ?? 0) & ~(open.denied[word] ?? 0) & free & certain
        const candidates = ((allowed[word] ?? 0) | (open.allowed[word] ?? 0)) & free
        const asked = (candidates | (owners.named === 'all' ? allOfWord(word, count) : 0)) & ~sure
        allowed[word] = sure
        denied[word] = asked
        mustAsk ||= asked !== 0
      }
      for (const caller of owners.named === 'all' ? [] : owners.named) {
        if (hasBit(allowed, caller)) continue
        setBit(denied, caller)
        mustAsk = true
      }
      if (mustAsk) {
        for (const caller of bitsOf(denied))
          if (isAllowed(inventory, caller, question)) setBit(allowed, caller)
      }
      return { count: countBits(allowed), list: (from, most) => listBits(allowed, from, most) }
    },
  }
}

/** What the guard-rails say to whoever asks: that nobody may, that everybody may, or that each must be asked. */
function limitsOf(question: Question): 'nobody' | 'open' | 'ask' {
  const { scpLevels, rcpLevels, action, context } = question
  const levels = [...(scpLevels ?? []), ...(rcpLevels ?? [])].flat()
  if (levels.length === 0) return 'open'
  if (levels.some((ref) => personalEffects(split(ref), question).size > 0)) return 'ask'
  const { effect } = evaluate({
    principal: somebody,
    action,
    resource: { arn: question.resource, accountId },
    context,
    policies: { identity: [everything], scpLevels, rcpLevels },
  })
  return effect === 'Allow' ? 'open' : 'nobody'
}

/** What the resource's own policy may add to and take from the callers' side. */
type OwnersSide = {
  /** Callers who are allowed by it must be asked about: it may deny, or must agree. */
  readonly mayDecide: boolean
  /** Callers whom it may allow by itself. */
  readonly named: 'all' | readonly number[]
}

function ownersSide(inventory: Inventory, question: Question): OwnersSide {
  const { owners, action, resource, context } = question
  if (owners === undefined) return { mayDecide: false, named: [] }
  const { policy } = owners
  const folded = foldedAction(action)
  const keys = canonicalContext(context)
  // Which keys somebody has is not known here, so conditions are not asked.
  const bearing = policy.statements.filter(
    (each) => actionMatches(each, folded) && mayMatchResource(each, { resource, keys }),
  )
  const mayDecide =
    policy.type === 'trust' ||
    policy.unreadable !== undefined ||
    bearing.some(({ effect }) => effect === 'Deny')
  const named: number[] = []
  for (const { effect, principals } of bearing) {
    if (effect === 'Deny' || principals === undefined) continue
    if (principals.not) return { mayDecide, named: 'all' }
    for (const entry of principals.entries) {
      if (entry.kind === 'any') return { mayDecide, named: 'all' }
      const name = entry.kind === 'arn' ? entry.arn : entry.kind === 'unique-id' ? entry.id : undefined
      if (name !== undefined) named.push(...(inventory.named?.(name) ?? []))
    }
  }
  return { mayDecide, named }
}

/** A policy in two: what says the same to every holder, and the statements that look at who asks. */
type Split = { readonly shared: PolicyRef; readonly personal: readonly Statement[] }

function split(ref: PolicyRef): Split {
  const isPersonal = (each: Statement) =>
    keysOfStatement(each).some((name) => personal.test(canonicalKey(name)))
  const own = ref.policy.statements.filter(isPersonal)
  const type = ref.policy.type === 'boundary' ? 'identity' : ref.policy.type
  const statements = ref.policy.statements.filter((each) => !own.includes(each))
  return { shared: { ...ref, policy: { ...ref.policy, type, statements } }, personal: own }
}

/** The effects of those statements that may apply to some holder. */
function personalEffects(
  { personal: own }: Split,
  { action, resource, context }: Question,
): ReadonlySet<Statement['effect']> {
  if (own.length === 0) return none
  const folded = foldedAction(action)
  const keys = canonicalContext(context)
  return new Set(
    own
      .filter((each) => actionMatches(each, folded) && mayMatchResource(each, { resource, keys }))
      .map(({ effect }) => effect),
  )
}

const none: ReadonlySet<Statement['effect']> = new Set()

/** The holders of each policy: a bit each where they are many, else their numbers. */
type Holders = Uint32Array | Int32Array | undefined

function holdersOf(
  { policies, count }: Inventory,
  of: (caller: number) => ArrayLike<number>,
): readonly Holders[] {
  const sizes = new Int32Array(policies.length)
  for (let caller = 0; caller < count; caller++) {
    const held = of(caller)
    for (let at = 0; at < held.length; at++) sizes[held[at] ?? 0] = (sizes[held[at] ?? 0] ?? 0) + 1
  }
  const words = (count + 31) >>> 5
  const holders = [...sizes].map((size): Holders =>
    size === 0 ? undefined : size > words ? new Uint32Array(words) : new Int32Array(size),
  )
  const filled = new Int32Array(policies.length)
  for (let caller = 0; caller < count; caller++) {
    const held = of(caller)
    for (let at = 0; at < held.length; at++) {
      const policy = held[at] ?? 0
      const list = holders[policy]
      if (list instanceof Uint32Array) setBit(list, caller)
      else if (list) {
        list[filled[policy] ?? 0] = caller
        filled[policy] = (filled[policy] ?? 0) + 1
      }
    }
  }
  return holders
}

const accountId = '000000000000'
const somebody: RequestPrincipal = {
  kind: 'user',
  accountId,
  arn: `arn:aws:iam::${accountId}:user/somebody`,
  uniqueId: 'AIDASOMEBODY00000000',
}

const everything: PolicyRef = {
  id: 'inline:everything',
  policy: { ...scpFullAccess.policy, type: 'identity' },
}

/** What a policy says by itself, to whoever holds it. One that cannot be read denies. */
function verdictOf({ shared }: Split, { action, resource, context }: Question): 'allow' | 'deny' | 'nothing' {
  const { effect, explicit, layer } = evaluate({
    principal: somebody,
    action,
    resource: { arn: resource, accountId },
    context,
    policies: { identity: [shared] },
  })
  return effect === 'Allow' ? 'allow' : explicit || layer === 'error' ? 'deny' : 'nothing'
}

/** The whole decision for one caller. */
function isAllowed(inventory: Inventory, caller: number, question: Question): boolean {
  const { policies } = inventory
  const boundary = inventory.boundaryOf(caller)
  const given = new Set([...question.context.keys()].map(canonicalKey))
  const request: DecisionRequest = {
    principal: inventory.principal(caller),
    action: question.action,
    resource: { arn: question.resource, accountId: question.accountId ?? inventory.accountOf(caller) },
    context: new Map([
      ...[...inventory.known(caller)].filter(([name]) => !given.has(canonicalKey(name))),
      ...question.context,
    ]),
    policies: {
      identity: Array.from(inventory.policiesOf(caller)).flatMap((at) => policies[at] ?? []),
      boundary: boundary < 0 ? undefined : policies[boundary],
      ...(question.owners && { [question.owners.policy.type]: question.owners }),
      scpLevels: question.scpLevels,
      rcpLevels: question.rcpLevels,
    },
  }
  return evaluate(request).effect === 'Allow'
}

const setBit = (bits: Uint32Array, at: number): void => {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31))
}

const hasBit = (bits: Uint32Array, at: number): boolean => ((bits[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0

/** All callers of one word of bits. */
const allOfWord = (word: number, count: number): number =>
  (word + 1) * 32 <= count ? -1 : (1 << (count & 31)) - 1

function addAll(bits: Uint32Array, holders: Holders): void {
  if (holders instanceof Uint32Array) {
    for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) | (holders[word] ?? 0)
  } else if (holders) {
    for (let at = 0; at < holders.length; at++) setBit(bits, holders[at] ?? 0)
  }
}

function countBits(bits: Uint32Array): number {
  let count = 0
  for (let word = 0; word < bits.length; word++) {
    let rest = bits[word] ?? 0
    rest -= (rest >>> 1) & 0x55555555
    rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333)
    count += Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

function* bitsOf(bits: Uint32Array, from = 0): Iterable<number> {
  for (let word = from >>> 5; word < bits.length; word++) {
    let rest = bits[word] ?? 0
    if (word === from >>> 5) rest &= -1 << (from & 31)
    while (rest !== 0) {
      yield (word << 5) + 31 - Math.clz32(rest & -rest)
      rest &= rest - 1
    }
  }
}

function listBits(bits: Uint32Array, from: number, most: number): readonly number[] {
  const found: number[] = []
  for (const at of bitsOf(bits, from)) {
    if (found.length === most) break
    found.push(at)
  }
  return found
}
