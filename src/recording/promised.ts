// What LiveKit promised of a file, to hold what lies in the bucket against it.
import { factOf, nameFor } from './named.ts'
import type { FileWork, RecordingState } from './state.ts'

/**
 * The size that LiveKit gave for a file; `null` when it gave none. A promise is kept by one file: what another run wrote
 * to the same place was not meant by it (faults W21).
 */
export function promisedBytes(state: RecordingState, file: FileWork): number | null {
  const promised = factOf(state, file)?.sizeBytes ?? null
  if (promised === null) return null
  const name = nameFor(state, file.path)
  const isKept = state.files.some(
    (other) =>
      other.name !== file.name &&
      nameFor(state, other.path) === name &&
      other.final?.sizeBytes === promised,
  )
  return isKept ? null : promised
}
