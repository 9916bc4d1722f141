/** The pages of this slice and what each is given. */
export type AwsLoginPages = {
  /** What the command line is to act as. */
  'aws-login/choose': {
    readonly action: string
    readonly csrf: string
    readonly userName: string
    readonly userArn: string
    /** The command line runs on another machine: the code is shown here, to be typed there. */
    readonly otherDevice: boolean
    readonly hours: number
    readonly accounts: readonly {
      readonly id: string
      readonly name: string
      readonly roles: readonly {
        readonly arn: string
        readonly name: string
        readonly description: string
        readonly needsMfa: boolean
      }[]
    }[]
    readonly problem: string | null
  }
  'aws-login/code': {
    /** To be pasted into the command line. */
    readonly code: string
    readonly ip: string
    readonly userAgent: string
  }
  'aws-login/stopped': Readonly<Record<string, never>>
}
