// What a look into the store says of a file: found, not what LiveKit promised, another egress's, not there. Pure: the object
// performs the looks, this file draws the conclusions. It must never take a file for good that is not what LiveKit promised.
import { isFailure } from './attention.ts'
import { isInPlace } from './files.ts'
import { backupFault } from './in-backup.ts'
import { isSameKey } from './keys.ts'
import type { FileKind } from './observation.ts'
import { promisedBytes } from './promised.ts'
import { isOf } from './runs.ts'
import type { Fault, FileWork, Pause, RecordingState, Settings, SourceObject } from './state.ts'
import { neverMs, noPause } from './state.ts'

/** Pauses before the next look for a file that nobody promised. */
const courtesyPausesMs = [5_000, 60_000, 600_000]
/** A missing file is looked for hourly, for three days; then the sweep or a person has to bring it back. */
const missingPauseMs = 3_600_000
const missingForMs = 3 * 24 * 3_600_000
/** Before the second look at a file that is not what LiveKit said. */
const doubtPauseMs = 3_000
/** Clocks of LiveKit and the store may differ by so much. */
export const clockSlackMs = 5 * 60_000

/** The work after its file was found in the temp folder. */
export function afterFound(
  state: RecordingState,
  file: FileWork,
  source: SourceObject,
  nowMs: number,
): FileWork {
  const isKnown = state.files.some((other) => other !== file && isOf(other, source))
  // The same object once more is no second run.
  if (isKnown || (file.optional && isAnothers(state, file, source)))
    return { ...file, state: 'absent', pause: noPause }
  const promised = promisedBytes(state, file)
  const fault = sizeFault(source.sizeBytes, promised)
  if (fault === null && isInPlace(state, file.path)) {
    const final = { key: source.key, etag: source.etag, sizeBytes: source.sizeBytes }
    return { ...file, state: 'final', source, final, tempRemoved: true, pause: noPause }
  }
  if (fault === null) {
    // Earlier trouble with the copy is forgotten only when a copy has passed.
    const pause = file.pause.fault === null ? noPause : { ...file.pause, untilMs: 0 }
    return { ...file, state: 'in_temp', source, doubt: null, pause }
  }
  const doubt = `${source.etag}:${source.sizeBytes}:${promised}`
  const isSettled = file.doubt === doubt
  const pause: Pause = {
    attempts: file.pause.attempts + 1,
    untilMs: isSettled ? neverMs : nowMs + doubtPauseMs,
    fault: isSettled ? fault : null,
  }
  return { ...file, state: isSettled ? 'quarantined' : file.state, source, doubt, pause }
}

/**
 * What lies under a name that nobody promised a file of may be that of another egress, before this one or after it, where
 * names are used again.
 */
function isAnothers({ egressId, seen }: RecordingState, { kind }: FileWork, source: SourceObject) {
  const { key, lastModifiedMs: writtenAtMs } = source
  // Some stores do not say when an object was written.
  if (writtenAtMs === 0) return false
  if (writtenAtMs < (seen.firstStartedAtMs ?? 0) - clockSlackMs) return true
  const isOfItsFolder = [egressId, seen.startId?.value].some((id) => key.includes(`/${id}/`))
  const isTold = Object.keys(seen.objects).some((known) => isSameKey(known, key))
  if (kind === 'manifest' || isOfItsFolder || isTold) return false
  // Without any slack: the sweep tells of what it takes for this one's all the same.
  return (
    isFailure(seen.verdict?.value.status) && writtenAtMs > (seen.terminalAtMs?.value ?? Infinity)
  )
}

function sizeFault(sizeBytes: number, promised: number | null): Fault | null {
  if (sizeBytes === 0) return { code: 'empty-file', message: 'The file in the bucket is empty.' }
  if (promised === null || promised === sizeBytes) return null
  const message = `The file in the bucket has ${sizeBytes} bytes, LiveKit said ${promised}.`
  return { code: 'size-mismatch', message }
}

/** The work after its file was not found under any of its keys. */
export function afterNotFound(
  state: RecordingState,
  file: FileWork,
  settings: Settings,
  nowMs: number,
): FileWork {
  const attempts = file.pause.attempts + 1
  if (file.optional) {
    const courtesyMs = courtesyPausesMs[attempts - 1]
    return courtesyMs === undefined || file.kind === 'manifest'
      ? { ...file, state: 'absent', pause: noPause }
      : { ...file, pause: { attempts, untilMs: nowMs + courtesyMs, fault: null } }
  }
  const endedAtMs = state.seen.lastHeardAtMs ?? state.seen.firstHeardAtMs ?? nowMs
  const isLate = nowMs >= endedAtMs + settings.graceMs
  if (!isLate) {
    const pauseMs = Math.min(
      1_000 * 2 ** Math.min(attempts - 1, 9),
      endedAtMs + settings.graceMs - nowMs,
    )
    return { ...file, pause: { attempts, untilMs: nowMs + pauseMs, fault: null } }
  }
  const untilMs = nowMs >= endedAtMs + missingForMs ? neverMs : nowMs + missingPauseMs
  return {
    ...file,
    state: 'missing',
    pause: { attempts, untilMs, fault: missingFault(state, file.kind, settings) },
  }
}

function missingFault(state: RecordingState, kind: FileKind, settings: Settings): Fault {
  const bucket = state.seen.bucket?.value ?? null
  if (bucket !== null && bucket !== settings.bucket) {
    const message = `The egress was told to upload into the bucket ${bucket}, not into ${settings.bucket}.`
    return { code: 'other-bucket', message }
  }
  if (state.seen.backup) return backupFault(kind)
  return {
    code: 'missing',
    message: 'LiveKit said that it uploaded the file; the bucket has none.',
  }
}
