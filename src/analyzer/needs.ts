import type { Database } from '#database'
import type { AuthorizeNeeds } from '#iam'
import type { Clock } from '#kernel'

/** What access analysis stands on. */
export type AnalyzerNeeds = AuthorizeNeeds & { readonly database: Database; readonly clock: Clock }
