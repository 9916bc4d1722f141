import { text } from './xml.ts'

/** An answer ready to be sent. */
export type AwsAnswer = { readonly status: number; readonly contentType: string; readonly body: string }

/** What tells a call of some other service apart. */
export type Stranger = {
  /** The X-Amz-Target header, where there is one. */
  readonly target?: string | undefined
  /** Whether the body or query is a Query call (has an Action). */
  readonly query: boolean
  readonly requestId: string
}

const wayOut =
  'This is Signet: it answers STS and IAM, not this service. Your AWS_ENDPOINT_URL sends every service here; ' +
  'set AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_IAM instead, or a services section in the profile, ' +
  'or point this one elsewhere with its own variable (AWS_ENDPOINT_URL_S3 and so on).'

/** `AWS_ENDPOINT_URL` sends other services to us as well: a refusal in the caller's wire that names the way out. */
export function strangerAnswer({ target, query, requestId }: Stranger): AwsAnswer {
  if (target !== undefined) {
    return {
      status: 400,
      contentType: 'application/x-amz-json-1.1',
      body: JSON.stringify({ __type: 'UnknownOperationException', message: wayOut }),
    }
  }
  const body = query
    ? `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>${text(wayOut)}</Message></Error>` +
      `<RequestId>${text(requestId)}</RequestId></ErrorResponse>`
    : `<Error><Code>InvalidRequest</Code><Message>${text(wayOut)}</Message><RequestId>${text(requestId)}</RequestId></Error>`
  return { status: 400, contentType: 'text/xml', body }
}
