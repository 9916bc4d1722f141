import type { Requirement, SignInResult } from '#signin'
import type { OidcNeeds } from './needs.ts'
import { refuse } from '#kernel'
import { signedIn } from '#sessions'
import type { Interaction } from 'oidc-provider'
import type { Clients } from './clients.ts'
import type { Provider } from './library.ts'
import { requirementOf } from './requirement.ts'

type Providing = InstanceType<typeof Provider>

/** What an interaction asks of signin: the request's requirement, and a new proof where the request insists on one. */
export async function requirementOfInteraction(
  needs: { readonly clients: Clients; readonly clock: OidcNeeds['clock'] },
  interaction: Interaction,
): Promise<Requirement> {
  const clientId = String(interaction.params['client_id'])
  const client = await needs.clients.find(clientId)
  if (client === undefined) return refuse('not-found', 'oidc/client-gone', 'This app is no longer here.')
  const requirement = requirementOf(client, interaction.params)
  const { reasons } = interaction.prompt
  const insists = ['login_prompt', 'select_account_prompt', 'subject'].some((each) => reasons.includes(each))
  return insists ? { ...requirement, forceSince: needs.clock() } : requirement
}

/**
 * Ends an interaction that signin was handed: signin's resumer of kind `oidc`.
 *
 * @returns the URL where the request goes on
 * @throws Failure expired oidc/interaction-gone
 */
export async function resume(provider: Providing, uid: string, result: SignInResult): Promise<string> {
  const interaction = await provider.Interaction.find(uid)
  if (interaction === undefined)
    return refuse(
      'expired',
      'oidc/interaction-gone',
      'This sign-in took too long. Go back to the app and start again.',
    )
  return finish(
    interaction,
    result.state === 'signed-in'
      ? {
          login: {
            accountId: result.user.userId,
            ts: Math.floor(signedIn(result.session).authTime.epochMilliseconds / 1000),
            acr: signedIn(result.session).acr,
            amr: [...signedIn(result.session).amr],
          },
          // Who signs in has chosen who to be.
          select_account: {},
        }
      : { error: 'access_denied', error_description: result.reason },
  )
}

/** Stores how an interaction ended, on top of what it had settled before. @returns the URL where the request goes on */
export async function finish(interaction: Interaction, result: object): Promise<string> {
  interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result }
  await interaction.persist()
  return interaction.returnTo
}
