/** The pages of this slice and what each is given. */
export type AwsSsoPages = {
  'aws-sso/device': {
    readonly csrf: string
    readonly userName: string
    readonly userCode: string
    readonly problem: 'none' | 'wrong' | 'stopped' | 'too-many'
  }
  /** What asks, from where, and what it would get; the person says yes or no. */
  'aws-sso/approve': {
    readonly action: string
    readonly csrf: string
    readonly userName: string
    readonly clientName: string
    /** The code to compare; `null` where the request came through this browser. */
    readonly userCode: string | null
    /** Where a device asked from; `null` for this browser. */
    readonly from: { readonly ip: string; readonly userAgent: string } | null
    readonly hours: number
    /** Roles that only a second factor keeps away. */
    readonly rolesBehindMfa: number
  }
  'aws-sso/done': { readonly clientName: string }
}
