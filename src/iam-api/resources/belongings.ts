import {
  findInstanceProfile,
  findServerCertificate,
  lockInstanceProfile,
  lockServerCertificate,
  type InstanceProfile,
  type ServerCertificate,
} from '#iam'
import { findVirtualDevice, lockVirtualDevice, type VirtualDevice } from '#mfa'

import type { Resolver } from './resource.ts'

/** The instance profile of a name, in any case. */
export const instanceProfile: Resolver<InstanceProfile> = async ({ db, accountId, lock }, name) => {
  const entity = await (lock ? lockInstanceProfile : findInstanceProfile)(db, accountId, name)
  return {
    arn: entity?.arn ?? `arn:aws:iam::${accountId}:instance-profile/${name}`,
    entity,
    tags: entity?.tags,
    missing: `Instance Profile ${name} cannot be found.`,
  }
}

/** The server certificate of a name. */
export const serverCertificate: Resolver<ServerCertificate> = async ({ db, accountId, lock }, name) => {
  const entity = await (lock ? lockServerCertificate : findServerCertificate)(db, accountId, name)
  return {
    arn: entity?.arn ?? `arn:aws:iam::${accountId}:server-certificate/${name}`,
    entity,
    tags: entity?.tags,
    missing: `The Server Certificate with name ${name} cannot be found.`,
  }
}

/** The MFA device of a serial number; one of another account is that account's. */
export const mfaDevice: Resolver<VirtualDevice> = async ({ db, accountId, lock }, serialNumber) => {
  const found = await (lock ? lockVirtualDevice : findVirtualDevice)(db, serialNumber)
  const entity = found?.accountId === accountId ? found : undefined
  return {
    arn: serialNumber,
    entity,
    tags: entity?.tags,
    missing: `MFA Device with serial number ${serialNumber} does not exist.`,
  }
}
