import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { refuse } from '#kernel'

/**
 * Makes the data directory (for its owner alone) when it is not there, and makes sure that this process may write to it.
 *
 * @throws Failure conflict installation/data-directory
 */
export function prepareDataDirectory(dataDir: string): void {
  const no = (why: string): never =>
    refuse(
      'conflict',
      'installation/data-directory',
      `The data directory ${dataDir} ${why}. Make it writable for the user this runs as, or set DATA_DIR to another folder.`,
    )
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
    no(
      code === 'EACCES' || code === 'EPERM'
        ? 'is not writable'
        : code === 'EROFS'
          ? 'is on a read-only file system'
          : code === 'ENOTDIR' || code === 'EEXIST'
            ? 'is not a directory'
            : code === 'ENOSPC'
              ? 'is on a full disk'
              : `cannot be made (${code})`,
    )
  }
  if (!statSync(dataDir).isDirectory()) no('is not a directory')
}
