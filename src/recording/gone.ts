// A final object that somebody could not load (faults P2): the file is doubted, looked at in its place, and missing from
// then on when it is not there. It comes back with its object, whoever brings that back. Pure.
import type { FileWork, RecordingState } from './state.ts'
import { neverMs, noPause } from './state.ts'
import { status } from './status.ts'

/** A file that is gone is looked for hourly, for three days; then the sweep or a person has to find it. */
const againMs = 3_600_000
const mostLooks = 72

/** The state in which the final files are looked at now. What was deleted is not missed. */
export function doubted(state: RecordingState): RecordingState {
  if (status(state) === 'deleted') return state
  return { ...state, files: state.files.map(doubtedFile) }
}

/** Of a manifest nobody plays anything. */
export function doubtedFile(file: FileWork): FileWork {
  if (file.final === null || file.kind === 'manifest') return file
  if (file.state === 'final') return { ...file, isDoubted: true }
  return file.state === 'missing' ? { ...file, pause: { ...file.pause, untilMs: 0 } } : file
}

/** True when the next thing to do for it is to look at its final object. */
export function isToBeChecked(file: FileWork): boolean {
  const isGone = file.state === 'missing' && file.final !== null
  return isGone || (file.state === 'final' && file.isDoubted === true)
}

/** The work after its final object was seen in its place. */
export function afterSeen(file: FileWork): FileWork {
  return { ...settled(file), state: 'final', pause: noPause }
}

/** The work after its final object was not there. While the temp object may be, it is moved once more. */
export function afterGone(file: FileWork, nowMs: number): FileWork {
  if (!file.tempRemoved) {
    return { ...settled(file), state: 'expected', source: null, final: null, pause: noPause }
  }
  const attempts = file.state === 'missing' ? file.pause.attempts + 1 : 1
  const message = 'The file was in its final folder, and is not there any more.'
  const untilMs = attempts < mostLooks ? nowMs + againMs : neverMs
  const pause = { attempts, untilMs, fault: { code: 'missing', message } }
  return { ...settled(file), state: 'missing', pause }
}

function settled(file: FileWork): FileWork {
  const { isDoubted: _, ...same } = file
  return same
}
