/**
 * CheckNoPublicAccess: whether anybody whom nobody named may be allowed (IAM Access Analyzer, custom policy checks; Amazon S3, the
 * meaning of "public").
 */
import type { Condition, Policy } from '../ast.ts'
import { literalOf } from '../pattern.ts'
import { inRange, readAddress, readRange } from '../values.ts'
import { check, type Finding } from './access.ts'
import { answersOf, shownAnswers, type Answer } from './answers.ts'
import type { Budget } from './automaton.ts'
import { strangeAccount, type Person } from './people.ts'
import { addressValues, representatives } from './representatives.ts'

/**
 * Whether a resource or trust policy allows nobody but those it names. The public is anonymous callers, and callers of an account,
 * organization and network that the policy does not name: they choose what they send (tags, agent, referer, region, session names,
 * external ids, the names in their own account), but not who they are, nor from where. An address range of at most /8 (IPv6: /32)
 * names a network, and so does a private one. The tokens of a provider that anybody can get (GitHub, GitLab, Google …) are public
 * until a condition names whose they are.
 */
export function checkNoPublicAccess(policy: Policy): Finding {
  if (policy.unreadable === undefined && policy.type !== 'resource' && policy.type !== 'trust') {
    return { result: 'UNKNOWN', because: 'only resource and trust policies name whom they allow' }
  }
  const account = strangeAccount(textOf(policy))
  return check([], [policy], {
    people: (all) => all.filter(isPublic),
    answers: (key, conditions, budget) => publicAnswers(key, conditions, account, budget),
  })
}

/** All text of a policy, to find what is not in it. */
const textOf = (policy: Policy): string =>
  JSON.stringify(policy, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))

/** Providers that give a token to whoever asks, and the claim that tells whose it is. */
const openProviders: readonly RegExp[] = [
  /^token\.actions\.githubusercontent\.com$/,
  /^gitlab\.com$/,
  /^accounts\.google\.com$/,
  /^www\.amazon\.com$/,
  /^graph\.facebook\.com$/,
  /^cognito-identity\.amazonaws\.com$/,
  /^oidc\.circleci\.com(\/|$)/,
  /^app\.terraform\.io$/,
  /^agent\.buildkite\.com$/,
  /^api\.bitbucket\.org(\/|$)/,
]

const hostOf = (provider: string): string => {
  const marker = ':oidc-provider/'
  const at = provider.indexOf(marker)
  return (at < 0 ? provider : provider.slice(at + marker.length)).toLowerCase()
}

const isPublic = ({ isStranger, bounded, principal }: Person): boolean =>
  !bounded && (isStranger || (principal.kind === 'federated' && isOpen(hostOf(principal.provider))))

const isOpen = (host: string): boolean => openProviders.some((known) => known.test(host))

/** Keys that say who the caller is or whom it acts for: of a stranger they name its own account, organization or network. */
const identities: Readonly<Record<string, 'account' | 'arn' | 'own' | 'never'>> = {
  'signet:principalaccount': 'account',
  'signet:sourceaccount': 'account',
  'signet:vpceaccount': 'account',
  'signet:principalarn': 'arn',
  'signet:sourcearn': 'arn',
  'signet:sourcevpcarn': 'arn',
  'signet:federatedprovider': 'arn',
  'signet:userid': 'own',
  'signet:principalorgid': 'own',
  'signet:sourceorgid': 'own',
  'signet:vpceorgid': 'own',
  'signet:sourcevpc': 'own',
  'signet:sourcevpce': 'own',
  'signet:principalservicename': 'own',
  'signet:principalorgpaths': 'own',
  'signet:sourceorgpaths': 'own',
  'signet:vpceorgpaths': 'own',
  'signet:principalservicenameslist': 'own',
  'signet:principalisawsservice': 'never',
}

