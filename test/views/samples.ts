import { renderSVG } from 'uqr'
import type { HttpPages } from '#http'
import type { PortalPages } from '#portal'
import type { SetupPages } from '#setup'
import type { SigninPages } from '#signin'

type AllPages = HttpPages & SigninPages & SetupPages & PortalPages

const form = { action: '/login/abc', csrf: 'csrf-token', step: 'step-token' }
const app = { name: 'Grafana <Ops & "Dev">' }
const nav = { userName: 'alice', current: 'apps', csrf: 'csrf-token' } as const
const totp = {
  qrSvg: renderSVG('otpauth://totp/Signet:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Signet'),
  secretInGroups: 'JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP',
}
const codes = Array.from({ length: 10 }, (_, index) => `ABCD-EFGH-IJKL-MNOP-QRST-UVW${'234567ABCD'[index]}`)
const at = '2026-11-22T09:30:00Z'
const long = 'a-very-long-user-name-that-somebody-really-has.and-then-some-more@department.example.com'

/** Every page with the props of one typical and, where it matters, one awkward case. */
export const samples: { readonly [Name in keyof AllPages]: readonly AllPages[Name][] } = {
  'http/error': [
    {
      title: 'The app sent a wrong address',
      message: 'The address to return to is not one of this app’s.',
      side: 'request',
      requestId: '3f1c2a9e-6d0b-4f6e-9a57-0c2f1f1b7a11',
      action: null,
    },
    {
      title: 'Something went wrong',
      message: 'The page could not be made.',
      side: 'server',
      requestId: '3f1c2a9e-6d0b-4f6e-9a57-0c2f1f1b7a11',
      action: { href: '/', label: 'Go to the start page' },
    },
  ],
  'http/not-found': [{ requestId: '3f1c2a9e-6d0b-4f6e-9a57-0c2f1f1b7a11' }],
  'signin/identify': [
    {
      form,
      app,
      problem: null,
      notice: null,
      identifier: '',
      connections: [
        { id: 'google', label: 'Google' },
        { id: 'entra', label: 'Contoso Entra ID' },
      ],
    },
    {
      form,
      app: null,
      problem: 'That user name and password do not match. Check both and try again.',
      notice: 'That sign-in took too long, so it starts again here.',
      identifier: long,
      connections: [],
    },
  ],
  'signin/password': [
    { form, app, problem: null, identifier: 'alice@example.com' },
    { form, app: null, problem: 'That user name and password do not match.', identifier: long },
  ],
  'signin/new-password': [
    { form, app: null, problem: null, identifier: 'alice' },
    { form, app: null, problem: 'Use at least 15 characters.', identifier: 'alice' },
  ],
  'signin/factor-totp': [
    { form, app, problem: null, identifier: 'alice@example.com', hasRecoveryCodes: true },
    { form, app: null, problem: 'That code is not right.', identifier: long, hasRecoveryCodes: false },
  ],
  'signin/recovery-code': [
    { form, app, problem: null, identifier: 'alice@example.com' },
    { form, app, problem: 'That code is not right.', identifier: 'alice@example.com' },
  ],
  'signin/enrol-totp': [
    { form, app, problem: null, totp },
    { form, app: null, problem: 'That code is not right.', totp },
  ],
  'signin/recovery-codes': [{ form, codes }],
  'signin/denied': [
    { form, app, identifier: 'alice', reason: 'No policy allows it.', requestId: '3f1c2a9e' },
    { form, app: null, identifier: 'alice', reason: 'No policy allows it.', requestId: '3f1c2a9e' },
  ],
  'signin/go': [{ target: 'https://grafana.example.com/login/generic_oauth?code=a&state="<b>' }],
  'signin/sign-out': [{ userName: 'alice', csrf: 'csrf-token' }],
  'signin/signed-out': [
    { told: [], notTold: [] },
    { told: ['Grafana'], notTold: ['Nextcloud', 'GitLab'] },
  ],
  'setup/unclaimed': [{}],
  'setup/stale-link': [{ why: 'unknown' }, { why: 'expired' }, { why: 'claimed' }],
  'setup/welcome': [
    { form, errors: {}, values: { organization: '', userName: '', mail: '' }, strength: null },
    {
      form,
      errors: {
        userName: 'Use 1 to 64 letters.',
        password: 'This password is on lists of common passwords.',
      },
      values: { organization: 'Acme & Sons', userName: 'alice smith', mail: 'alice@example.com' },
      strength: 1,
    },
  ],
  'setup/totp': [
    { form, problem: null, totp },
    { form, problem: 'That code is not right.', totp },
  ],
  'setup/recovery-codes': [{ form, codes }],
  'portal/apps': [
    { nav, apps: [] },
    {
      nav: { ...nav, userName: long },
      apps: [
        {
          name: 'Grafana',
          initials: 'G',
          href: 'https://grafana.example.com/',
          host: 'grafana.example.com',
          launch: null,
        },
        { name: 'Wiki <b>', initials: 'W', href: null, host: '', launch: null },
        {
          name: 'Nextcloud',
          initials: 'N',
          href: null,
          host: '',
          launch: { action: '/saml/launch/1', csrf: 'x' },
        },
        ...Array.from({ length: 8 }, (_, index) => ({
          name: `App number ${index}`,
          initials: 'A',
          href: `https://app${index}.example.com/`,
          host: `app${index}.example.com`,
          launch: null,
        })),
      ],
    },
  ],
  'portal/roles': [
    { nav: { ...nav, current: 'roles' }, problem: null, accounts: [] },
    {
      nav: { ...nav, current: 'roles' },
      problem: 'This role needs a second factor.',

      accounts: [
        {
          id: '111122223333',
          name: 'Acme production',
          roles: [
            {
              arn: 'arn:aws:iam::111122223333:role/ReadOnly',
              name: 'ReadOnly',
              description: 'Look at everything, change nothing',
              needsMfa: false,
              longestSession: 12,
            },
            {
              arn: 'arn:aws:iam::111122223333:role/ops/Refunds',
              name: 'Refunds',
              description: '',
              needsMfa: true,
              longestSession: 1,
            },
          ],
        },
      ],
    },
  ],
  'portal/role': [
    {
      nav: { ...nav, current: 'roles' },
      role: { name: 'ReadOnly', accountId: '111122223333', accountName: 'Acme production' },
      assumedRoleArn: 'arn:aws:sts::111122223333:assumed-role/ReadOnly/alice',
      expiresAt: '2026-11-22T10:30:00Z',
      timeLeft: '1 h 00 min',
      ways: [
        {
          id: 'bash',
          label: 'Environment, Linux and macOS',
          text: 'Paste into a terminal.',
          snippet: `export AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nexport AWS_SECRET_ACCESS_KEY=x\nexport AWS_SESSION_TOKEN=${'SST1'.repeat(90)}`,
          open: true,
        },
        {
          id: 'process',
          label: 'Profile that renews itself',
          text: 'Run signet login once.',
          snippet:
            '[profile acme-readonly]\ncredential_process = signet credentials --role arn:aws:iam::111122223333:role/ReadOnly',
          open: false,
        },
      ],
    },
  ],
  'portal/access': [
    {
      nav: { ...nav, current: 'roles' },
      role: {
        arn: 'arn:aws:iam::111122223333:role/ReadOnly',
        name: 'ReadOnly',
        accountId: '111122223333',
        accountName: 'acme',
      },
      ways: [
        { id: 'log-in-login', label: 'aws login', text: 'Paste it.', snippet: 'aws login', open: true },
        {
          id: 'log-in-old',
          label: 'Older',
          text: 'Write <files>.',
          snippet: 'signet aws-models',
          open: false,
        },
      ],
    },
  ],
  'portal/account': [
    {
      nav: { ...nav, current: 'account' },
      userArn: 'arn:aws:iam::111122223333:user/alice',
      problem: null,
      notice: 'Your password is changed.',
      factors: [{ id: 'f1', kind: 'totp', serialNumber: 'arn:aws:iam::111122223333:mfa/alice', since: at }],
      codesLeft: 9,
      passwordSince: at,
      minimumLength: 8,
      errors: {},
      sessions: [
        {
          handle: 's1',
          current: true,
          device: 'Firefox on Linux',
          address: '192.0.2.7',
          lastSeen: at,
          since: at,
        },
        {
          handle: 's2',
          current: false,
          device: 'Safari on iPhone',
          address: '2001:db8::1',
          lastSeen: at,
          since: at,
        },
      ],
      commandLines: [
        {
          id: '3f1c2a9e-6d0b-4f6e-9a57-0c2f1f1b7a11',
          way: 'sso',
          client: 'work <Ops>',
          address: '192.0.2.7',
          lastUsed: at,
          until: at,
        },
      ],
      languages: [{ tag: 'en', name: 'English' }],
    },
    {
      nav: { ...nav, current: 'account' },
      userArn: 'arn:aws:iam::111122223333:user/alice',
      problem: 'Your current password is not right.',
      notice: null,
      factors: [],
      codesLeft: 0,
      passwordSince: null,
      minimumLength: 15,
      errors: { current: 'Your current password is not right.' },
      sessions: [],
      commandLines: [],
      languages: [
        { tag: 'en', name: 'English' },
        { tag: 'de', name: 'Deutsch' },
      ],
    },
  ],
  'portal/totp': [{ nav, form, problem: null, totp }],
  'portal/recovery-codes': [{ nav, form, codes }],
  'portal/confirm': [{ nav, action: '/account/factors/remove', problem: null, carried: [['factor', 'f1']] }],
}
