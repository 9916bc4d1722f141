/**
 * Second factors: authenticator apps (TOTP, RFC 6238) and recovery codes; enrolling, and checking a code under one
 * budget of wrong ones per user. Owns the tables `totp_device`, `recovery_code` and `mfa_try`.
 */
export { verifyMfaCode } from './challenge.ts'
export type { ChallengeNeeds, ProvedFactor } from './challenge.ts'
export { dropTotp, enrolTotp, factorsOf, replaceRecoveryCodes } from './enrol.ts'
export type { EnrolNeeds, Factors } from './enrol.ts'
export { newRecoveryCodes } from './factors/recovery-codes.ts'
export { addTotp, newTotpSeed, showTotp, totpStepOf } from './factors/totp.ts'
export type { TotpDevice, TotpEnrolment } from './factors/totp.ts'
export {
  countVirtualDevices,
  createVirtualDevice,
  deleteVirtualDevice,
  enableVirtualDevice,
  findVirtualDevice,
  listVirtualDevices,
  lockVirtualDevice,
  releaseVirtualDevice,
  resyncVirtualDevice,
  setVirtualDeviceTags,
  usersWithDevice,
} from './virtual-devices.ts'
export type { VirtualDevice } from './virtual-devices.ts'
