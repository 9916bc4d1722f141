import { clientIdentity } from '#audit'
import { findRegistration, listAppResources } from '#apps'
import type { Vault } from '#crypto'
import { listActiveUsers, nameKey } from '#directory'
import type { RequestInfo } from '#http'
import { judgeOf, judgesOf, userCaller } from '#iam'
import type { Clock } from '#kernel'
import type { EnforcementPoint } from './caller.ts'
import { readPageToken, writePageToken } from './page-token.ts'
import type { SearchBody, SearchKind } from './shapes.ts'
import { elsewhere, judgeFor, type Known, type SittingNeeds, storedResources } from './sitting.ts'
import { subjectOf } from './subject.ts'

/** What searching takes. */
export type SearchNeeds = SittingNeeds & { readonly vault: Vault; readonly clock: Clock }

/** The answer to a search: entities of the type that was searched, each of which a decision allows. */
export type SearchAnswer = {
  readonly results: readonly ({ readonly type: string; readonly id: string } | { readonly name: string })[]
  readonly page: { readonly next_token: string; readonly count: number }
}

type Asking<Kind extends SearchKind> = {
  readonly point: EnforcementPoint
  readonly from: RequestInfo
  readonly body: SearchBody<Kind>
}

const mostResults = 1_000
/** How many candidates are looked at for one page: a page may be shorter than asked, and says how to go on. */
const mostCandidates = 5_000
const chunk = 500

/** Who may do this to that (§8.4): the active users of the app's account, each judged. */
export async function searchSubjects(needs: SearchNeeds, asked: Asking<'subject'>): Promise<SearchAnswer> {
  const { point, body } = asked
  const from = elsewhere(asked.from)
  if (body.subject.type !== 'user') return record(needs, asked, 'SearchSubject', finish([]))
  const stored = (await storedResources(needs, point, [body.resource])).get(
    `${body.resource.type}\n${body.resource.id}`,
  )
  return paged(needs, asked, 'SearchSubject', async (after, limit) => {
    const users = await listActiveUsers(needs.database, { accountId: point.app.accountId, after, limit })
    const callers = users.map((user) => userCaller(user))
    const judges = await judgesOf(needs, { callers, from })
    return callers.map((caller, index) => {
      const judge = judges[index]
      const known: Known | undefined = judge && { caller, judge }
      const { decision } = judgeFor(point, known, body, stored)
      return {
        cursor: nameKey(caller.user.name),
        result: decision?.effect === 'Allow' ? { type: 'user', id: caller.user.name } : undefined,
      }
    })
  })
}

/** On which resources the subject may do this (§8.5): those of a type that the app keeps an inventory of. */
export async function searchResources(needs: SearchNeeds, asked: Asking<'resource'>): Promise<SearchAnswer> {
  const { point, body } = asked
  const { appId } = point.app
  const { resourceTypes } = await findRegistration(needs.database, appId)
  const { type } = body.resource
  const known = await lookUp(needs, asked)
  if (known === undefined || !resourceTypes.some(({ name, inventory }) => inventory && name === type))
    return record(needs, asked, 'SearchResource', finish([]))
  return paged(needs, asked, 'SearchResource', async (after, limit) => {
    const resources = await listAppResources(needs.database, { appId, type, after, limit })
    return resources.map((stored) => {
      const { id } = stored
      const question = { ...body, resource: { type, id, properties: body.resource.properties } }
      const { decision } = judgeFor(point, known, question, stored)
      return { cursor: id, result: decision?.effect === 'Allow' ? { type, id } : undefined }
    })
  })
}

/** What the subject may do to the resource (§8.6), of the actions that the app registered for its type. */
export async function searchActions(needs: SearchNeeds, asked: Asking<'action'>): Promise<SearchAnswer> {
  const { point, body } = asked
  const { actions } = await findRegistration(needs.database, point.app.appId)
  const known = await lookUp(needs, asked)
  const { resource } = body
  const stored = (await storedResources(needs, point, [resource])).get(`${resource.type}\n${resource.id}`)
  const fitting =
    known === undefined
      ? []
      : actions
          .filter((each) => each.resourceTypes.length === 0 || each.resourceTypes.includes(resource.type))
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return paged(needs, asked, 'SearchAction', async (after, limit) =>
    fitting
      .filter(({ name }) => after === undefined || name > after)
      .slice(0, limit)
      .map(({ name }) => {
        const { decision } = judgeFor(point, known, { ...body, action: { name } }, stored)
        return { cursor: name, result: decision?.effect === 'Allow' ? { name } : undefined }
      }),
  )
}

async function lookUp(
  needs: SearchNeeds,
  { point, from, body }: Asking<'resource' | 'action'>,
): Promise<Known | undefined> {
  const caller = await subjectOf(needs, point, body.subject)
  return caller && { caller, judge: await judgeOf(needs, { caller, from: elsewhere(from) }) }
}

type Found = SearchAnswer['results'][number]
type Candidate = { readonly cursor: string; readonly result: Found | undefined }

const finish = (results: readonly Found[], next = ''): SearchAnswer => ({
  page: { next_token: next, count: results.length },
  results,
})

/** Collects one page out of candidates that come in chunks, in the order of their cursors. */
async function paged(
  needs: SearchNeeds,
  asked: Asking<SearchKind>,
  event: string,
  read: (after: string | undefined, limit: number) => Promise<readonly Candidate[]>,
): Promise<SearchAnswer> {
  const { point, body } = asked
  const { page, ...question } = body
  const request = { event, clientId: point.clientId, question }
  const start =
    page?.token === undefined || page.token === '' ? undefined : readPageToken(needs, request, page.token)
  const limit = Math.min(page?.limit ?? start?.limit ?? mostResults, mostResults)
  const results: Found[] = []
  let after = start?.after
  for (let looked = 0; looked < mostCandidates;) {
    const candidates = await read(after, chunk)
    for (const { cursor, result } of candidates) {
      if (result !== undefined && results.length === limit) return more(results)
      if (result !== undefined) results.push(result)
      after = cursor
    }
    looked += candidates.length
    if (candidates.length < chunk) return record(needs, asked, event, finish(results))
  }
  return more(results)

  function more(found: readonly Found[]): Promise<SearchAnswer> {
    const token = writePageToken(needs, request, { after: after ?? '', limit })
    return record(needs, asked, event, finish(found, token))
  }
}

/** Writes down that somebody searched, and how much was found. */
async function record(
  needs: SearchNeeds,
  { point, from, body }: Asking<SearchKind>,
  name: string,
  answer: SearchAnswer,
): Promise<SearchAnswer> {
  const named = (entity: { readonly type?: string; readonly id?: string } | undefined) =>
    entity && { type: entity.type, ...(entity.type === 'user' ? { id: entity.id } : {}) }
  await needs.audit.recordSoon({
    source: 'access',
    name,
    by: clientIdentity(point.clientId),
    request: from,
    accountId: point.app.accountId,
    parameters: {
      subject: named(body.subject),
      ...('action' in body ? { action: body.action.name } : {}),
      resource: { type: body.resource.type, ...('id' in body.resource ? { id: body.resource.id } : {}) },
    },
    response: { found: answer.results.length },
    readOnly: true,
  })
  return answer
}
