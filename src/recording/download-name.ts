// The name that a downloaded recording gets: what it is and when it was, not LiveKit's file name. Written into the object
// when it is moved, because R2 does not let a link override it (s3.md §3.6), and asked of the store by links, because a
// title may have been given since.
import type { Recording, RecordingFile } from './recording.ts'

const longestTitle = 100

export type Named = Pick<Recording, 'title' | 'roomName' | 'startedAtMs' | 'createdAtMs'>

/** `Team standup 2026-01-01 00.00.mp4`; LiveKit's own file name for anything but the media. */
export function downloadName(recording: Named, file: Pick<RecordingFile, 'name' | 'kind'>): string {
  if (file.kind !== 'video' && file.kind !== 'audio') return file.name
  const extension = /\.[^.]+$/.exec(file.name)?.[0] ?? ''
  const title = (recording.title ?? recording.roomName ?? '')
    // oxlint-disable-next-line no-control-regex -- control characters and what file systems forbid are what goes
    .replaceAll(/[\u0000-\u001f\u007f"*/:<>?\\|]+/g, ' ')
    .trim()
  const startedAtMs = recording.startedAtMs ?? recording.createdAtMs
  const when = new Date(startedAtMs).toISOString().slice(0, 16).replace('T', ' ').replace(':', '.')
  return `${Array.from(title).slice(0, longestTitle).join('') || 'Recording'} ${when}${extension}`
}
