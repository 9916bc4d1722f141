import { findUserById } from '#directory'
import { findOrganization } from '#iam'
import {
  createVirtualDevice,
  deleteVirtualDevice,
  enableVirtualDevice,
  findVirtualDevice,
  listVirtualDevices,
  releaseVirtualDevice,
  resyncVirtualDevice,
  setVirtualDeviceTags,
  type VirtualDevice,
} from '#mfa'

import type { Call, Handlers } from '../call.ts'
import { noSuchEntity, requireRoom } from '../limits.ts'
import { page, pageOf } from '../paging.ts'
import { userListed } from '../shown.ts'
import { tagList, tagsFrom, tagsOrNone, withoutTags, withTags } from '../tags.ts'

/** Virtual MFA devices. Enabled, they are the factors of sign-in and of AssumeRole and GetSessionToken. */
export const mfaDevices = {
  CreateVirtualMFADevice: async ({ db, needs, accountId, input }) => {
    const organization = await findOrganization(db)
    const { device, seed, qrPng } = await createVirtualDevice(db, needs, {
      accountId,
      name: input.VirtualMFADeviceName,
      path: input.Path,
      tags: tagsFrom(input.Tags),
      issuer: organization?.name ?? 'Signet',
    })
    return {
      VirtualMFADevice: {
        SerialNumber: device.serialNumber,
        Base32StringSeed: Buffer.from(seed.reveal()),
        QRCodePNG: qrPng,
        Tags: tagsOrNone(device.tags),
      },
    }
  },

  DeleteVirtualMFADevice: async ({ db, entity }) => {
    await deleteVirtualDevice(db, entity.deviceId)
    return undefined
  },

  ListVirtualMFADevices: async (call) => {
    const { db, accountId, input } = call
    const assigned = { Assigned: true, Unassigned: false, Any: undefined }[input.AssignmentStatus ?? 'Any']
    const [rows, paged] = await page(
      call,
      (after, limit) => listVirtualDevices(db, { accountId, assigned, after, limit }),
      ({ name }) => name,
    )
    const devices = []
    for (const { serialNumber, enabled } of rows) {
      const user = enabled && (await findUserById(db, enabled.userId))
      devices.push({
        SerialNumber: serialNumber,
        ...(user === undefined ? {} : { User: userListed(user), EnableDate: enabled?.at }),
      })
    }
    return { VirtualMFADevices: devices, ...paged }
  },

  EnableMFADevice: async (call) => {
    const { db, needs, accountId, entity, input } = call
    if (entity === undefined) return noUser()
    const device = await deviceNamed(call, input.SerialNumber)
    const held = await listVirtualDevices(db, { accountId, userId: entity.userId, limit: 1_000 })
    if (device.enabled === undefined)
      requireRoom(held.length, needs.settings.mfa_devices_per_user, 'MFADevicesPerUser')
    await enableVirtualDevice(db, needs, {
      deviceId: device.deviceId,
      userId: entity.userId,
      codes: [input.AuthenticationCode1, input.AuthenticationCode2],
    })
    return undefined
  },

  DeactivateMFADevice: async (call) => {
    const { db, entity, input } = call
    if (entity === undefined) return noUser()
    const { deviceId } = await deviceOf(call, entity.userId, input.SerialNumber)
    await releaseVirtualDevice(db, { deviceId, userId: entity.userId })
    return undefined
  },

  ResyncMFADevice: async (call) => {
    const { db, needs, entity, input } = call
    if (entity === undefined) return noUser()
    const { deviceId } = await deviceOf(call, entity.userId, input.SerialNumber)
    await resyncVirtualDevice(db, needs, {
      deviceId,
      userId: entity.userId,
      codes: [input.AuthenticationCode1, input.AuthenticationCode2],
    })
    return undefined
  },

  ListMFADevices: async (call) => {
    const { db, accountId, entity } = call
    // The root user has no devices here: it signs in with keys alone.
    const [rows, paged] = await page(
      call,
      async (after, limit) =>
        entity === undefined
          ? []
          : listVirtualDevices(db, { accountId, userId: entity.userId, after, limit }),
      ({ name }) => name,
    )
    const MFADevices = rows.flatMap(({ serialNumber, enabled }) =>
      enabled === undefined || entity === undefined
        ? []
        : [{ UserName: entity.name, SerialNumber: serialNumber, EnableDate: enabled.at }],
    )
    return { MFADevices, ...paged }
  },

  GetMFADevice: async (call) => {
    const { entity, input } = call
    if (entity === undefined) return noUser()
    const { serialNumber, enabled } = await deviceOf(call, entity.userId, input.SerialNumber)
    return { UserName: entity.name, SerialNumber: serialNumber, EnableDate: enabled?.at }
  },

  TagMFADevice: async ({ db, entity, input }) => {
    await setVirtualDeviceTags(db, entity.deviceId, withTags(entity.tags, input.Tags))
    return undefined
  },

  UntagMFADevice: async ({ db, entity, input }) => {
    await setVirtualDeviceTags(db, entity.deviceId, withoutTags(entity.tags, input.TagKeys))
    return undefined
  },

  ListMFADeviceTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },
} satisfies Handlers

type Asked = Pick<Call, 'db' | 'accountId'>

/** A device of this account, whoever has it. */
async function deviceNamed({ db, accountId }: Asked, serialNumber: string): Promise<VirtualDevice> {
  const device = await findVirtualDevice(db, serialNumber)
  return device?.accountId === accountId
    ? device
    : noSuchEntity(`MFA Device with serial number ${serialNumber} does not exist.`)
}

/** A device that this user has. */
async function deviceOf(asked: Asked, userId: string, serialNumber: string): Promise<VirtualDevice> {
  const device = await deviceNamed(asked, serialNumber)
  return device.enabled?.userId === userId ? device : noSuchEntity('MFA Device does not exist for the user.')
}

const noUser = (): never => noSuchEntity('The root user has no MFA devices.')
