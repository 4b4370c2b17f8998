// The public status, derived from the two axes (LiveKit's word, our files) and never stored apart from them, so that
// they cannot disagree. Decided by files before words: LIMIT_REACHED and FAILED can carry a perfect file, COMPLETE none.
import { isCopying, isForsaken, playlistOf } from './folders.ts'
import type { FileWork, FolderWork, RecordingState } from './state.ts'

export const statuses = [
  'starting',
  'active',
  'ending',
  'processing',
  'ready',
  'failed',
  'aborted',
  'lost',
  'deleted',
] as const
export type Status = (typeof statuses)[number]

/** True once the egress is known to have ended, by whichever witness. */
export function isEnded(state: RecordingState): boolean {
  const { verdict, manifestEndedAtUs } = state.seen
  if (verdict?.stamp[1] === 1) return true
  if (state.conclusion?.as === 'ended') return true
  // A manifest of an earlier attempt does not end the present one.
  return manifestEndedAtUs !== null && manifestEndedAtUs >= (verdict?.stamp[3] ?? 0)
}

/** The status of the recording; a pure function of its state. */
export function status(state: RecordingState): Status {
  const isLost = state.conclusion?.as === 'lost'
  const isRemoved = state.removal.doneFor !== null
  // What turned out to be no recording, or is silent for ever, will not end any more.
  const isOver = state.conclusion !== null || isEnded(state)
  if (isRemovalWanted(state) && (isOver || isRemoved)) return 'deleted'
  if (isLost) return 'lost'
  if (!isEnded(state)) return runningStatus(state)
  const promised = state.files.filter((file) => isPromised(file) && !isForsaken(state, file))
  const isMoving = state.folders.some((folder) => isHeld(state, folder) && isCopying(state, folder))
  if (promised.some(isPending) || isMoving) return 'processing'
  if (promised.some((file) => file.state === 'final') || isOfImages(state)) return 'ready'
  // The bucket told of the end: what was discovered there is looked at before anything is said of it.
  if (state.conclusion?.as === 'ended' && state.files.some(isUnseenMedia)) return 'processing'
  const word = state.seen.verdict?.value.status
  if (word === 'EGRESS_ABORTED') return 'aborted'
  if (word === 'EGRESS_FAILED') return 'failed'
  return state.seen.streams && promised.length === 0 ? 'ready' : 'failed'
}

/** True once somebody wants every byte of it gone, now or when its time in the trash is over. */
export function isRemovalWanted({ seen }: RecordingState): boolean {
  return (seen.wishes.removeAtMs?.value ?? null) !== null
}

function runningStatus({ seen, stop }: RecordingState): Status {
  const egressStatus = seen.verdict?.value.status ?? null
  if (seen.wishes.stop !== null || stop.sentAtMs !== null) return 'ending'
  if (egressStatus === null || egressStatus === 'EGRESS_STARTING') return 'starting'
  // A word that LiveKit invents tomorrow is a sign of life, and never a beginning.
  return egressStatus === 'EGRESS_ENDING' ? 'ending' : 'active'
}

/** A folder whose playlist is not there has nothing to wait for. */
function isHeld(state: RecordingState, folder: FolderWork): boolean {
  const playlist = playlistOf(state, folder)?.state
  return folder.kind === 'images' || playlist === 'in_temp' || playlist === 'final'
}

/** Images were all that was to be recorded, and there are some. */
function isOfImages(state: RecordingState): boolean {
  const facts = state.seen.outputs?.value ?? []
  return (
    facts.every((fact) => fact.kind === 'image' || fact.kind === 'manifest') &&
    state.folders.some((folder) => folder.kind === 'images' && folder.names.length > 0)
  )
}

/** Counts for the status: a media file that was promised, or found although it was not. */
function isPromised(file: FileWork): boolean {
  return file.kind !== 'manifest' && (!file.optional || file.source !== null)
}

function isUnseenMedia(file: FileWork): boolean {
  return file.kind !== 'manifest' && file.state === 'expected'
}

function isPending(file: FileWork): boolean {
  return file.state === 'expected' || file.state === 'in_temp' || file.state === 'moving'
}
