import { z } from 'zod'
import { answerJson, type Context } from '#http'
import { refuse } from '#kernel'
import { grants, isLoopback, portalScope, registerClient } from './clients.ts'
import type { AwsSsoNeeds } from './needs.ts'
import { readBody } from './wire.ts'

const body = z.object({
  clientName: z.string().min(1).max(255),
  clientType: z.string(),
  scopes: z.array(z.string()).max(50).nullish(),
  grantTypes: z.array(z.string()).max(10).nullish(),
  redirectUris: z.array(z.string().max(2_048)).max(10).nullish(),
})

/** `POST /client/register` (RegisterClient). Anonymous, so it is bounded by address and keeps nothing. */
export async function register(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const { clientName, clientType, scopes, grantTypes, redirectUris } = await readBody(ctx, body)
  if (clientType !== 'public')
    refuse('malformed', 'aws-sso/invalid-client-metadata', 'The client type must be public.')
  if (scopes?.some((scope) => scope !== portalScope) === true)
    refuse('malformed', 'aws-sso/invalid-scope', `The scope that is offered is ${portalScope}.`)
  const known: readonly string[] = Object.values(grants)
  if (grantTypes?.some((grant) => !known.includes(grant)) === true)
    refuse(
      'malformed',
      'aws-sso/unsupported-grant-type',
      `The grant types that are offered are ${known.join(', ')}.`,
    )
  const wanted = grantTypes ?? [grants.device, grants.refresh]
  const redirects = redirectUris ?? []
  if (!redirects.every(isLoopback) || (wanted.includes(grants.code) && redirects.length === 0))
    refuse(
      'malformed',
      'aws-sso/invalid-redirect-uri',
      'A redirect URI must be http on a loopback address, such as http://127.0.0.1/oauth/callback.',
    )
  const made = registerClient(needs, { name: clientName, grantTypes: wanted, redirectUris: redirects })
  const { origin } = needs.publicUrl
  answerJson(ctx, {
    clientId: made.clientId,
    clientSecret: made.clientSecret,
    clientIdIssuedAt: made.issuedAt,
    clientSecretExpiresAt: made.expiresAt,
    authorizationEndpoint: `${origin}/authorize`,
    tokenEndpoint: `${origin}/token`,
  })
}
