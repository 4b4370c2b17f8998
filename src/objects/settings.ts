// The part of the configuration that decisions depend on.
import type { Config } from '../config.ts'
import type { Settings } from '../recording/state.ts'

export function settingsOf(config: Config): Settings {
  const { tempPrefix, finalPrefix, silentAfterMs, graceMs, maxSessionMs, trashMs } = config
  const { multipartAboveBytes, partBytes, subrequests } = config
  return {
    tempPrefix,
    finalPrefix,
    bucket: config.storage.bucket,
    silentAfterMs,
    graceMs,
    maxSessionMs,
    trashMs,
    multipartAboveBytes,
    partBytes,
    subrequests,
  }
}
