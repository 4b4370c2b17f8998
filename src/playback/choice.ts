// Which file of a recording a viewer means by a name, and whether it can be played. Pure. A name is compared with the
// recording's own files, or becomes part of a key below the recording's own folder; nothing else can be reached with it.
import { directoryOf } from '../recording/folders.ts'
import { finalFolder, isSafeKey, isUnder, tempKeys } from '../recording/keys.ts'
import { isRelative } from '../recording/playlist.ts'
import { mainFile, whyNotPlayable } from '../recording/recording.ts'
import type { Recording, RecordingFile } from '../recording/recording.ts'

export interface Prefixes {
  tempPrefix: string
  finalPrefix: string
}

/** A file in its place. `isListed`: it stands in the recording's list of files; segments are too many for that. */
export type PlayableFile = Pick<RecordingFile, 'name' | 'kind' | 'missing'> & {
  key: string
  isListed: boolean
}

export type Choice =
  | { kind: 'file'; file: PlayableFile }
  /** A playlist that LiveKit is still writing, under one of these keys of the temp folder. */
  | { kind: 'live'; name: string; keys: string[] }
  /** Perhaps a segment of it: under one of these keys, if it is signed (live.ts). */
  | { kind: 'live-segment'; keys: string[] }
  | { kind: 'no-such-file' }
  | { kind: 'not-playable'; code: string; message: string }

const segmentName = /\.(ts|m4s|mp4|aac)$/i
const imageName = /\.(jpe?g|png|webp)$/i

/** @param name of a file; `null` for the one that plays when none is named */
export function choose(recording: Recording, name: string | null, prefixes: Prefixes): Choice {
  const file =
    name === null ? firstFile(recording) : recording.files.find((known) => known.name === name)
  if (file?.state === 'final' && file.key !== null) return found(file, file.key)
  // Not what LiveKit said, and kept where it is: whoever asks for it by name gets it (faults S4).
  const isKept = name !== null && file?.state === 'quarantined' && (file.sizeBytes ?? 0) > 0
  if (isKept && file.key !== null) return found(file, file.key)
  if (file != null && isLive(recording, file)) {
    return { kind: 'live', name: file.name, keys: liveKeys(file, prefixes) }
  }
  if (name !== null && (file == null || file.kind === 'image')) {
    return beside(recording, name, prefixes)
  }
  const why = whyNotPlayable(recording)
  return why === null
    ? notPlayable('not-final', 'The file is not in its final folder yet.')
    : notPlayable(why.code, why.message)
}

/** The file that plays when none is named; `null` while nothing plays. */
export function firstFile(recording: Recording): RecordingFile | null {
  return mainFile(recording) ?? liveFile(recording)
}

/** The playlist that plays while the recording is still running; `null` when there is none. */
export function liveFile(recording: Recording): RecordingFile | null {
  const live = recording.files.filter((file) => isLive(recording, file))
  return live.find(({ kind }) => kind === 'live_playlist') ?? live[0] ?? null
}

/** LiveKit writes it, or it is about to be moved. A failed or deleted recording has nothing live. */
function isLive({ status }: Recording, { path, state }: RecordingFile): boolean {
  const isRunning = status === 'active' || status === 'ending' || status === 'processing'
  return isRunning && path !== undefined && state !== 'missing' && state !== 'quarantined'
}

function liveKeys({ path, key }: RecordingFile, { tempPrefix }: Prefixes): string[] {
  const keys = tempKeys(path ?? '', tempPrefix).filter((known) => isUnder(tempPrefix, known))
  return key !== null && isUnder(tempPrefix, key) ? [key] : keys
}

/**
 * Segments and images are too many to be listed one by one. They lie in the recording's folder under the name that the
 * playlist gives them, seen from there.
 */
function beside(recording: Recording, name: string, prefixes: Prefixes): Choice {
  const own = finalFolder(prefixes.finalPrefix, recording.egressId)
  const playlist = recording.files.find(
    (file) => file.kind === 'playlist' && file.state === 'final' && file.key !== null,
  )
  const isOwn = playlist?.key?.startsWith(own) ?? true
  const folder = isOwn ? own : directoryOf(playlist?.key ?? '')
  const hasImages = recording.files.some((file) => file.kind === 'image')
  const isKnown =
    // In a shared folder a name that plays by itself may be another recording.
    (playlist !== undefined && (isOwn ? segmentName : /\.(ts|m4s)$/i).test(name)) ||
    (hasImages && imageName.test(name))
  // A folder that is not ours alone may have folders of others in it.
  const isInside = isRelative(name) && (isOwn || !name.includes('/'))
  const key = `${folder}${name}`
  if (isKnown && isInside && isSafeKey(key)) {
    return { kind: 'file', file: { name, kind: 'video', key, isListed: false } }
  }
  return besideLive(recording, name, prefixes)
}

function besideLive(recording: Recording, name: string, prefixes: Prefixes): Choice {
  const live = liveFile(recording)
  if (live === null || !segmentName.test(name) || !isRelative(name)) return { kind: 'no-such-file' }
  const keys = liveKeys(live, prefixes).map((key) => `${directoryOf(key)}${name}`)
  return { kind: 'live-segment', keys: keys.filter(isSafeKey) }
}

function found({ name, kind, missing }: RecordingFile, key: string): Choice {
  const file = { name, kind, key, isListed: true }
  return { kind: 'file', file: missing === undefined ? file : { ...file, missing } }
}

function notPlayable(code: string, message: string): Choice {
  return { kind: 'not-playable', code, message }
}
