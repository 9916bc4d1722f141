import type { DocumentType, PrincipalEntry } from './ast.ts'
import type { CheckCode } from './checks.ts'

type Read =
  | { readonly entry: PrincipalEntry; readonly warning?: CheckCode }
  | { readonly code: CheckCode; readonly message: string }

/** Identity providers that AWS knows by a name rather than an ARN. */
const namedProviders = new Set([
  'accounts.google.com',
  'cognito-identity.amazonaws.com',
  'graph.facebook.com',
  'www.amazon.com',
])

const accountPattern = /^\d{12}$/
const uniqueIdPattern = /^(?:AIDA|AROA)[A-Z0-9]{12,}$/
const principalArn =
  /^arn:([a-z][a-z0-9-]*):(iam|sts)::(\d{12}):(root|user|role|group|assumed-role|federated-user|saml-provider|oidc-provider)(?:\/(.+))?$/
const nameWithPath = /^(?:[\x21-\x7e]+\/)*[\w+=,.@-]+$/

/** One id under `AWS`: an account, a root, user, role or session ARN, a unique id, or `*`. Never a partial wildcard. */
export function readAwsPrincipal(id: string): Read {
  if (id === '*') return { entry: { kind: 'any' } }
  if (/[*?]/.test(id)) {
    return {
      code: 'PRINCIPAL_PARTIAL_WILDCARD',
      message: `"${id}" has a wildcard; a principal is named exactly`,
    }
  }
  if (accountPattern.test(id)) return { entry: { kind: 'account', accountId: id } }
  if (uniqueIdPattern.test(id)) return { entry: { kind: 'unique-id', id }, warning: 'PRINCIPAL_ID_NOT_ARN' }
  const [, partition, service, accountId = '', type, rest] = principalArn.exec(id) ?? []
  if (type === 'root' && service === 'iam' && rest === undefined) {
    return { entry: { kind: 'account', accountId, partition } }
  }
  if (type === 'group')
    return { code: 'PRINCIPAL_GROUP', message: 'A group is never a principal; name its users or a role' }
  const wanted = type === 'user' || type === 'role' ? 'iam' : 'sts'
  const named = rest !== undefined && nameWithPath.test(rest) && service === wanted
  if (named && (type === 'user' || type === 'role')) return { entry: { kind: 'arn', arn: id } }
  if (named && type === 'assumed-role' && rest.split('/').length === 2)
    return { entry: { kind: 'arn', arn: id } }
  if (named && type === 'federated-user') return { entry: { kind: 'arn', arn: id } }
  return {
    code: 'PRINCIPAL_INVALID',
    message: `"${id}" is not an account id, the ARN of a root, user, role or role session, or "*"`,
  }
}

/** One id under `Federated`: the ARN of a SAML or OIDC provider entity, or a named provider. Trust policies only. */
export function readFederatedPrincipal(id: string, type: DocumentType): Read {
  if (type !== 'trust') {
    return {
      code: 'PRINCIPAL_KIND_UNSUPPORTED',
      message: 'Federated principals stand in trust policies only',
    }
  }
  if (/[*?]/.test(id)) {
    return {
      code: 'PRINCIPAL_PARTIAL_WILDCARD',
      message: `"${id}" has a wildcard; a provider is named exactly`,
    }
  }
  const [, , service, , kind, rest] = principalArn.exec(id) ?? []
  const isProvider =
    service === 'iam' && (kind === 'saml-provider' || kind === 'oidc-provider') && rest !== undefined
  if (isProvider || namedProviders.has(id)) return { entry: { kind: 'federated', provider: id } }
  return {
    code: 'PRINCIPAL_FEDERATED_FORMAT',
    message: `"${id}" is not the ARN of a saml-provider or oidc-provider`,
  }
}

/** One id under `Service`: a name in the manner of a host. */
export function readServicePrincipal(id: string): Read {
  if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(id)) return { entry: { kind: 'service', name: id } }
  return { code: 'PRINCIPAL_SERVICE_FORMAT', message: `"${id}" is not a service such as orders.example.com` }
}

/** Whether a Federated principal is a SAML provider; the others are OIDC. */
export const isSamlProvider = (provider: string): boolean => provider.includes(':saml-provider/')
