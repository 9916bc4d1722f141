import type { CliRequest } from '#cli-sessions'
import type { Context, Form, Show } from '#http'
import { askAgain, type Visitor } from '#portal'
import { rolesFor } from '#sts'
import type { AwsSsoNeeds } from './needs.ts'
import type { AwsSsoPages } from './pages.ts'

/** Shows what asks and what it would get. */
export async function showApproval(
  needs: AwsSsoNeeds,
  ctx: Context,
  { user, caller, from }: Visitor,
  {
    request,
    action,
    userCode,
  }: { readonly request: CliRequest; readonly action: string; readonly userCode: string | null },
): Promise<void> {
  const options = await rolesFor(needs, {
    by: caller,
    from,
    sessionName: user.name.padEnd(2, '-').slice(0, 64),
  })
  const show: Show<AwsSsoPages> = needs.pages.show
  show(ctx, 'aws-sso/approve', {
    action,
    csrf: needs.forms.token(ctx, action),
    userName: user.name,
    clientName: clientNameOf(request),
    userCode,
    from: userCode === null ? null : { ip: request.ip, userAgent: request.userAgent },
    hours: Math.round(needs.cli.settings.session_seconds / 3_600),
    rolesBehindMfa: options.filter(({ missing }) => missing === 'mfa').length,
  })
}

/** What a client calls itself, for people: the AWS CLI writes `botocore-client-` before the session's name. */
export const clientNameOf = ({ clientName }: Pick<CliRequest, 'clientName'>): string =>
  clientName.replace(/^botocore-client-/, '')

/** Whether the person said yes; anything else is a no. */
export const answerIsYes = (form: Form): boolean => form.get('do') === 'allow'

/** Asks for the second factor, and comes back. */
export const askForMfa = (needs: AwsSsoNeeds, ctx: Context, path: string): Promise<void> =>
  askAgain(needs, ctx, path, { requireMfa: true })
