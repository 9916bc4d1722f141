import { refuse } from '#kernel'

/** Refuses a session token: in the same words, whatever is wrong with it. @throws Failure unauthenticated `sts/invalid-token` */
export const refuseToken = (): never =>
  refuse('unauthenticated', 'sts/invalid-token', 'The security token included in the request is invalid.')
