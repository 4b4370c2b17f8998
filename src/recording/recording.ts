// A recording as callers, the catalogue and the pages see it. Everything in it is derived from the object's state; no
// field of it is ever the source of a decision.
import type { FileKind, RecordingKind } from './observation.ts'
import { isList, playlistOf } from './folders.ts'
import { isEnded, status } from './status.ts'
import type { Status } from './status.ts'
import { attention, error, hasFailed } from './attention.ts'
import { factOf } from './named.ts'
import { promisedBytes } from './promised.ts'
import { isBackup } from './state.ts'
import type { Fault, FileState, FileWork, FolderWork, RecordingState } from './state.ts'

export interface RecordingFile {
  name: string
  kind: FileKind
  contentType: string
  sizeBytes: number | null
  durationMs: number | null
  /** Where it lies now; `null` while nobody has seen it. */
  key: string | null
  state: Exclude<FileState, 'absent'>
  /** Of a playlist that is not in its final folder yet: where LiveKit writes it, as LiveKit calls it. */
  path?: string
  /** Of a playlist: segments that it names and nobody found; the first hundred. */
  missing?: string[]
}

export interface Recording {
  egressId: string
  roomId: string | null
  roomName: string | null
  kind: RecordingKind | null
  status: Status
  egressStatus: string | null
  /** LiveKit's own end of the egress: another one is that of another run. */
  egressEndedAtMs: number | null
  title: string | null
  metadata: Record<string, string>
  startedAtMs: number | null
  endedAtMs: number | null
  durationMs: number | null
  sizeBytes: number | null
  files: RecordingFile[]
  progress: { doneBytes: number; totalBytes: number } | null
  error: Fault | null
  partial: boolean
  limitReached: boolean
  backup: boolean
  recoveredBy: 'livekit' | 'manifest' | 'object' | null
  attention: string | null
  expiresAtMs: number | null
  legalHold: boolean
  /** When what lies in the trash goes for good. */
  removeAtMs: number | null
  createdAtMs: number
  /** False for what turned out to be no recording at all (a test event): no list shows it. */
  listed: boolean
}

const contentTypes: Record<string, string> = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  mov: 'video/quicktime',
  ogg: 'audio/ogg',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  wav: 'audio/wav',
  ivf: 'video/x-ivf',
  h264: 'video/h264',
  ts: 'video/mp2t',
  m3u8: 'application/x-mpegurl',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  json: 'application/json',
}

/** The content type of a file by its name. */
export function contentTypeOf(name: string): string {
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  return contentTypes[extension] ?? 'application/octet-stream'
}

/** The media kind of a single-file output by its name. */
export function mediaKindOf(name: string): 'video' | 'audio' {
  return contentTypeOf(name).startsWith('audio/') ? 'audio' : 'video'
}

/** The kind of a file that plays by itself, playlists included, by its name. */
export function playableKindOf(name: string): 'video' | 'audio' | 'playlist' {
  return name.endsWith('.m3u8') ? 'playlist' : mediaKindOf(name)
}

/** The recording that a state amounts to. `null` while nobody has seen anything of it. */
export function toRecording(state: RecordingState): Recording | null {
  const { seen } = state
  const { wishes } = seen
  if (seen.firstHeardAtMs === null) return null
  const files = shownFiles(state)
  const isRemoved = state.removal.doneFor !== null
  const ended = isEnded(state)
  const verdict = seen.verdict?.value ?? null
  const recordingStatus = status(state)
  const startedAtMs = seen.startedAtMs?.value ?? null
  const endedAtMs = ended ? ((seen.endedAtMs ?? seen.terminalAtMs)?.value ?? null) : null
  return {
    egressId: state.egressId,
    roomId: seen.roomId?.value ?? null,
    roomName: seen.roomName?.value ?? null,
    kind: seen.kind?.value ?? null,
    status: recordingStatus,
    egressStatus: verdict?.status ?? null,
    egressEndedAtMs: seen.terminalAtMs?.value ?? null,
    title: (wishes.title ?? seen.title)?.value ?? null,
    metadata: wishes.metadata?.value ?? {},
    startedAtMs,
    endedAtMs,
    durationMs: durationMs(files, startedAtMs, endedAtMs),
    sizeBytes: isRemoved ? null : sizeBytes(files, state.folders),
    // What was deleted plays for nobody, also while it can be restored.
    files: recordingStatus === 'deleted' ? [] : files,
    progress: recordingStatus === 'processing' ? progress(state) : null,
    error: error(state, recordingStatus),
    partial: recordingStatus === 'ready' && hasFailed(seen),
    limitReached: verdict?.status === 'EGRESS_LIMIT_REACHED',
    backup: seen.backup,
    recoveredBy: ended && !seen.endedBy.includes('webhook') ? recoveredBy(state) : null,
    attention: attention(state),
    expiresAtMs: wishes.expiresAtMs?.value ?? null,
    legalHold: wishes.legalHold?.value ?? false,
    removeAtMs: isRemoved ? null : (wishes.removeAtMs?.value ?? null),
    createdAtMs: seen.firstHeardAtMs,
    listed: state.conclusion?.as !== 'ghost',
  }
}

/**
 * The file that plays when none is named: video before audio before a playlist, and of several runs the newest.
 * `null` while none is playable.
 */
