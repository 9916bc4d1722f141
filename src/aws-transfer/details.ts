import { z } from 'zod'

/** A policy document as the CLI prints it (an object), or as text, percent-encoded or not. */
const document = z.union([z.record(z.string(), z.unknown()), z.string()]).transform((value, context) => {
  if (typeof value !== 'string') return JSON.stringify(value)
  if (!value.trimStart().startsWith('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    context.addIssue({ code: 'custom', message: 'The policy document cannot be decoded.' })
    return z.NEVER
  }
})

const name = z.string().min(1).max(128)
const path = z.string().min(1).max(512).default('/')
const arn = z.string().min(1).max(2_048)
const tags = z
  .array(z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) }))
  .max(50)
  .default([])
const inline = z.array(z.object({ PolicyName: name, PolicyDocument: document })).default([])
const attached = z.array(z.object({ PolicyArn: arn })).default([])
const boundary = z.object({ PermissionsBoundaryArn: arn }).optional()

/** What is read of the document; everything else in it is passed over. */
export const detailsShape = z.object({
  UserDetailList: z
    .array(
      z.object({
        UserName: name,
        Path: path,
        Arn: arn,
        UserPolicyList: inline,
        GroupList: z.array(name).default([]),
        AttachedManagedPolicies: attached,
        PermissionsBoundary: boundary,
        Tags: tags,
      }),
    )
    .default([]),
  GroupDetailList: z
    .array(
      z.object({
        GroupName: name,
        Path: path,
        Arn: arn,
        GroupPolicyList: inline,
        AttachedManagedPolicies: attached,
      }),
    )
    .default([]),
  RoleDetailList: z
    .array(
      z.object({
        RoleName: name,
        Path: path,
        Arn: arn,
        AssumeRolePolicyDocument: document,
        InstanceProfileList: z.array(z.object({ InstanceProfileName: name, Path: path })).default([]),
        RolePolicyList: inline,
        AttachedManagedPolicies: attached,
        PermissionsBoundary: boundary,
        Tags: tags,
      }),
    )
    .default([]),
  Policies: z
    .array(
      z.object({
        PolicyName: name,
        Path: path,
        Arn: arn,
        Description: z.string().max(1_000).optional(),
        DefaultVersionId: z.string(),
        PolicyVersionList: z
          .array(z.object({ VersionId: z.string(), Document: document, IsDefaultVersion: z.boolean() }))
          .default([]),
        Tags: tags,
      }),
    )
    .default([]),
})

/** An account's authorization details, read. */
export type Details = z.infer<typeof detailsShape>
