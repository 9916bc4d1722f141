import { refuse } from '#kernel'

import type { Handlers } from '../call.ts'

/**
 * Service-specific credentials: no service here takes them, so nobody has any. Clients that clean up a user ask all the
 * same (Terraform's `force_destroy`).
 */
export const serviceCredentials = {
  ListServiceSpecificCredentials: ({ input }) =>
    input.ServiceName === undefined
      ? Promise.resolve({ ServiceSpecificCredentials: [], IsTruncated: false })
      : refuse(
          'not-found',
          'iam-api/service-not-supported',
          `The service ${input.ServiceName} does not support service-specific credentials.`,
        ),
} satisfies Handlers