export function mainFile(recording: Recording): RecordingFile | null {
  const media = recording.files.filter(
    (file) => file.state === 'final' && (file.kind === 'video' || file.kind === 'audio'),
  )
  const playlist = recording.files.findLast(
    (file) => file.state === 'final' && file.kind === 'playlist',
  )
  return media.findLast((file) => file.kind === 'video') ?? media.at(-1) ?? playlist ?? null
}

function shownFiles(state: RecordingState): RecordingFile[] {
  const facts = state.seen.outputs?.value ?? []
  const works = state.files.filter((file) => file.state !== 'absent')
  const untold = facts.filter(
    (fact) => fact.kind !== 'manifest' && !state.files.some((file) => factOf(state, file) === fact),
  )
  const planned = isEnded(state)
    ? []
    : untold.map((fact) => ({
        name: fact.path.slice(fact.path.lastIndexOf('/') + 1),
        kind: fact.kind,
        contentType: contentTypeOf(fact.path),
        sizeBytes: null,
        durationMs: null,
        key: null,
        state: 'expected' as const,
        ...(isList(fact.kind) ? { path: fact.path } : {}),
      }))
  const found = works.flatMap((file): RecordingFile[] =>
    file.state === 'absent' || (file.optional && file.source === null)
      ? []
      : [
          {
            name: file.name,
            kind: file.kind,
            contentType: contentTypeOf(file.name),
            sizeBytes: file.source?.sizeBytes ?? null,
            durationMs: factOf(state, file)?.durationMs ?? null,
            key: file.final?.key ?? (isBackup(file) ? null : (file.source?.key ?? null)),
            state: file.state,
            ...(isList(file.kind) && file.state !== 'final' ? { path: file.path } : {}),
            ...missingOf(state, file),
          },
        ],
  )
  return [...found, ...imageFiles(state), ...planned]
}

function missingOf(state: RecordingState, file: FileWork): { missing?: string[] } {
  const folder = state.folders.find((known) => playlistOf(state, known) === file)
  return folder === undefined || folder.missing.length === 0 ? {} : { missing: folder.missing }
}

/** The first images of each image output; a long recording has thousands. */
function imageFiles(state: RecordingState): RecordingFile[] {
  return state.folders.flatMap((folder) =>
    folder.names.map((name) => ({
      name,
      kind: 'image' as const,
      contentType: contentTypeOf(name),
      sizeBytes: null,
      durationMs: null,
      key: null,
      state: 'final' as const,
    })),
  )
}

function durationMs(
  files: RecordingFile[],
  startedAtMs: number | null,
  endedAtMs: number | null,
): number | null {
  const longest = Math.max(...files.map((file) => file.durationMs ?? 0))
  if (longest > 0) return longest
  if (startedAtMs === null || endedAtMs === null || endedAtMs < startedAtMs) return null
  return endedAtMs - startedAtMs
}

function sizeBytes(files: RecordingFile[], folders: FolderWork[]): number | null {
  const sizes = files.filter((file) => file.kind !== 'manifest').map((file) => file.sizeBytes)
  const known = [...sizes, ...folders.map((folder) => folder.doneBytes || null)].filter(
    (size) => size !== null,
  )
  return known.length === 0 ? null : sum(known)
}

function progress(state: RecordingState): { doneBytes: number; totalBytes: number } {
  const media = state.files.filter((file) => file.kind !== 'manifest')
  const bytes = (files: FileWork[]): number =>
    sum(files.map((file) => file.source?.sizeBytes ?? promisedBytes(state, file) ?? 0))
  const partBytes = media.map((file) =>
    file.state === 'final' || file.upload === null
      ? 0
      : Math.min(file.upload.etags.length * file.upload.partBytes, file.source?.sizeBytes ?? 0),
  )
  const folderBytes = state.folders.map((folder) => folder.doneBytes)
  const doneBytes =
    bytes(media.filter((file) => file.state === 'final')) + sum(partBytes) + sum(folderBytes)
  // How large the files of a folder are is known when they have been copied; until then LiveKit's word for all of them.
  const totalBytes = bytes(media) + Math.max(sum(folderBytes), folderBytesSaid(state))
  return { doneBytes, totalBytes }
}

function folderBytesSaid(state: RecordingState): number {
  return sum(state.seen.outputs?.value.map((fact) => fact.folderBytes ?? 0) ?? [])
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function recoveredBy(state: RecordingState): Recording['recoveredBy'] {
  if (state.seen.endedBy.includes('livekit')) return 'livekit'
  return state.seen.endedBy.includes('manifest') ? 'manifest' : 'object'
}

/** Why a recording cannot be played now, for a person; `null` when it can. */
export function whyNotPlayable(recording: Recording): Fault | null {
  if (mainFile(recording) !== null) return null
  if (recording.error !== null) return recording.error
  return { code: recording.status, message: reasons[recording.status] }
}

const reasons: Record<Status, string> = {
  starting: 'The recording has not started yet.',
  active: 'The recording is still running.',
  ending: 'LiveKit is still encoding and uploading the recording.',
  processing: 'The recording is being verified and moved to its final folder.',
  ready: 'The recording has no file that plays.',
  failed: 'The recording ended without a playable file.',
  aborted: 'The recording never started.',
  lost: 'LiveKit went silent and no file was found in the bucket.',
  deleted: 'The recording was deleted.',
}
