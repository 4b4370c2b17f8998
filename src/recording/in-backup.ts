// What LiveKit put into its own backup storage because the upload into the bucket had failed. A single file is pulled from
// there; of a thousand segments or images LiveKit gives no address each, so they stay, and a person is told while there is
// time: it keeps them for seven days (livekit.md §2.1). Exists so that none of them is ever missing in silence.
import { isEmptyWalk, isList } from './folders.ts'
import type { FileKind } from './observation.ts'
import type { Fault, RecordingState } from './state.ts'

const code = 'backup'

/** Of segments and images. */
export const leftInBackup: Fault = {
  code,
  message:
    'LiveKit stored the playlist with its segments, or the images, in its backup storage, for seven days. Only single files are pulled from there: put them into the temp folder and ask for another look.',
}

/** Why a file of an egress that used the backup storage is not in the bucket. */
export function backupFault(kind: FileKind): Fault {
  if (isList(kind)) return leftInBackup
  return { code, message: 'LiveKit stored the file in its backup storage, not in the bucket.' }
}

/** Segments or images that LiveKit promised, put into its backup storage, and nobody brought into the bucket. */
export function isLeftInBackup({ seen, files, folders }: RecordingState): boolean {
  if (!seen.backup) return false
  return (
    files.some((file) => isList(file.kind) && file.final === null && !file.optional) ||
    folders.some(isEmptyWalk)
  )
}
