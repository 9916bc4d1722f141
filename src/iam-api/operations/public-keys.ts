import {
  addSigningCertificate,
  addSshPublicKey,
  deleteSigningCertificate,
  deleteSshPublicKey,
  getSshPublicKey,
  listSigningCertificates,
  listSshPublicKeys,
  setSigningCertificateStatus,
  setSshPublicKeyStatus,
  sshKeyAs,
  type SigningCertificate,
  type SshPublicKey,
} from '#iam'

import type { Handlers } from '../call.ts'
import { invalidInput, requireRoom } from '../limits.ts'
import { pageOf } from '../paging.ts'

/** Signing certificates and SSH public keys of users. */
export const publicKeys = {
  UploadSigningCertificate: async ({ db, needs, accountId, entity, input }) => {
    const owner = { accountId, userId: entity?.userId }
    const held = await listSigningCertificates(db, owner)
    requireRoom(held.length, needs.settings.signing_certificates_per_user, 'CertificatesPerUser')
    const made = await addSigningCertificate(db, needs.clock, { ...owner, body: input.CertificateBody })
    return { Certificate: certificateShown(made, entity?.name) }
  },

  ListSigningCertificates: async (call) => {
    const { db, accountId, entity } = call
    const [rows, paged] = pageOf(
      call,
      await listSigningCertificates(db, { accountId, userId: entity?.userId }),
    )
    return { Certificates: rows.map((each) => certificateShown(each, entity?.name)), ...paged }
  },

  UpdateSigningCertificate: async ({ db, accountId, entity, input }) => {
    const owner = { accountId, userId: entity?.userId }
    await setSigningCertificateStatus(db, owner, input.CertificateId, statusOf(input.Status))
    return undefined
  },

  DeleteSigningCertificate: async ({ db, accountId, entity, input }) => {
    await deleteSigningCertificate(db, { accountId, userId: entity?.userId }, input.CertificateId)
    return undefined
  },

  UploadSSHPublicKey: async ({ db, needs, accountId, entity, input }) => {
    const { userId, name } = entity
    const held = await listSshPublicKeys(db, userId)
    requireRoom(held.length, needs.settings.ssh_keys_per_user, 'SSHPublicKeysPerUser')
    const made = await addSshPublicKey(db, needs.clock, { accountId, userId, body: input.SSHPublicKeyBody })
    return { SSHPublicKey: { ...keyListed(made, name), ...material(made, made.body) } }
  },

  GetSSHPublicKey: async ({ db, entity, input }) => {
    const key = await getSshPublicKey(db, entity.userId, input.SSHPublicKeyId)
    return {
      SSHPublicKey: { ...keyListed(key, entity.name), ...material(key, sshKeyAs(key, input.Encoding)) },
    }
  },

  ListSSHPublicKeys: async (call) => {
    const { db, entity } = call
    const [rows, paged] = pageOf(call, await listSshPublicKeys(db, entity.userId))
    return { SSHPublicKeys: rows.map((each) => keyListed(each, entity.name)), ...paged }
  },

  UpdateSSHPublicKey: async ({ db, entity, input }) => {
    await setSshPublicKeyStatus(db, entity.userId, input.SSHPublicKeyId, statusOf(input.Status))
    return undefined
  },

  DeleteSSHPublicKey: async ({ db, entity, input }) => {
    await deleteSshPublicKey(db, entity.userId, input.SSHPublicKeyId)
    return undefined
  },
} satisfies Handlers

const certificateShown = (certificate: SigningCertificate, userName = 'root') => ({
  UserName: userName,
  CertificateId: certificate.certificateId,
  CertificateBody: certificate.body,
  Status: certificate.status,
  UploadDate: certificate.uploadedAt,
})

const keyListed = (key: SshPublicKey, userName: string) => ({
  UserName: userName,
  SSHPublicKeyId: key.sshPublicKeyId,
  Status: key.status,
  UploadDate: key.uploadedAt,
})

const material = ({ fingerprint }: SshPublicKey, body: string) => ({
  Fingerprint: fingerprint,
  SSHPublicKeyBody: body,
})

/** The model's status has a third word for access keys of the future; nothing here can have it. */
const statusOf = (status: string): 'Active' | 'Inactive' =>
  status === 'Active' || status === 'Inactive'
    ? status
    : invalidInput(`Status ${status} is for access keys alone.`)
