import type { Context } from '#http'
import { randomId } from '#kernel'
import type { Factor } from '#sessions'
import type { SigninNeeds } from './needs.ts'
import { ownCookie } from './own-cookie.ts'
import { createPending, saveProgress } from './pending.ts'
import type { Requirement } from './requirement.ts'

/**
 * Begins an interaction.
 *
 * @param request `kind` names the resumer, `reference` is what it gets back; with `ctx` the interaction belongs to that
 *   request's browser at once, without to the first one that opens it
 * @returns the path to send the browser to: `/login/<id>`
 */
export async function begin(
  needs: Pick<SigninNeeds, 'database' | 'clock' | 'jar'>,
  request: {
    readonly kind: string
    readonly reference: string
    readonly requirement: Requirement
    readonly ctx?: Context | undefined
  },
): Promise<string> {
  const id = randomId()
  const path = `/login/${id}`
  const { ctx, ...rest } = request
  const browser = ctx === undefined ? undefined : ownCookie.make(needs.jar, ctx, path)
  await createPending(needs.database, needs.clock, { ...rest, id, browser })
  return path
}

/**
 * Another identity provider said who it is: the way back of `Upstream.start`. The caller has made sure that this is
 * the browser which went there (its `state`); the session begins only where the interaction began.
 *
 * @param request `mfa`: that provider asked for a second factor, and the connection trusts it with that
 * @returns the path to send the browser to
 */
export async function finishUpstream(
  needs: Pick<SigninNeeds, 'database' | 'clock'>,
  request: { readonly pendingId: string; readonly userId: string; readonly mfa: boolean },
): Promise<string> {
  const at = needs.clock().toString()
  const factors: readonly Factor[] = request.mfa ? ['upstream', 'upstream-mfa'] : ['upstream']
  await saveProgress(needs.database, request.pendingId, {
    proofs: factors.map((factor) => ({ factor, at })),
    userId: request.userId,
    // Whoever was signed in here before: this is who came back.
    ignoresSession: true,
  })
  return `/login/${request.pendingId}`
}
