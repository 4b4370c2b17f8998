// What a step needs and what comes of it; shared by all steps.
import type { Observation } from '../recording/observation.ts'
import { Trouble } from '../recording/ports.ts'
import type {
  Backup,
  Catalogue,
  Clock,
  LiveKit,
  Registry,
  Starts,
  Store,
} from '../recording/ports.ts'
import type { Entry, Fault, Pause, RecordingState, Settings } from '../recording/state.ts'

/** The outside worlds, the clock and the settings: all that a step depends on besides the state. */
export interface Ports {
  store: Store
  livekit: LiveKit
  starts: Starts
  backup: Backup
  catalogue: Catalogue
  registry: Registry
  clock: Clock
  settings: Settings
}

/** What was seen, how the state changes besides, and the lines that the journal gets. */
export interface Outcome {
  observation?: Observation
  change: (state: RecordingState) => RecordingState
  entries: Omit<Entry, 'atMs'>[]
  /** It made no request: it noted what is about to be done. */
  isFree?: true
}

/** A store that keeps forgetting uploads is given time: each one that begins is paid for. */
export const uploadLost: Fault = {
  code: 'upload-lost',
  message: 'The store does not know the upload any more; it begins anew.',
}

export const nothing: Outcome = { change: (state) => state, entries: [] }

/** A line of the journal about our own doing. */
export function entry(type: string, detail: Entry['detail']): Omit<Entry, 'atMs'> {
  return { source: 'roomtape', type, detail }
}

/** The journal tells the first of a row of failures; how many followed stands in the state. */
export function firstOf(
  before: Pause,
  type: string,
  fault: Fault,
  detail: Entry['detail'] = {},
): Omit<Entry, 'atMs'>[] {
  const isNews = before.fault === null || before.fault.message !== fault.message
  return isNews ? [entry(type, { ...detail, code: fault.code, message: fault.message })] : []
}

/** Trouble is expected of the world; anything else is a bug or a crash and goes up. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Trouble) return { code: error.code, message: error.message }
  throw error
}
