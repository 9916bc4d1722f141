import type { StsNeeds } from '#sts'

/** What this face takes. */
export type RolesAnywhereNeeds = { readonly sts: StsNeeds }
