import type { RequestInfo } from '#http'
import type { EnforcementPoint } from './caller.ts'
import { recordDecisions } from './decide.ts'
import { answerOf, evaluation, type EvaluationAnswer } from './evaluation.ts'
import { type Evaluation, type EvaluationsBody, problemOf, readEvaluation, type Semantic } from './shapes.ts'
import { judgeIn, openSitting, type SittingNeeds, type Verdict } from './sitting.ts'

/** What one question of a batch gets that is no question. */
type ItemError = {
  readonly decision: false
  readonly context: { readonly error: { readonly status: 400; readonly message: string } }
}

/** The answers to a batch, in the order of the questions; shorter where the semantic ended it. */
export type EvaluationsAnswer = { readonly evaluations: readonly (EvaluationAnswer | ItemError)[] }

/** After which answer a batch is over. */
const endsAfter: Record<Semantic, boolean | undefined> = {
  execute_all: undefined,
  deny_on_first_deny: false,
  permit_on_first_permit: true,
}

/**
 * Many questions at once (AuthZEN §7). What stands at the top is a default, and a member of a question replaces it whole;
 * only a `type`, `id` or `name` that is left out there is taken from the default. Without questions it is one question.
 *
 * @throws Failure malformed access/body
 */
export async function evaluations(
  needs: SittingNeeds,
  asked: { point: EnforcementPoint; from: RequestInfo; body: EvaluationsBody },
): Promise<EvaluationsAnswer | EvaluationAnswer> {
  const { point, from, body } = asked
  const { evaluations: items = [] } = body
  if (items.length === 0)
    return evaluation(needs, { point, from, question: readEvaluation({ ...body, evaluations: undefined }) })

  const filled = items.map((item) => fill(item, body))
  const questions: (Evaluation | string)[] = filled.map((each) => problemOf(each) ?? (each as Evaluation))
  const sitting = await openSitting(needs, {
    point,
    from,
    questions: questions.filter((each) => typeof each !== 'string'),
  })
  const ends = endsAfter[body.options?.evaluations_semantic ?? 'execute_all']
  const verdicts: (Verdict | string)[] = []
  for (const question of questions) {
    const verdict = typeof question === 'string' ? question : judgeIn(sitting, question)
    verdicts.push(verdict)
    if ((typeof verdict !== 'string' && verdict.decision?.effect === 'Allow') === ends) break
  }
  const id = await recordDecisions(
    needs,
    { point, from },
    verdicts.map((each) => (typeof each === 'string' ? undefined : each)),
  )
  return {
    evaluations: verdicts.map((verdict, index) =>
      typeof verdict === 'string'
        ? { decision: false, context: { error: { status: 400, message: verdict } } }
        : answerOf(verdict, `${id}/${index}`),
    ),
  }
}

/** A question of a batch with what it leaves out. */
function fill(item: unknown, body: EvaluationsBody): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
  const { subject, action, resource, context } = item as Readonly<Record<string, unknown>>
  return {
    subject: over(subject, body.subject),
    action: over(action, body.action),
    resource: over(resource, body.resource),
    context: context === undefined ? body.context : context,
  }
}

function over(own: unknown, given: Readonly<Record<string, unknown>> | undefined): unknown {
  if (own === undefined) return given
  if (given === undefined || typeof own !== 'object' || own === null || Array.isArray(own)) return own
  const filled: Record<string, unknown> = { ...own }
  for (const name of ['type', 'id', 'name'])
    if (filled[name] === undefined && given[name] !== undefined) filled[name] = given[name]
  return filled
}
