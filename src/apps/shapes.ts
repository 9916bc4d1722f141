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
