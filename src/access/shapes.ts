import { z } from 'zod'
import { refuse } from '#kernel'
import type { Properties } from './mapping.ts'

/** A subject or resource of AuthZEN. */
export type Entity = {
  readonly type: string
  readonly id: string
  readonly properties?: Properties | undefined
}

/** One question of AuthZEN (§6.1). */
export type Evaluation = {
  readonly subject: Entity
  readonly action: { readonly name: string; readonly properties?: Properties | undefined }
  readonly resource: Entity
  readonly context?: Properties | undefined
}

const properties = z.record(z.string(), z.unknown()).optional()
const type = z.string().min(1).max(256)
const id = z.string().min(1).max(8_192)
const entity = z.object({ type, id, properties })
/** The `id` of what is searched for does not count (§8), whatever it is. */
const searched = z.object({ type, properties })
const action = z.object({ name: z.string().min(1).max(256), properties })
const page = z
  .object({
    token: z.string().max(8_192).optional(),
    limit: z.int().min(1).optional(),
  })
  .optional()

/** `POST /access/v1/evaluation` (§6). Unknown members are ignored. */
const evaluation = z.object({ subject: entity, action, resource: entity, context: properties })

/** How many questions one batch may hold. */
export const mostEvaluations = 1_000

const part = z.record(z.string(), z.unknown()).optional()
const semantic = z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'])

/** `POST /access/v1/evaluations` (§7): defaults, and questions that replace them whole. */
export const evaluationsBody = z.object({
  subject: part,
  action: part,
  resource: part,
  context: part,
  evaluations: z.array(z.unknown()).max(mostEvaluations).optional(),
  options: z.object({ evaluations_semantic: semantic.optional() }).optional(),
})
export type EvaluationsBody = z.infer<typeof evaluationsBody>
export type Semantic = z.infer<typeof semantic>

/** The bodies of `POST /access/v1/search/…` (§8). */
export const searchBodies = {
  subject: z.object({ subject: searched, action, resource: entity, context: properties, page }),
  resource: z.object({ subject: entity, action, resource: searched, context: properties, page }),
  action: z.object({ subject: entity, resource: entity, context: properties, page }),
} as const
export type SearchKind = keyof typeof searchBodies
export type SearchBody<Kind extends SearchKind> = z.infer<(typeof searchBodies)[Kind]>

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most
const isProperties = (value: unknown): boolean => value === undefined || isObject(value)
const isEntity = (value: unknown): value is Entity =>
  isObject(value) &&
  isText(value['type'], 256) &&
  isText(value['id'], 8_192) &&
  isProperties(value['properties'])

/** Whether a value is a question: the same as the schema says, at the price of a few comparisons. */
const isEvaluation = (value: unknown): value is Evaluation =>
  isObject(value) &&
  isEntity(value['subject']) &&
  isObject(value['action']) &&
  isText(value['action']['name'], 256) &&
  isProperties(value['action']['properties']) &&
  isEntity(value['resource']) &&
  isProperties(value['context'])

/** Reads one question. @throws Failure malformed access/body */
export const readEvaluation = (value: unknown): Evaluation =>
  isEvaluation(value) ? value : readShape(evaluation, value)

/** Reads a body. @throws Failure malformed access/body, naming the member that is wrong */
export function readShape<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  return refuse(
    'malformed',
    'access/body',
    `${issue?.path.map(String).join('.') || 'The body'}: ${issue?.message ?? 'not understood'}`,
  )
}

/** What is wrong with a question; undefined when nothing is. */
export function problemOf(value: unknown): string | undefined {
  if (isEvaluation(value)) return undefined
  const read = evaluation.safeParse(value)
  if (read.success) return undefined
  const [issue] = read.error.issues
  return `${issue?.path.map(String).join('.') || 'The evaluation'}: ${issue?.message ?? 'not understood'}`
}
