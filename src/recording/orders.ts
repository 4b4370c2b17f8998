// What people may do with a recording: edit it, have it removed, take it back. An order is granted or refused by what is
// known; a granted one becomes a wish, which is evidence like any other. Pure.
import { toRecording } from './recording.ts'
import type { RecordingState } from './state.ts'
import type { Wishes } from './wishes.ts'

/** What people may change of a recording. */
export type Edit = Partial<Pick<Wishes, 'title' | 'metadata' | 'expiresAtMs' | 'legalHold'>>

/** What becomes of an order, and the wish that it is; without one there is nothing left to wish. */
export interface Granted<Outcome extends string> {
  outcome: Outcome
  wish: { type: string; wishes: Partial<Wishes> } | null
}

/** @param expected the recording as the caller saw it, as JSON; `null` when it does not matter */
export function edited(
  state: RecordingState,
  edit: Edit,
  expected: string | null,
): Granted<'edited' | 'changed' | 'deleted' | 'unknown'> {
  const recording = toRecording(state)
  if (recording === null) return { outcome: 'unknown', wish: null }
  if (expected !== null && expected !== JSON.stringify(recording)) {
    return { outcome: 'changed', wish: null }
  }
  if (recording.status === 'deleted') return { outcome: 'deleted', wish: null }
  return { outcome: 'edited', wish: { type: 'recording.edited', wishes: edit } }
}

const runningStatuses = new Set(['starting', 'active', 'ending'])

/** Everything of it is to go: now, or when its time in the trash is over. */
export function removed(
  state: RecordingState,
  how: 'now' | 'trash',
  nowMs: number,
  trashMs: number,
): Granted<'removed' | 'held' | 'running' | 'unknown'> {
  const recording = toRecording(state)
  if (recording === null) return { outcome: 'unknown', wish: null }
  if (recording.legalHold) return { outcome: 'held', wish: null }
  const isRunning = runningStatuses.has(recording.status)
  if (isRunning && how === 'trash') return { outcome: 'running', wish: null }
  const before = state.seen.wishes.removeAtMs?.value ?? null
  const removeAtMs = how === 'now' ? nowMs : nowMs + trashMs
  // Twice is once; what is in the trash may be thrown away at once all the same.
  if (before !== null && before <= removeAtMs) return { outcome: 'removed', wish: null }
  const wishes = isRunning ? { stop: true as const, removeAtMs } : { removeAtMs }
  const type = how === 'trash' ? 'delete.asked' : 'discard.asked'
  return { outcome: 'removed', wish: { type, wishes } }
}

/** Out of the trash, as long as nothing of it was removed. */
export function restored(
  state: RecordingState,
  nowMs: number,
): Granted<'restored' | 'not-deleted' | 'gone' | 'unknown'> {
  const recording = toRecording(state)
  if (recording === null) return { outcome: 'unknown', wish: null }
  if (recording.status !== 'deleted') return { outcome: 'not-deleted', wish: null }
  const { removeAtMs, expiresAtMs } = state.seen.wishes
  const hasBegun = state.removal.of !== null || state.removal.doneFor !== null
  const isDue = !recording.legalHold && (removeAtMs?.value ?? 0) <= nowMs
  if (hasBegun || isDue) return { outcome: 'gone', wish: null }
  // An end that has passed would take it back into the trash at once.
  const isExpired = (expiresAtMs?.value ?? null) !== null && (expiresAtMs?.value ?? 0) <= nowMs
  const wishes = { removeAtMs: null, ...(isExpired ? { expiresAtMs: null } : {}) }
  return { outcome: 'restored', wish: { type: 'restore.asked', wishes } }
}
