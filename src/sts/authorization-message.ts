import type { Vault } from '#crypto'
import { isFailure, refuse } from '#kernel'
import type { ContextValue, Decision } from '#policy'

/** A denied request, as the message about it tells. */
export type DeniedRequest = {
  readonly accountId: string
  readonly principal: { readonly id: string; readonly arn: string; readonly name?: string | undefined }
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
  readonly decision: Decision
}

const maxCharacters = 10_240
const label = (accountId: string): string => `sts/authz-msg/${accountId}`

/**
 * Why a request was denied, sealed for callers of the same account who may decode it. Undefined where the record
 * would be too long for the wire.
 */
export function encodeAuthorizationMessage(
  { vault }: { readonly vault: Pick<Vault, 'seal'> },
  { accountId, principal, action, resource, context, decision }: DeniedRequest,
): string | undefined {
  const record = {
    allowed: decision.effect === 'Allow',
    explicitDeny: decision.explicit,
    matchedStatements: {
      items: decision.statements.map(({ policy, version, sid, index }) => ({
        statementId: sid ?? '',
        policy,
        version,
        index,
        effect: decision.explicit ? 'DENY' : 'ALLOW',
      })),
    },
    failures: { items: [] },
    because: decision.because,
    context: {
      principal,
      action,
      resource,
      conditions: {
        items: [...context].map(([key, value]) => ({
          key,
          values: { items: (typeof value === 'string' ? [value] : value).map((each) => ({ value: each })) },
        })),
      },
    },
  }
  const sealed = vault.seal(JSON.stringify(record), label(accountId)).toString('base64url')
  return sealed.length <= maxCharacters ? sealed : undefined
}

/**
 * Opens what `encodeAuthorizationMessage` sealed for this account.
 *
 * @throws Failure malformed `sts/invalid-authorization-message`
 */
export function decodeAuthorizationMessage(
  { vault }: { readonly vault: Pick<Vault, 'open'> },
  accountId: string,
  message: string,
): string {
  try {
    return vault.open(Buffer.from(message, 'base64url'), label(accountId)).toString()
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    return refuse('malformed', 'sts/invalid-authorization-message', 'The encoded message is not valid.')
  }
}
