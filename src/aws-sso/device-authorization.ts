import { z } from 'zod'
import { codeOf, newUserCode, parkRequest } from '#cli-sessions'
import { answerJson, type Context, requestInfo } from '#http'
import { authenticateClient, grants, requireGrant } from './clients.ts'
import type { AwsSsoNeeds } from './needs.ts'
import { readBody } from './wire.ts'

const body = z.object({
  clientId: z.string().max(8_192),
  clientSecret: z.string().max(1_024),
  /** A label: nothing is ever fetched from it. */
  startUrl: z.string().min(1).max(2_048),
})

/** `POST /device_authorization` (StartDeviceAuthorization). */
export async function authorizeDevice(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const client = authenticateClient(needs, await readBody(ctx, body))
  requireGrant(client, grants.device)
  const userCode = newUserCode()
  const { id, expiresInSeconds } = await parkRequest(needs, {
    flow: 'sso-device',
    clientId: client.clientId,
    clientName: client.name,
    userCode,
    from: requestInfo(ctx),
  })
  const page = `${needs.publicUrl.origin}/aws/device`
  answerJson(ctx, {
    deviceCode: codeOf(needs.vault, id),
    userCode,
    verificationUri: page,
    verificationUriComplete: `${page}?user_code=${userCode}`,
    expiresIn: expiresInSeconds,
    interval: 5,
  })
}
