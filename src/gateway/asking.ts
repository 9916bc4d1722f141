import { findAppResources } from '#apps'
import { callerIdentity, judgeOf, policyFrom, recalled, refusalWords } from '#iam'
import { Failure } from '#kernel'
import type { PolicyRef } from '#policy'
import type { SignedCaller } from '#sts'
import type { Headers } from './headers.ts'
import { conditionKeys } from './keys.ts'
import type { Arrival, S3Needs } from './needs.ts'
import type { Operation } from './operations.ts'
import { arnOf, type Place } from './place.ts'

/** An action on a place, or on one version of what is there. */
export type Demand = {
  readonly action: string
  readonly place: Place
  /** Named elsewhere than in the query. */
  readonly versionId?: string | undefined
}

/** What may be asked about one request. */
export type Asking = {
  /** Why the first of these demands that is denied is; that decision is then in the audit log. */
  refusalOf(demands: readonly Demand[]): Promise<Failure | undefined>
  /** Notes that what the request does to these places is allowed. */
  noteAllowed(places: readonly Place[]): Promise<void>
}

/** How many resources make an audit event as large as another event. */
const resourcesPerWeight = 10

/** Asks the one decision path for what a request needs, and notes what it said. */
export async function askingOf(
  needs: S3Needs,
  request: {
    readonly arrival: Arrival
    readonly signed: SignedCaller & { readonly form: 'header' | 'presigned' }
    readonly operation: Operation
    readonly query: ReadonlyMap<string, string>
    readonly headers: Headers
  },
): Promise<Asking> {
  const { arrival, signed, operation, query, headers } = request
  const { app } = arrival.app
  const { from } = arrival
  const { caller } = signed
  const prefix = app.servicePrefix ?? 's3'
  const context = conditionKeys({
    prefix,
    query,
    headers,
    form: signed.form,
    algorithm: signed.algorithm,
    age: ageOf(headers.get('x-amz-date') ?? query.get('X-Amz-Date') ?? '', from.at),
    region: signed.region,
  })
  const judge = await judgeOf(needs, { caller, from })
  const note = (told: object, arns: readonly string[]): Promise<void> | undefined =>
    needs.audit.note(
      {
        source: 'gateway',
        name: operation.name,
        by: { ...callerIdentity(caller), invokedBy: app.arn },
        request: from,
        accountId: app.accountId,
        region: signed.region,
        parameters: { resource: arns[0] ?? '*', host: arrival.original.host },
        resources: arns.map((ARN) => ({ ARN })),
        readOnly: arrival.original.method === 'GET' || arrival.original.method === 'HEAD',
        ...told,
      },
      Math.ceil(arns.length / resourcesPerWeight),
    )
  return {
    async refusalOf(demands) {
      for (const { action, place, versionId } of demands) {
        const arn = arnOf(prefix, place)
        const named = `${prefix}:${action}`
        const decision = judge({
          action: named,
          resource: { arn, accountId: app.accountId },
          context: versionId === undefined ? context : [...context, [`${prefix}:VersionId`, versionId]],
          resourcePolicy:
            place.bucket === undefined ? undefined : await bucketPolicy(needs, arrival, place.bucket),
        })
        if (decision.effect === 'Allow') continue
        const { effect, layer, statements, because } = decision
        await note(
          {
            response: { decision: effect, layer, statements },
            error: { code: 'AccessDenied', message: because },
          },
          [arn],
        )
        return new Failure(
          'forbidden',
          'gateway/denied',
          refusalWords({ caller, action: named, arn }, decision),
          { because },
        )
      }
      return undefined
    },
    async noteAllowed(places) {
      await note(
        { response: { decision: 'Allow' } },
        places.map((place) => arnOf(prefix, place)),
      )
    },
  }
}

/** Since when a request is signed; its date was verified. */
const ageOf = (date: string, now: Temporal.Instant): Temporal.Duration =>
  now.since(
    Temporal.Instant.from(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')),
  )

/** The bucket's policy, where the app has a resource of the type `bucket` with one. */
async function bucketPolicy(
  needs: S3Needs,
  { app: { app } }: Arrival,
  bucket: string,
): Promise<PolicyRef | undefined> {
  const [ref] = await recalled(needs, `bucket ${app.appId} ${bucket}`, async () => {
    const found = await findAppResources(needs.database, app.appId, [{ type: 'bucket', id: bucket }])
    return found.flatMap(({ policy }): PolicyRef[] =>
      policy === undefined
        ? []
        : [{ id: `bucket policy of ${bucket}`, policy: policyFrom(policy, 'resource') }],
    )
  })
  return ref
}
