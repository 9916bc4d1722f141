import type { TotpEnrolment } from '#mfa'
import type { StepForm } from '#signin'

/** The navigation beside every portal page. */
export type Nav = {
  readonly userName: string
  readonly current: 'apps' | 'roles' | 'account'
  readonly csrf: string
}

/** One way to use credentials, with lines to copy. */
export type Way = {
  readonly id: string
  readonly label: string
  readonly text: string
  readonly snippet: string
  readonly open: boolean
}

/** The pages of this slice and what each is given. Times are ISO 8601 in UTC. */
export type PortalPages = {
  'portal/apps': {
    readonly nav: Nav
    readonly apps: readonly {
      readonly name: string
      readonly initials: string
      /** Where the tile leads; `null` without an address to go to. */
      readonly href: string | null
      readonly host: string
      /** A form that begins a SAML sign-in from here. */
      readonly launch: { readonly action: string; readonly csrf: string } | null
    }[]
  }
  'portal/roles': {
    readonly nav: Nav
    readonly problem: string | null
    readonly accounts: readonly {
      readonly id: string
      readonly name: string
      readonly roles: readonly {
        readonly arn: string
        readonly name: string
        readonly description: string
        /** Only a second factor is missing. */
        readonly needsMfa: boolean
        /** Hours. */
        readonly longestSession: number
      }[]
    }[]
  }
  'portal/role': {
    readonly nav: Nav
    readonly role: { readonly name: string; readonly accountId: string; readonly accountName: string }
    readonly assumedRoleArn: string
    readonly expiresAt: string
    /** In words, as it was when the page was made. */
    readonly timeLeft: string
    readonly ways: readonly Way[]
  }
  /** How a command line logs in to a role. */
  'portal/access': {
    readonly nav: Nav
    readonly role: {
      readonly arn: string
      readonly name: string
      readonly accountId: string
      readonly accountName: string
    }
    readonly ways: readonly Way[]
  }
  'portal/account': {
    readonly nav: Nav
    readonly userArn: string
    readonly problem: string | null
    readonly notice: string | null
    readonly factors: readonly {
      readonly id: string
      readonly kind: 'totp'
      readonly serialNumber: string | null
      readonly since: string
    }[]
    readonly codesLeft: number
    /** `null` when the user has no password here. */
    readonly passwordSince: string | null
    readonly minimumLength: number
    readonly errors: { readonly current?: string; readonly new?: string }
    readonly sessions: readonly {
      /** Names the session in a form; not its id, which is a secret. */
      readonly handle: string
      readonly current: boolean
      readonly device: string
      readonly address: string
      readonly lastSeen: string
      readonly since: string
    }[]
    /** Command lines that act for the user. */
    readonly commandLines: readonly {
      readonly id: string
      readonly way: 'sso' | 'login'
      readonly client: string
      readonly address: string
      readonly lastUsed: string
      readonly until: string
    }[]
    readonly languages: readonly { readonly tag: string; readonly name: string }[]
  }
  'portal/totp': {
    readonly nav: Nav
    readonly form: StepForm
    readonly problem: string | null
    readonly totp: TotpEnrolment
  }
  'portal/recovery-codes': { readonly nav: Nav; readonly form: StepForm; readonly codes: readonly string[] }
  /** Asks for a fresh code before a sensitive change, carrying what was asked for. */
  'portal/confirm': {
    readonly nav: Nav
    readonly action: string
    readonly problem: string | null
    readonly carried: readonly (readonly [name: string, value: string])[]
  }
}
