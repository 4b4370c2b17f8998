// The row that a state amounts to, for the catalogue: the recording and its JSON. It is compared with what the catalogue has
// before every step, so it is made once for all states that differ in nothing that it shows. Pure: a state is never
// changed in place.
import { toRecording } from './recording.ts'
import type { Recording } from './recording.ts'
import type { RecordingState } from './state.ts'

export interface Row {
  recording: Recording
  json: string
}

/** Our own accounts with the outside worlds: no field of a recording may ever be taken from them. */
const accounts: ReadonlySet<string> = new Set<keyof RecordingState>([
  'livekit',
  'probe',
  'registry',
  'catalogue',
  'sequence',
])

/** Work is done on one recording at a time: the last one that was asked for is asked for again. */
let last: { state: RecordingState; row: Row | null } | null = null

/** `null` while nobody has seen anything of the recording. */
export function rowOf(state: RecordingState): Row | null {
  if (last !== null && isSameButForAccounts(last.state, state)) return last.row
  const recording = toRecording(state)
  const row = recording === null ? null : { recording, json: JSON.stringify(recording) }
  last = { state, row }
  return row
}

function isSameButForAccounts(a: RecordingState, b: RecordingState): boolean {
  if (a === b) return true
  const names = Object.keys(b) as (keyof RecordingState)[]
  return names.every((name) => accounts.has(name) || a[name] === b[name])
}
