import { z } from 'zod'

/** Keys of ours that an app can be made an authority for; besides these `aws:PrincipalTag/KEY`, where KEY may be `*`. */
export const authorityKeyNames = [
  'aws:SourceIp',
  'aws:UserAgent',
  'aws:SecureTransport',
  'aws:Referer',
  'aws:SourceVpc',
  'aws:SourceVpce',
  'aws:VpcSourceIp',
  'aws:RequestedRegion',
  'aws:MultiFactorAuthPresent',
  'aws:MultiFactorAuthAge',
  'aws:TokenIssueTime',
  'aws:SourceIdentity',
] as const

const typeName = z
  .string()
  .regex(/^[\w-]{1,64}$/, { error: 'Write a resource type of letters, digits, _ and -, such as order.' })
const actionName = z
  .string()
  .regex(/^[\w.-]{1,128}$/, { error: 'Write an action without its prefix, such as Refund.' })
const plainValue = z.union([z.string().max(1_024), z.number(), z.boolean()])
const propertyValue = z.union([plainValue, z.array(plainValue).max(100)])

/** An action: `Refund`, or `{ name: Refund, resource_types: [order] }`. */
export const appAction = z.union([
  actionName.transform((name) => ({ name, resource_types: [] as string[], description: undefined })),
  z.strictObject({
    name: actionName,
    resource_types: z.array(typeName).default([]),
    description: z.string().max(1_000).optional(),
  }),
])

/** A resource type: `order`, or `{ name: order, inventory: true }`. */
export const appResourceType = z.union([
  typeName.transform((name) => ({ name, inventory: false })),
  z.strictObject({ name: typeName, inventory: z.boolean().default(false) }),
])

/** A stored resource, without its policy. */
export const appResource = z.strictObject({
  type: typeName,
  id: z.string().min(1).max(1_024),
  properties: z.record(z.string().regex(/^[\w.-]{1,128}$/), propertyValue).optional(),
})

/**
 * A rule of an app behind a proxy. The first one that fits a request counts. `path` is literal segments, `*` or `{name}` for
 * one segment, and `/**` at the end for everything below. With `action` (and the app's service prefix) the policy engine
 * decides about `resource`, whose `{name}`s are taken from the path; `access: anyone` asks nothing.
 */
export const proxyRule = z
  .strictObject({
    path: z
      .string()
      .max(1_000)
      .regex(/^(?:\/(?:[^/*{}\s]+|\*|\{\w{1,40}\}))*(?:\/|\/\*\*)?$/, {
        error: 'Write a path such as /orders/{id} or /public/**: whole segments, and ** only at the end.',
      }),
    methods: z
      .array(z.string().regex(/^[A-Z]{1,20}$/))
      .min(1)
      .optional(),
    access: z.enum(['anyone', 'signed-in']).optional(),
    action: actionName.optional(),
    resource: z.string().min(1).max(1_000).optional(),
  })
  .refine(
    ({ access, action, resource }) => (action === undefined ? resource === undefined : access === undefined),
    {
      error: 'Write access: alone, or action: with resource:.',
    },
  )
  .refine(({ action, resource }) => action === undefined || resource !== undefined, {
    error: 'Write the resource that the action is about, such as order/{id}.',
  })

/** Where the gateway passes requests on to: an address of the operator's, never one that a request names. */
export const upstreamSettings = z.strictObject({
  url: z.string().refine(isUpstream, {
    error: 'Write the address of the app without a path: http://10.0.0.5:9000.',
  }),
  /** The region that the store's signatures are for. */
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .optional(),
  /** The store's own key, which requests are signed with anew. */
  access_key_id: z
    .string()
    .regex(/^\w{3,128}$/)
    .optional(),
})

/** Where an app behind a proxy is, and what it asks for. Without rules everybody who may sign in to the app may do all. */
export const proxySettings = z.strictObject({
  origins: z
    .array(
      z.string().refine(isOrigin, {
        error: 'Write an origin: https://wiki.example.com (http:// on localhost only), without a path.',
      }),
    )
    .min(1)
    .max(50),
  rules: z
    .array(proxyRule)
    .max(500)
    .default([{ path: '/**', access: 'signed-in' }]),
  /** Services, besides its own prefix, that a SigV4 signature may be for: `execute-api` for what SDKs sign as such. */
  signed_for: z
    .array(
      z.string().regex(/^[a-z0-9-]{1,64}$/, {
        error: 'Write a service as it stands in credential scopes, such as execute-api.',
      }),
    )
    .max(10)
    .optional(),
  /** What it speaks: `s3` for a store, where operations of S3 stand in for rules. */
  protocol: z.enum(['http', 's3']).optional(),
  /** With it Signet passes requests on itself (the gateway); without it a reverse proxy does. */
  upstream: upstreamSettings.optional(),
})

export type ProxySettings = z.infer<typeof proxySettings>
export type ProxyRule = z.infer<typeof proxyRule>

/** TLS, but on this machine: the way of a session to a host must not be overheard. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.origin !== text) return false
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && /^(?:localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(url.hostname))
  )
}

function isUpstream(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.origin === text && (url.protocol === 'https:' || url.protocol === 'http:')
}
