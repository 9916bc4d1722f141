import type { Condition, PrincipalEntry } from '../ast.ts'
import { isSamlProvider } from '../parse-principal.ts'
import type { LintedStatement } from './linted.ts'

/** Providers of build pipelines, and the claim that names the repository. */
const pipelines: readonly { readonly host: RegExp; readonly claim: string; readonly repository: RegExp }[] = [
  { host: /token\.actions\.githubusercontent\.com$/, claim: 'sub', repository: /^repo:([^:]+)(?::(.*))?$/ },
  { host: /gitlab\.com$|\/gitlab\./, claim: 'sub', repository: /^project_path:([^:]+)(?::(.*))?$/ },
  { host: /bitbucket\.org/, claim: 'sub', repository: /^([^:]+)(?::(.*))?$/ },
]

/** Findings about whom a resource or trust policy names. */
export function lintPrincipals(each: LintedStatement): void {
  const { statement, policy } = each
  const { principals } = statement
  if (!principals || policy.type === 'rcp') return
  const element = principals.not ? 'NotPrincipal' : 'Principal'
  if (principals.not) {
    each.add('DENY_NOT_PRINCIPAL', 'Write "Principal": "*" with ArnNotEquals on aws:PrincipalArn', element)
    return
  }
  const { entries } = principals
  if (entries.length > 1 && entries.some(({ kind }) => kind === 'any')) {
    each.add('REDUNDANT_PRINCIPAL', '"*" covers every other principal', element)
  } else if (new Set(entries.map((entry) => JSON.stringify(entry))).size < entries.length) {
    each.add('REDUNDANT_PRINCIPAL', 'A principal stands here twice', element)
  }
  if (statement.effect === 'Deny') return
  if (policy.type === 'resource') lintPublic(each, entries)
  for (const entry of entries) {
    if (entry.kind === 'service') lintService(each)
    if (entry.kind === 'federated' && policy.type === 'trust') lintProvider(each, entry.provider)
    if (entry.kind === 'account' && policy.type === 'trust') lintForeign(each, entry.accountId)
  }
}

const positive = (condition: Condition): boolean =>
  !condition.negated && !condition.ifExists && condition.family !== 'null' && condition.set !== 'ForAllValues'

const namesCaller =
  /^signet:(?:principalarn|principalaccount|principalorgid|principalorgpaths|sourceaccount|sourcearn|sourceorgid|sourcevpc|sourcevpce|sourceip|userid|username|principaltag\/)/

function lintPublic(each: LintedStatement, entries: readonly PrincipalEntry[]): void {
  if (!entries.some(({ kind }) => kind === 'any')) return
  const { conditions } = each.statement
  if (conditions.length === 0) {
    each.add('PUBLIC_RESOURCE', 'Name the callers, or add a condition on who they are', 'Principal')
  } else if (!conditions.some((condition) => positive(condition) && namesCaller.test(condition.key))) {
    each.add('PUBLIC_WITH_WEAK_CONDITION', 'No condition says who the caller is', 'Principal')
  }
}

function lintService(each: LintedStatement): void {
  const guards = ['signet:sourcearn', 'signet:sourceaccount', 'signet:sourceorgid', 'signet:sourceorgpaths']
  if (!each.statement.conditions.some(({ key }) => guards.includes(key))) {
    each.add('SERVICE_WITHOUT_SOURCE', 'Add a condition on aws:SourceArn or aws:SourceAccount', 'Principal')
  }
}

function lintForeign(each: LintedStatement, accountId: string): void {
  const own = each.catalogue.accountId
  if (own === undefined || own === accountId) return
  const { conditions } = each.statement
  const known = conditions.some(({ key }) => key === 'sts:externalid' || key === 'signet:principalorgid')
  if (!known) {
    each.add(
      'FOREIGN_ACCOUNT_WITHOUT_EXTERNAL_ID',
      `Account ${accountId} is not this one; ask for an external id`,
      'Principal',
    )
  }
}

function lintProvider(each: LintedStatement, provider: string): void {
  const { conditions } = each.statement
  if (isSamlProvider(provider)) {
    if (!conditions.some(({ key }) => key === 'saml:aud')) {
      each.add('SAML_WITHOUT_AUDIENCE', 'Add "StringEquals": {"SAML:aud": "…"}', 'Principal')
    }
    return
  }
  const marker = ':oidc-provider/'
  const at = provider.indexOf(marker)
  const host = at < 0 ? provider : provider.slice(at + marker.length)
  const prefix = `${host.toLowerCase()}:`
  const own = conditions.filter(({ key }) => key.startsWith(prefix))
  const restricting = own.filter(positive)
  if (restricting.length === 0) {
    each.add('OIDC_WITHOUT_CLAIM', `Add conditions on ${host}:aud and ${host}:sub`, 'Principal')
    return
  }
  const of = (claim: string) => restricting.find(({ key }) => key === prefix + claim)
  if (!of('aud')) each.add('OIDC_WITHOUT_AUDIENCE', `Add "StringEquals": {"${host}:aud": "…"}`, 'Principal')
  const pipeline = pipelines.find((known) => known.host.test(host))
  const subject = of(pipeline?.claim ?? 'sub')
  if (!subject) {
    const others = restricting.some(({ key }) => key !== `${prefix}aud`)
    if (pipeline)
      each.add('CI_WITHOUT_REPOSITORY', `Add a condition on ${host}:${pipeline.claim}`, 'Principal')
    else if (!others) each.add('OIDC_WITHOUT_SUBJECT', `Add a condition on ${host}:sub`, 'Principal')
  } else {
    for (const [index, { text }] of subject.values.entries())
      lintSubject(each, subject, text, index, pipeline?.repository)
  }
  const audience = own.find(({ key }) => key === `${prefix}aud`)
  if (audience?.set) {
    each.addAt(
      'CONFIRM_AUDIENCE',
      'Does the provider issue tokens with several audiences?',
      audience.operator,
      audience.spelling,
    )
  }
}

function lintSubject(
  each: LintedStatement,
  subject: Condition,
  text: string,
  index: number,
  form: RegExp | undefined,
): void {
  const { operator, spelling } = subject
  if (/^[*?]*$/.test(text)) {
    each.addAt('OIDC_WILDCARD_SUBJECT', 'Every subject of the provider matches', operator, spelling, index)
    return
  }
  const found = form?.exec(text)
  if (!found) return
  const [, repository = '', rest = '*'] = found
  if (repository.startsWith('*') || repository.includes('*/')) {
    each.addAt('CI_WITHOUT_REPOSITORY', 'Name the owner of the repository', operator, spelling, index)
  } else if (repository.includes('*')) {
    each.addAt('CI_BROAD_REPOSITORY', 'Name one repository', operator, spelling, index)
  } else if (rest === '*') {
    each.addAt('CI_ANY_BRANCH', 'Name the branch, tag or environment', operator, spelling, index)
  }
}
