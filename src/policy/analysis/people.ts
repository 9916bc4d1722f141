/**
 * Callers that stand for all callers: two that no statement tells apart are as good as one. Every named ARN, id, account, provider and
 * service has its callers, and so has somebody whom nobody names.
 */
import type { DocumentType, PrincipalEntry, Statement } from '../ast.ts'
import { principalLink, type Link } from '../principals.ts'
import type { RequestPrincipal } from '../request.ts'

/** A caller, with or without a permissions boundary, and how each statement names it. */
export type Person = {
  readonly principal: RequestPrincipal
  readonly bounded: boolean
  readonly links: readonly (Link | undefined)[]
  /** Nothing names it: no ARN, account, id, provider or service. */
  readonly isStranger: boolean
}

type Placed = { readonly statement: Statement; readonly type: DocumentType }

/** More callers than this are not enumerated. */
const most = 4000

/** The callers; undefined when there are too many. */
export function peopleOf(items: readonly Placed[]): readonly Person[] | undefined {
  const entries = items.flatMap(({ statement }) => statement.principals?.entries ?? [])
  const all = candidates(entries)
  if (all.length > most) return undefined
  const people = new Map<string, Person>()
  const hasNot = items.some(({ statement }) => statement.principals?.not)
  for (const { principal, isStranger } of all) {
    for (const bounded of hasNot && principal.accountId !== undefined ? [false, true] : [false]) {
      const links = items.map(({ statement, type }) => principalLink(statement, type, principal, bounded))
      const sort =
        principal.kind === 'root' ? 'root' : principal.accountId === undefined ? principal.kind : 'account'
      const name = `${sort}${isStranger}${bounded}${links.map((link) => link?.[0] ?? '-').join('')}`
      if (!people.has(name)) people.set(name, { principal, bounded, links, isStranger })
    }
  }
  return [...people.values()]
}

/** An account that the statements do not name, anywhere in their text. */
export function strangeAccount(text: string): string {
  for (let digit = 9; digit >= 0; digit--) {
    const account = `${digit}`.repeat(12)
    if (!text.includes(account)) return account
  }
  for (let number = 999_900_000_000; ; number++) if (!text.includes(String(number))) return String(number)
}

type Candidate = { readonly principal: RequestPrincipal; readonly isStranger: boolean }

const otherId = { user: 'AIDAOTHER0000000000', role: 'AROAOTHER0000000000' }

function candidates(entries: readonly PrincipalEntry[]): Candidate[] {
  const arns = entries.flatMap((entry) => (entry.kind === 'arn' ? [entry.arn] : []))
  const ids = entries.flatMap((entry) => (entry.kind === 'unique-id' ? [entry.id] : []))
  const named = arns.map((arn) => arn.split(':'))
  const strange = strangeAccount(JSON.stringify(entries))
  const accounts = new Set([
    ...entries.flatMap((entry) => (entry.kind === 'account' ? [entry.accountId] : [])),
    ...named.flatMap((fields) => (fields[4] ? [fields[4]] : [])),
    strange,
  ])
  const partitions = new Set([
    'aws',
    ...entries.flatMap((entry) => (entry.kind === 'account' && entry.partition ? [entry.partition] : [])),
    ...named.flatMap((fields) => (fields[1] ? [fields[1]] : [])),
  ])
  const found: Candidate[] = [{ principal: { kind: 'anonymous' }, isStranger: true }]
  for (const entry of entries) {
    if (entry.kind === 'service')
      found.push({ principal: { kind: 'service', name: entry.name }, isStranger: false })
    if (entry.kind === 'federated')
      found.push({ principal: { kind: 'federated', provider: entry.provider }, isStranger: false })
  }
  const names = new Set(
    entries.flatMap((entry) =>
      'name' in entry ? [entry.name] : 'provider' in entry ? [entry.provider] : [],
    ),
  )
  found.push({ principal: { kind: 'service', name: unnamed('other.example.com', names) }, isStranger: true })
  found.push({
    principal: { kind: 'federated', provider: unnamed('other.example.com', names) },
    isStranger: true,
  })
  for (const accountId of accounts) {
    const isStranger = accountId === strange
    if (found.length > most) return found
    found.push({ principal: { kind: 'root', accountId }, isStranger })
    for (const partition of partitions) {
      const of = (service: string, sort: RegExp) =>
        arns.filter((arn) => {
          const fields = arn.split(':')
          return (
            fields[1] === partition &&
            fields[2] === service &&
            fields[4] === accountId &&
            sort.test(fields.slice(5).join(':'))
          )
        })
      const other = (service: string, rest: string) => {
        const stem = `arn:${partition}:${service}::${accountId}:${rest}`
        return unnamed(stem, new Set(arns))
      }
      const users = [...of('iam', /^user\//), other('iam', 'user/other')]
      const roles = [...of('iam', /^role\//), other('iam', 'role/other')]
      const sessions = of('sts', /^assumed-role\//)
      const federated = [...of('sts', /^federated-user\//), other('sts', 'federated-user/other')]
      const push = (principal: RequestPrincipal, id: string) =>
        found.push({ principal, isStranger: isStranger && !ids.includes(id) })
      for (const arn of users) {
        for (const uniqueId of [...ids, otherId.user])
          push({ kind: 'user', accountId, arn, uniqueId }, uniqueId)
        for (const session of federated)
          for (const userId of [...ids, otherId.user])
            push({ kind: 'federated-user', accountId, arn: session, userArn: arn, userId }, userId)
      }
      for (const roleArn of roles) {
        const name = roleArn.slice(roleArn.lastIndexOf('/') + 1)
        const own = sessions.filter((arn) => arn.split('/')[1] === name)
        for (const arn of [...own, other('sts', `assumed-role/${name}/other`)])
          for (const roleId of [...ids, otherId.role])
            push({ kind: 'role-session', accountId, arn, roleArn, roleId }, roleId)
      }
      // A session may be named although its role is not: the role's path is not in the session's ARN.
      for (const arn of sessions) {
        const roleArn = other('iam', `role/other-path/${arn.split('/')[1] ?? 'other'}`)
        for (const roleId of [...ids, otherId.role])
          push({ kind: 'role-session', accountId, arn, roleArn, roleId }, roleId)
      }
      if (found.length > most) return found
    }
  }
  return found
}

function unnamed(stem: string, names: ReadonlySet<string>): string {
  let name = stem
  while (names.has(name)) name += 'x'
  return name
}
