// What a viewer's page shows of a recording, and in which words. Pure. The page is made of it, and a page that waits asks
// for it again until it changes.
import type { Recording, RecordingFile } from '../recording/recording.ts'
import { mainFile, whyNotPlayable } from '../recording/recording.ts'
import { liveFile } from './choice.ts'

export const views = [
  'play',
  'live',
  'waiting',
  'processing',
  'failed',
  'deleted',
  'refused',
] as const
export type ViewName = (typeof views)[number]

export interface View {
  view: ViewName
  /** In a few words, and what it means; empty for a player. */
  heading: string
  message: string
  /** Of the move to the final folder, 0 to 1; `null` when nothing is being moved. */
  progress: number | null
}

const headings: Record<Recording['status'], string> = {
  starting: 'Not started yet',
  active: 'Recording now',
  ending: 'Just ended',
  processing: 'Almost there',
  ready: 'Nothing to play',
  failed: 'This recording did not work out',
  aborted: 'This recording never started',
  lost: 'This recording was lost',
  deleted: 'This recording was deleted',
}

const waitingWords: Partial<Record<Recording['status'], string>> = {
  starting: 'The recording has not started. This page turns into the player by itself.',
  active: 'The recording is still running. This page turns into the player when it is ready.',
  ending:
    'The recording has just ended and is being uploaded. This page turns into the player by itself.',
  processing:
    'The recording is being checked and put in its place. This page turns into the player by itself.',
}

export function viewOf(recording: Recording): View {
  const { status, progress } = recording
  const done =
    progress === null || progress.totalBytes === 0 ? null : progress.doneBytes / progress.totalBytes
  if (mainFile(recording) !== null) return shown('play', '', '')
  if (liveFile(recording) !== null && status !== 'processing') return shown('live', '', '')
  const waiting = waitingWords[status]
  if (waiting !== undefined) {
    const view = status === 'processing' ? 'processing' : 'waiting'
    return { ...shown(view, headings[status], waiting), progress: done }
  }
  if (status === 'deleted') {
    return shown('deleted', headings.deleted, 'It cannot be played any more.')
  }
  const isGone = recording.error?.code === 'missing' || recording.attention === 'missing'
  const heading = isGone ? 'The file is not there any more' : headings[status]
  return shown('failed', heading, whyNotPlayable(recording)?.message ?? '')
}

const refusals: Record<string, [heading: string, message: string]> = {
  'link-expired': ['This link has expired', 'Ask whoever sent it to you for a new one.'],
  'link-revoked': ['This link has been revoked', 'Whoever sent it to you has taken it back.'],
  'link-used-up': ['This link is used up', 'It has been played as often as it may be.'],
  'link-invalid': [
    'This link is not valid',
    'Perhaps a part of it is missing. Copy the whole link and try again.',
  ],
  'recording-not-found': ['There is no such recording', 'It may have been removed for good.'],
  'too-many-refusals': ['Too many attempts', 'Wait a minute, then try again.'],
}

/** @param code of the problem that the link was refused with */
export function refusedView(code: string): View {
  const [heading, message] = refusals[code] ?? [
    'This recording cannot be shown',
    'Try again in a moment.',
  ]
  return shown('refused', heading, message)
}

function shown(view: ViewName, heading: string, message: string): View {
  return { view, heading, message, progress: null }
}

/** The files that a viewer can choose from: what plays by itself, newest last. */
export function playableFiles({ files }: Recording): RecordingFile[] {
  return files.filter(
    ({ state, kind }) => state === 'final' && ['video', 'audio', 'playlist'].includes(kind),
  )
}

/** The picture before anything plays: from the middle, for a beginning is often black. */
export function posterOf({ files }: Recording): string | null {
  const images = files.filter(({ kind }) => kind === 'image')
  return images[Math.floor(images.length / 2)]?.name ?? null
}
