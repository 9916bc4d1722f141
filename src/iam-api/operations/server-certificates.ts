import {
  countServerCertificates,
  createServerCertificate,
  deleteServerCertificate,
  listServerCertificates,
  serverCertificateText,
  updateServerCertificate,
  type ServerCertificate,
} from '#iam'

import type { Handlers } from '../call.ts'
import { page, pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { tagList, tagsFrom, tagsOrNone, withoutTags, withTags } from '../tags.ts'

/** Server certificates. The private key is held against the certificate and not kept. */
export const serverCertificates = {
  UploadServerCertificate: async (call) => {
    const { db, needs, accountId, input } = call
    const tags = tagsFrom(input.Tags)
    const { server_certificates_per_account: quota } = needs.settings
    await requireAccountRoom(call, 'ServerCertificatesPerAccount', quota, countServerCertificates)
    const certificate = await createServerCertificate(db, needs.clock, {
      accountId,
      name: input.ServerCertificateName,
      path: input.Path,
      body: input.CertificateBody,
      chain: input.CertificateChain,
      privateKey: input.PrivateKey,
      tags,
    })
    return { ServerCertificateMetadata: shown(certificate), Tags: tagsOrNone(tags) }
  },

  GetServerCertificate: async ({ db, entity }) => {
    const { body, chain } = await serverCertificateText(db, entity.serverCertificateId)
    return {
      ServerCertificate: {
        ServerCertificateMetadata: shown(entity),
        // Without the line break at the end, as AWS does: Terraform would see a change and replace the certificate.
        CertificateBody: body.trim(),
        CertificateChain: chain?.trim(),
        Tags: tagList(entity.tags),
      },
    }
  },

  ListServerCertificates: async (call) => {
    const { db, accountId, input } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listServerCertificates(db, { accountId, pathPrefix: input.PathPrefix, after, limit }),
      ({ name }) => name,
    )
    return { ServerCertificateMetadataList: rows.map(shown), ...paged }
  },

  UpdateServerCertificate: async ({ db, accountId, entity, input, demand }) => {
    const { NewServerCertificateName: name = entity.name, NewPath: path = entity.path } = input
    const arn = `arn:aws:iam::${accountId}:server-certificate${path}${name}`
    // Who may rename must be allowed both names, as with users.
    if (arn !== entity.arn) await demand('iam:UpdateServerCertificate', arn)
    await updateServerCertificate(db, entity, { name, path })
    return undefined
  },

  DeleteServerCertificate: async ({ db, entity }) => {
    await deleteServerCertificate(db, entity.serverCertificateId)
    return undefined
  },

  TagServerCertificate: async ({ db, entity, input }) => {
    await updateServerCertificate(db, entity, { tags: withTags(entity.tags, input.Tags) })
    return undefined
  },

  UntagServerCertificate: async ({ db, entity, input }) => {
    await updateServerCertificate(db, entity, { tags: withoutTags(entity.tags, input.TagKeys) })
    return undefined
  },

  ListServerCertificateTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },
} satisfies Handlers

const shown = (certificate: ServerCertificate) => ({
  Path: certificate.path,
  ServerCertificateName: certificate.name,
  ServerCertificateId: certificate.serverCertificateId,
  Arn: certificate.arn,
  UploadDate: certificate.uploadedAt,
  Expiration: certificate.expiresAt,
})
