// What LiveKit promised of a file, to hold what lies in the bucket against it.
import type { FileWork, RecordingState } from './state.ts'

/**
 * The size that LiveKit gave for a file; `null` when it gave none. A promise is kept by one file: what another run wrote
 * to the same place was not meant by it (faults W21).
 */
export function promisedBytes(state: RecordingState, file: FileWork): number | null {
  const fact = state.seen.outputs?.value.find((known) => known.path === file.path)
  const promised = fact?.sizeBytes ?? null
  const isKept = state.files.some(
    (other) =>
      other.name !== file.name && other.path === file.path && other.final?.sizeBytes === promised,
  )
  return isKept ? null : promised
}
