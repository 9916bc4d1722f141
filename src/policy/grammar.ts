import type { DocumentType } from './ast.ts'

/** What the grammar of one document type allows. Sources: IAM User Guide reference_policies_grammar; Organizations SCP and RCP syntax. */
export type Grammar = {
  /** How people call it in a message. */
  readonly title: string
  readonly principal: 'required' | 'forbidden'
  readonly notPrincipal: boolean
  readonly resource: 'required' | 'forbidden'
  readonly id: boolean
  /** IAM and Organizations refuse other versions for these; the others are read as 2008-10-17 without one. */
  readonly needs2012: boolean
  /** AWS's quota in characters, which is the soft limit here; the hard one is ten times that. */
  readonly softLimit: number
}

const withoutPrincipal = {
  principal: 'forbidden',
  notPrincipal: false,
  resource: 'required',
  id: false,
  needs2012: true,
} as const

export const grammars: Record<DocumentType, Grammar> = {
  identity: { title: 'an identity policy', ...withoutPrincipal, softLimit: 6144 },
  boundary: { title: 'a permissions boundary', ...withoutPrincipal, softLimit: 6144 },
  session: { title: 'a session policy', ...withoutPrincipal, softLimit: 2048 },
  scp: { title: 'a service control policy', ...withoutPrincipal, softLimit: 5120 },
  rcp: { title: 'a resource control policy', ...withoutPrincipal, principal: 'required', softLimit: 5120 },
  resource: {
    title: 'a resource policy',
    principal: 'required',
    notPrincipal: true,
    resource: 'required',
    id: true,
    needs2012: false,
    softLimit: 20_480,
  },
  trust: {
    title: 'a trust policy',
    principal: 'required',
    notPrincipal: false,
    resource: 'forbidden',
    id: true,
    needs2012: false,
    softLimit: 2048,
  },
}

/** Ten times the largest sum AWS allows on one entity (a role's inline policies), white space not counted. */
export const hardLimit = 102_400

/** Longer texts are refused unread, so that nothing in them can cost anything. */
export const rawLimit = 1_000_000
