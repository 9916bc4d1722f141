/** The pages of this slice and what each is given. */
export type FederationUrlPages = {
  /** Before another session of this browser is put aside. */
  'federation-url/ask': {
    readonly csrf: string
    readonly arn: string
    /** Who made the link, as it says of itself; empty when it does not. */
    readonly issuer: string
    /** Whose session ends here. */
    readonly present: string
    readonly token: string
    readonly destination: string
  }
  'federation-url/session': {
    readonly csrf: string
    readonly arn: string
    readonly accountId: string
    readonly until: string
  }
}
