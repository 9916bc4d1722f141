import { type Audit, systemIdentity } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import { createUser, setPasswordHash, type User } from '#directory'
import { type Context, type CookieJar, requestInfo } from '#http'
import { attachPolicy, createAccount, createOrganization } from '#iam'
import { type Clock, refuse, Secret } from '#kernel'
import { addTotp, replaceRecoveryCodes } from '#mfa'
import type { Sessions } from '#sessions'
import { beginSession } from '#signin'
import { type Draft, redeemSetupLink } from './link.ts'

/** What claiming takes. */
export type ClaimNeeds = {
  readonly database: Database
  readonly clock: Clock
  readonly vault: Vault
  readonly audit: Audit
  readonly sessions: Sessions
  readonly jar: CookieJar
}

const administratorAccess = 'arn:aws:iam::aws:policy/AdministratorAccess'

/**
 * Makes the organization, its home account and the first administrator, and signs the browser in: all of it or nothing,
 * once.
 *
 * @throws Failure expired setup/link-over, conflict iam/claimed
 */
export async function claim(needs: ClaimNeeds, ctx: Context, token: string, draft: Draft): Promise<User> {
  const { clock } = needs
  const { confirmedStep, codes } = draft
  if (confirmedStep === undefined || codes === undefined)
    refuse('conflict', 'setup/unfinished', 'The authenticator app is not confirmed yet.')
  return needs.database.transaction(async (tx) => {
    await redeemSetupLink(tx, clock, token)
    const { accountId } = await createAccount(tx, clock, { name: draft.organization })
    await createOrganization(tx, clock, { name: draft.organization, homeAccountId: accountId })
    const user = await createUser(tx, clock, {
      accountId,
      name: draft.userName,
      mail: draft.mail,
      // Whoever holds the setup link owns the instance: there is nobody above who could vouch for the address.
      mailVerified: true,
    })
    await setPasswordHash(tx, clock, { userId: user.userId, phc: draft.phc })
    await attachPolicy(tx, user.userId, administratorAccess)
    const device = await addTotp(tx, needs, { user, seed: new Secret(draft.seed), lastStep: confirmedStep })
    const by = systemIdentity('setup')
    const request = requestInfo(ctx)
    const told = { by, request, accountId }
    await needs.audit.record(tx, {
      ...told,
      source: 'organizations',
      name: 'CreateOrganization',
      parameters: { name: draft.organization, accountId },
    })
    await needs.audit.record(tx, {
      ...told,
      source: 'iam',
      name: 'CreateUser',
      parameters: { userName: user.name },
      response: { arn: user.arn, userId: user.userId },
    })
    await needs.audit.record(tx, {
      ...told,
      source: 'iam',
      name: 'CreateLoginProfile',
      parameters: { userName: user.name },
    })
    await needs.audit.record(tx, {
      ...told,
      source: 'iam',
      name: 'AttachUserPolicy',
      parameters: { userName: user.name, policyArn: administratorAccess },
    })
    await needs.audit.record(tx, {
      ...told,
      source: 'iam',
      name: 'EnableMFADevice',
      parameters: { userName: user.name, serialNumber: device.serialNumber },
    })
    await replaceRecoveryCodes(tx, needs, { user, by, request, codes })
    const at = clock()
    await beginSession(tx, needs, ctx, {
      user,
      proofs: [
        { factor: 'password', at },
        { factor: 'totp', at },
      ],
    })
    return user
  })
}
