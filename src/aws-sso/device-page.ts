import { allowRequest, denyRequest, findByUserCode } from '#cli-sessions'
import { type Context, readQuery, type Show } from '#http'
import { type Visitor, visitorOf } from '#portal'
import { createBuckets } from '#signin'
import { answerIsYes, askForMfa, clientNameOf, showApproval } from './approve.ts'
import type { AwsSsoNeeds } from './needs.ts'
import type { AwsSsoPages } from './pages.ts'

const path = '/aws/device'

/** Guesses of a code: so many per user in so many seconds. */
const mostGuesses = 10
const guessWindowSeconds = 600

/** A code as it is typed: eight letters, in any case, with anything between. */
function readUserCode(text: string): string | undefined {
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, '')
  return /^[A-Z]{8}$/.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined
}

/** `GET /aws/device`: the field for the code, or with `user_code` what asks. */
export async function showDevice(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const given = readUserCode(readQuery(ctx).get('user_code') ?? '')
  const visitor = await visitorOf(needs, ctx, given === undefined ? path : `${path}?user_code=${given}`)
  if (visitor === undefined) return
  if (given === undefined) ask(needs, ctx, visitor, '', 'none')
  else await look(needs, ctx, visitor, given)
}

/** `POST /aws/device`: the code, and then the answer. */
export async function answerDevice(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const form = await needs.forms.read(ctx, path)
  const typed = form.get('user_code') ?? ''
  const userCode = readUserCode(typed)
  if (userCode === undefined) return ask(needs, ctx, visitor, typed.slice(0, 20), 'wrong')
  const decision = form.get('do')
  if (decision === 'mfa') return askForMfa(needs, ctx, `${path}?user_code=${userCode}`)
  if (decision === undefined) return look(needs, ctx, visitor, userCode)
  const request = await guess(needs, visitor, userCode)
  if (request === 'too-many' || request === undefined)
    return ask(needs, ctx, visitor, userCode, request ?? 'wrong')
  if (!answerIsYes(form)) {
    await denyRequest(needs, { ...visitor, request })
    return ask(needs, ctx, visitor, '', 'stopped')
  }
  if (!(await allowRequest(needs, { ...visitor, request })))
    return ask(needs, ctx, visitor, userCode, 'wrong')
  const show: Show<AwsSsoPages> = needs.pages.show
  show(ctx, 'aws-sso/done', { clientName: clientNameOf(request) })
}

/** The request of a code. Wrong ones are counted: there are few letters in it. */
async function guess(needs: AwsSsoNeeds, { user }: Visitor, userCode: string) {
  const buckets = createBuckets(needs)
  const bucket = ['aws-device', user.userId]
  if ((await buckets.charge(bucket, guessWindowSeconds)) > mostGuesses) return 'too-many' as const
  const request = await findByUserCode(needs, userCode)
  if (request !== undefined) await buckets.refund(bucket)
  return request
}

async function look(needs: AwsSsoNeeds, ctx: Context, visitor: Visitor, userCode: string): Promise<void> {
  const request = await guess(needs, visitor, userCode)
  if (request === 'too-many' || request === undefined)
    return ask(needs, ctx, visitor, userCode, request ?? 'wrong')
  return showApproval(needs, ctx, visitor, { request, action: path, userCode })
}

function ask(
  needs: AwsSsoNeeds,
  ctx: Context,
  { user }: Visitor,
  userCode: string,
  problem: AwsSsoPages['aws-sso/device']['problem'],
): void {
  const show: Show<AwsSsoPages> = needs.pages.show
  const page = { csrf: needs.forms.token(ctx, path), userName: user.name, userCode, problem }
  show(ctx, 'aws-sso/device', page, problem === 'none' || problem === 'stopped' ? 200 : 422)
}
