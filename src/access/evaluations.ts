import type { RequestInfo } from '#http'
import type { EnforcementPoint } from './caller.ts'
import { recordDecisions } from './decide.ts'
import { answerOf, type AnswerText, evaluation } from './evaluation.ts'
import { type Evaluation, type EvaluationsBody, problemOf, readEvaluation, type Semantic } from './shapes.ts'
import { judgeIn, openSitting, type SittingNeeds, type Verdict } from './sitting.ts'

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
): Promise<AnswerText> {
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
  return `{"evaluations":[${verdicts.map((verdict, index) => (typeof verdict === 'string' ? errorOf(verdict) : answerOf(verdict, `${id}/${index}`, sitting))).join(',')}]}`
}

/** What a question gets that is none. */
const errorOf = (message: string): string =>
  JSON.stringify({ decision: false, context: { error: { status: 400, message } } })

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
  const mine = own as Readonly<Record<string, unknown>>
  const lacks = ['type', 'id', 'name'].filter((name) => mine[name] === undefined && given[name] !== undefined)
  return lacks.length === 0
    ? own
    : { ...own, ...Object.fromEntries(lacks.map((name) => [name, given[name]])) }
}