function publicAnswers(
  key: string,
  conditions: readonly Condition[],
  account: string,
  budget: Budget,
): readonly Answer[] | undefined {
  if (key === 'signet:sourceip' || key === 'signet:vpcsourceip') {
    return networkAnswers(key, conditions) ?? answersOf(key, conditions, budget)
  }
  const sort = identities[key]
  if (sort !== undefined && Object.hasOwn(identities, key)) {
    const values = strangersValues(sort, conditions, account, budget)
    // Where a stranger's values are not certain, every way is possible.
    return values ? shownAnswers(key, conditions, values, false) : answersOf(key, conditions, budget)
  }
  const [, host = '', claim = ''] = /^(.+):([^:]+)$/.exec(key) ?? []
  if (isOpen(host) && claim !== 'aud' && conditions.every(namesAnOwner)) {
    return shownAnswers(key, conditions, [undefined, `somebody/else-${account}`], false)
  }
  return answersOf(key, conditions, budget)
}

/**
 * The values that a key can have for a stranger, and undefined for its absence: nothing that a condition names in full, but anything
 * that a wildcard leaves open. Undefined where that cannot be told.
 */
function strangersValues(
  sort: 'account' | 'arn' | 'own' | 'never',
  conditions: readonly Condition[],
  account: string,
  budget: Budget,
): readonly (string | undefined)[] | undefined {
  if (sort === 'never') return [undefined, 'false']
  if (sort === 'arn') {
    // No pattern that names an account matches anything of another.
    return conditions.every(namesAnAccount) ? [undefined, `arn:aws:iam::${account}:user/other`] : undefined
  }
  const found = representatives(conditions, budget)
  const patterns = conditions.flatMap((each) => (each.family === 'string' ? each.values : []))
  const named = patterns.flatMap((each) => literalOf(each) ?? [])
  const owners = patterns.flatMap(({ tokens: [first] }) =>
    typeof first === 'string' ? (/^[^:/]{3,}[:/]/.exec(first)?.[0] ?? []) : [],
  )
  const isNamed = (value: string) =>
    named.some((each) => each.toLowerCase() === value.toLowerCase()) ||
    owners.some((each) => value.startsWith(each))
  return (
    found && [
      undefined,
      sort === 'account' ? account : `o-${account}`,
      ...found.filter((value) => !isNamed(value)),
    ]
  )
}

/** Whether every value of a condition has its account in full, before any wildcard. */
function namesAnAccount(condition: Condition): boolean {
  if (condition.family === 'null') return true
  if (condition.family === 'arn') {
    return condition.values.every(
      ({ fields }) => fields[4] !== undefined && /^\d{12}$/.test(literalOf(fields[4]) ?? ''),
    )
  }
  if (condition.family !== 'string') return false
  return condition.values.every(
    (pattern) =>
      literalOf(pattern) !== undefined ||
      (typeof pattern.tokens[0] === 'string' && /^arn:[^:]*:[^:]*:[^:]*:\d{12}:/.test(pattern.tokens[0])),
  )
}

/** Addresses outside of the networks that are named; undefined where a condition is not about addresses. */
function networkAnswers(key: string, conditions: readonly Condition[]): readonly Answer[] | undefined {
  const tests = conditions.filter(({ family }) => family !== 'null')
  if (tests.some(({ family }) => family !== 'address')) return undefined
  const ranges = conditions.flatMap((each) => (each.family === 'address' ? each.values : []))
  const networks = [
    ...ranges.filter(({ address, prefix }) => prefix >= (address.family === 4 ? 8 : 32)),
    ...privateRanges,
  ]
  // Where networks lie side by side, the first address behind one may lie in the next: their ends count too.
  const values = addressValues([...ranges, ...privateRanges]).filter((text) => {
    const address = readAddress(text)
    return address !== undefined && !networks.some((each) => inRange(each, address))
  })
  return shownAnswers(key, conditions, values, false)
}

const privateRanges = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  '::1/128',
].flatMap((text) => readRange(text) ?? [])

/** Whether a condition on a claim names an owner: text without a wildcard, or with an owner's full name before the first one. */
function namesAnOwner(condition: Condition): boolean {
  if (condition.family !== 'string') return false
  return condition.values.every((pattern) => {
    if (literalOf(pattern) !== undefined || condition.match !== 'like') return true
    const [first] = pattern.tokens
    return typeof first === 'string' && /[:/][^/]+\//.test(`/${first}`)
  })
}
