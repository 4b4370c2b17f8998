// What lies at the place that a file was moved from: the same object, the same bytes once more, or the file of another run.
// LiveKit can run one egress twice, and sends an upload again whose answer was lost. Exists so that no second run is missed,
// and no file is kept twice. Pure.
import { isSameKey } from './keys.ts'
import type { ObjectFact } from './observation.ts'
import type { FileWork, RecordingState, SourceObject } from './state.ts'
import { noPause } from './state.ts'

/**
 * LiveKit can run one egress twice and overwrite the first file (faults W21). Another end, or another object at the path
 * than the one that was moved, is worth one more look.
 */
export function mayBeAnotherRun(state: RecordingState, latest: FileWork): boolean {
  const isDone = (latest.state === 'final' && latest.tempRemoved) || latest.state === 'absent'
  if (!isDone) return false
  if (latest.overwritten) return true
  const terminalAtMs = state.seen.terminalAtMs?.value ?? null
  if (terminalAtMs !== null && terminalAtMs !== latest.terminalAtMs) return true
  const { source } = latest
  if (source === null) return false
  return laterThan(state, source).some((object) => !isSameBytes(object, source))
}

/** The work of a file whose bytes lie in the temp folder once more, to be removed there: its copy is theirs too. */
export function sentAgain(state: RecordingState, file: FileWork): FileWork {
  const { source } = file
  if (source === null || !wasMoved(file)) return file
  const again = laterThan(state, source).find((object) => isSameBytes(object, source))
  return again === undefined ? file : removedAgain(file, source, again)
}

/** The same for bytes that a look of ours has found. */
export function foundAgain(file: FileWork, found: SourceObject): FileWork {
  const { source } = file
  if (source === null || !wasMoved(file)) return file
  const isIt = isSameKey(source.key, found.key) && isSameBytes(found, source)
  return isIt ? removedAgain(file, source, found) : file
}

/** Also what somebody has deleted from its final folder since: the same bytes are all that is left of it. */
function wasMoved({ state, final, tempRemoved }: FileWork): boolean {
  return tempRemoved && (state === 'final' || (state === 'missing' && final !== null))
}

function removedAgain(file: FileWork, source: SourceObject, again: ObjectFact): FileWork {
  // As a HEAD will tell it when it is to be removed; before that the copy is looked at, months may have passed.
  const lastModifiedMs = Math.floor(again.lastModifiedMs / 1000) * 1000
  return {
    ...file,
    state: 'final',
    source: { ...source, lastModifiedMs },
    tempRemoved: false,
    isDoubted: true,
    pause: noPause,
  }
}

/** True for an object that was written after the one that was moved. Lists may tell milliseconds, a HEAD never does. */
export function isLater(object: ObjectFact, source: SourceObject): boolean {
  const byMs = object.etag === source.etag ? 1000 : 1
  return object.lastModifiedMs >= source.lastModifiedMs + byMs
}

/** True when a work is about this very object, or has moved the same bytes from the same place. */
export function isOf({ source, final }: FileWork, object: SourceObject): boolean {
  if (source === null || !isSameKey(source.key, object.key)) return false
  const isSameObject =
    source.etag === object.etag && source.lastModifiedMs === object.lastModifiedMs
  return isSameObject || (final !== null && isSameBytes(object, source))
}

function laterThan({ seen }: RecordingState, source: SourceObject): ObjectFact[] {
  return Object.values(seen.objects).filter(
    (object) => isSameKey(object.key, source.key) && isLater(object, source),
  )
}

function isSameBytes(a: ObjectFact, b: ObjectFact): boolean {
  return a.etag !== '' && a.etag === b.etag && a.sizeBytes === b.sizeBytes
}
