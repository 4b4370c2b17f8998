// What is wrong with a recording: for its viewers (`error`: why it does not play) and for its operator (`attention`: why a
// person should look). Trouble that passes by itself is shown to nobody before it has lasted.
import { isCopying } from './folders.ts'
import { isLeftInBackup, leftInBackup } from './in-backup.ts'
import { nameFor } from './named.ts'
import { promisedBytes } from './promised.ts'
import type { Seen } from './seen.ts'
import { status } from './status.ts'
import type { Fault, FileWork, FolderWork, Pause, RecordingState } from './state.ts'
import type { Status } from './status.ts'

/** LiveKit's words for an egress that went wrong; it may have left a file all the same. */
export function isFailure(egressStatus: string | undefined): boolean {
  return egressStatus === 'EGRESS_FAILED' || egressStatus === 'EGRESS_ABORTED'
}

/**
 * True when LiveKit's last word, of a failure, is about what there is now. A manifest that tells of a later end is of
 * another attempt, and nobody told of that one's word.
 */
export function hasFailed({ verdict, manifestEndedAtUs }: Seen): boolean {
  if (verdict === null || !isFailure(verdict.value.status)) return false
  const [, , located, updatedAtUs] = verdict.stamp
  return located > 0 || manifestEndedAtUs === null || manifestEndedAtUs <= updatedAtUs
}

/** Why a recording does not play, or what LiveKit said of one that plays in part. */
export function error(state: RecordingState, recordingStatus: Status): Fault | null {
  if (recordingStatus === 'deleted') return null
  const verdict = state.seen.verdict?.value
  const works = [...state.files.filter((file) => !file.optional), ...state.folders]
  const fault = works.map(({ pause }) => pause.fault).find((known) => known !== null)
  if (state.conclusion?.as === 'lost') {
    return {
      code: 'lost',
      message: 'LiveKit went silent and no file was found in the bucket.',
    }
  }
  if (fault !== undefined && recordingStatus !== 'ready') return fault
  if (recordingStatus === 'failed' && isLeftInBackup(state)) return leftInBackup
  const isWithoutFile = recordingStatus === 'failed' || recordingStatus === 'aborted'
  const isSaid = isWithoutFile ? isFailure(verdict?.status) : hasFailed(state.seen)
  if (verdict !== undefined && isSaid) {
    return {
      code: `egress-${verdict.status === 'EGRESS_ABORTED' ? 'aborted' : 'failed'}`,
      message: verdict.error ?? verdict.details ?? 'LiveKit gave no reason.',
    }
  }
  if (recordingStatus === 'failed') {
    return { code: 'no-file', message: 'The egress ended and left no playable file.' }
  }
  return null
}

/** So many failures in a row are no passing trouble. */
const lastingAttempts = 5
/** Faults that do not pass without a person. */
const attentionAtOnce = new Set([
  'access-denied',
  'no-such-bucket',
  'wrong-credentials',
  'other-bucket',
  'outside-folders',
  'unsafe-key',
  'size-mismatch',
  'empty-file',
  'missing',
  'backup-expired',
])

/** Why a person should look; `null` when nobody needs to. */
export function attention(state: RecordingState): string | null {
  if (state.conclusion?.as === 'ghost') return null
  if (status(state) === 'deleted') return lasting(state.removal.pause)
  const promised = state.files.filter((file) => !file.optional || file.source !== null)
  const fault = [...promised, ...state.folders].map(({ pause }) => lasting(pause)).find(Boolean)
  if (fault) return fault
  if (isLeftInBackup(state)) return leftInBackup.code
  if (state.files.some((file) => isOtherSize(state, file))) return 'size-mismatch'
  if (state.folders.some((folder) => folder.missingCount > 0)) return 'missing-segments'
  if (state.folders.some((folder) => isOpenEnded(state, folder))) return 'open-playlist'
  if (state.folders.some(isSecondRunOfImages)) return 'duplicate-run'
  const media = promised.filter((file) => file.source !== null && file.kind !== 'manifest')
  return new Set(media.map((file) => nameFor(state, file.path))).size < media.length
    ? 'duplicate-run'
    : null
}

/** Moved before LiveKit's word of its size was heard, and the word is another. */
function isOtherSize(state: RecordingState, file: FileWork): boolean {
  if (file.final === null) return false
  const promised = promisedBytes(state, file)
  return promised !== null && promised !== file.final.sizeBytes
}

function lasting({ fault, attempts }: Pause): string | null {
  if (fault === null) return null
  return attentionAtOnce.has(fault.code) || attempts >= lastingAttempts ? fault.code : null
}

function isSecondRunOfImages({ kind, run, names }: FolderWork): boolean {
  return kind === 'images' && run > 0 && names.length > 0
}

/** LiveKit never finished the list: the recording plays, as far as it goes. */
function isOpenEnded(state: RecordingState, folder: FolderWork): boolean {
  return folder.kind === 'segments' && !folder.isClosed && !isCopying(state, folder)
}
