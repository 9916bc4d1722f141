import { errors, type JWTVerifyGetKey } from 'jose'

import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import type { BuiltInPolicies, Memory } from '#iam'
import { type Clock, random } from '#kernel'
import type { Keys } from '#keys'
import { cachedMetadataReader, verifyStsAssertion } from '#saml'
import type { Epochs } from '#sessions'
import { dayKeyCache } from '#sigv4'

import { countAssertionUses } from './assertion-uses.ts'
import { costlyChecks } from './costly-checks.ts'
import type { StsSettings } from './config.ts'
import { issuerKeys } from './issuer-keys.ts'
import { keyUses } from './key-uses.ts'
import type { StsNeeds } from './needs.ts'
import { guardedFetch } from './outgoing.ts'
import { rememberOpened } from './opened-tokens.ts'
import { remembered } from './remembered.ts'
import { sessionTokens } from './session-token.ts'
import { signedSessions } from './signed-session.ts'

/** What the application has, and STS is made of. */
export type OpenStsNeeds = {
  readonly database: Database
  readonly builtInPolicies: BuiltInPolicies
  readonly memory?: Memory | undefined
  readonly vault: Vault
  readonly clock: Clock
  readonly audit: Audit
  readonly epochs: Epochs
  readonly keys: Pick<Keys, 'list' | 'active'>
  readonly publicUrl: URL
  /** Our OpenID issuer, as our tokens name it. */
  readonly issuer: string
  readonly samlEntityId: string
  readonly verifyMfa: StsNeeds['verifyMfa']
  readonly userOfOwnAssertion?: StsNeeds['userOfOwnAssertion'] | undefined
  readonly settings: StsSettings
  readonly log: { warn(fields: object, message: string): void }
}

/** Puts STS together: sealing, caches and fetchers of this process. */
export function openSts(needs: OpenStsNeeds): StsNeeds {
  const { database, builtInPolicies, vault, clock, audit, epochs, keys, publicUrl, issuer, log } = needs
  const byDiscovery = issuerKeys({
    clock,
    fetchJson: guardedFetch({ allowedHosts: needs.settings.allowed_issuer_hosts }),
  })
  const readMetadata = cachedMetadataReader()
  return {
    database,
    builtInPolicies,
    memory: needs.memory,
    vault,
    clock,
    audit,
    epochs,
    publicUrl,
    keys,
    issuer,
    ...remembered({ database, vault, memory: needs.memory, epochs }),
    samlEntityId: needs.samlEntityId,
    verifyMfa: needs.verifyMfa,
    userOfOwnAssertion: needs.userOfOwnAssertion ?? (async () => undefined),
    tokens: rememberOpened(
      sessionTokens({
        derive: vault.derive,
        random,
        clock,
        signed: signedSessions({ keys, issuer: publicUrl.origin }),
      }),
    ),
    verifiableSessions: needs.settings.verifiable_sessions,
    dayKeys: dayKeyCache(),
    costly: costlyChecks({ clock }),
    noteUse: keyUses({ database, failed: (thrown) => log.warn({ err: thrown }, 'a key use was not noted') }),
    keysOf: async (name) => (name === issuer ? ownKeys(keys) : byDiscovery(name)),
    verifySaml: (request) => verifyStsAssertion({ readMetadata }, request),
    assertionUses: countAssertionUses(),
  }
}

/** Our own verification keys, without asking ourselves over HTTP. */
const ownKeys =
  (keys: Pick<Keys, 'list'>): JWTVerifyGetKey =>
  ({ kid, alg }) => {
    const key = keys.list('oidc').find((each) => each.kid === kid && each.alg === alg)
    if (key === undefined) throw new errors.JWKSNoMatchingKey()
    return key.publicKey
  }
