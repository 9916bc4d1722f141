import { canonicalKey, type DocumentType, type Policy, type Statement } from './ast.ts'
import { parsePattern, type Pattern } from './pattern.ts'
import type { PolicyRef } from './request.ts'

function everything(): readonly Pattern[] {
  const read = parsePattern('*', { wildcards: true, variables: false }, canonicalKey)
  return 'pattern' in read ? [read.pattern] : []
}

const allowAll = (type: DocumentType, principals?: Statement['principals']): Policy => ({
  type,
  version: '2012-10-17',
  statements: [
    {
      index: 0,
      effect: 'Allow',
      principals,
      actions: { not: false, patterns: everything() },
      resources: { not: false, patterns: everything() },
      conditions: [],
    },
  ],
})

/** RCPFullAWSAccess: attached at every level of the organization and never detached; the only RCP that allows. */
export const rcpFullAccess: PolicyRef = {
  id: 'arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess',
  policy: allowAll('rcp', { not: false, entries: [{ kind: 'any' }] }),
}

/** FullAWSAccess: the SCP that every level starts with. */
export const scpFullAccess: PolicyRef = {
  id: 'arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess',
  policy: allowAll('scp'),
}

/** What stands for a stored document that cannot be read any more: every request that depends on it is denied. */
export const unreadablePolicy = (type: DocumentType, why: string): Policy => ({
  type,
  version: '2012-10-17',
  statements: [],
  unreadable: why,
})
