// The folders of a recording: which ones there are, and what is next for each. A playlist is moved after its segments, so
// that no reader sees a list of files that are not there yet, and the temp files go last. Two runs, or two outputs, that
// use the same names get folders of their own: neither may ever take the place of the other. Pure.
import type { ObjectFact } from './observation.ts'
import type { FileWork, FolderWork, RecordingState } from './state.ts'
import { noPause } from './state.ts'

export type FolderStep = 'copy-files' | 'remove-files'

/** The folders of an ended egress, after new evidence. */
export function planFolders(state: RecordingState): FolderWork[] {
  const facts = state.seen.outputs?.value ?? []
  const isInPlace = (path: string): boolean =>
    facts.some((fact) => fact.path === path && fact.inPlace === true)
  const known = (path: string, run: number): boolean =>
    state.folders.some((folder) => folder.path === path && folder.run === run)

  const segments = state.files
    .filter((file) => file.kind === 'playlist' && file.state !== 'absent' && !isInPlace(file.path))
    .map((file) => ({
      kind: 'segments' as const,
      path: file.path,
      run: playlistsAt(state, file.path).indexOf(file),
      place: directoryOf(file.name),
      version: null,
    }))
  const version = String(state.seen.terminalAtMs?.value ?? null)
  const images = facts
    .filter((fact) => fact.kind === 'image' && fact.path !== '' && fact.inPlace !== true)
    .map(({ path }) => ({
      kind: 'images' as const,
      path,
      run: imagesRun(state.folders, path, version),
      place: '',
      version,
    }))
  let folders = state.folders
  for (const wanted of [...segments, ...images]) {
    if (known(wanted.path, wanted.run)) continue
    const place = wanted.kind === 'images' ? imagesPlace(folders, wanted.path) : wanted.place
    folders = [...folders, newFolder({ ...wanted, place })]
  }
  return folders
}

/**
 * LiveKit can run one egress twice, with images of the same names (faults W21). Another end than that of the run whose
 * images have all been dealt with is worth one more walk.
 */
function imagesRun(folders: FolderWork[], path: string, version: string): number {
  const runs = folders.filter((folder) => folder.kind === 'images' && folder.path === path)
  const latest = runs.at(-1)
  if (latest === undefined) return 0
  return latest.state === 'done' && latest.version !== version ? runs.length : latest.run
}

/** Images of two outputs whose names begin alike do not meet in one folder. */
function imagesPlace(folders: FolderWork[], path: string): string {
  const others = folders.filter(
    (folder) => folder.kind === 'images' && lastOf(folder.path) === lastOf(path),
  )
  return others.length === 0 ? '' : `images-${others.length + 1}/`
}

function newFolder(
  folder: Pick<FolderWork, 'path' | 'kind' | 'run' | 'place' | 'version'>,
): FolderWork {
  return {
    ...folder,
    state: 'expected',
    position: { files: 0, afterKey: null },
    total: null,
    doneBytes: 0,
    isClosed: false,
    missing: [],
    missingCount: 0,
    names: [],
    pause: noPause,
  }
}

/** The folder before its first file was copied. */
export function begunAnew({ path, kind, run, place, version }: FolderWork): FolderWork {
  return newFolder({ path, kind, run, place, version })
}

/** True when the images of an output were looked for, and there was none. */
export function isEmptyWalk({ kind, state, names }: FolderWork): boolean {
  return kind === 'images' && state !== 'expected' && state !== 'copying' && names.length === 0
}

/** The folder after objects were seen in the bucket: it is walked once more when a segment that it lacked is among them. */
export function awakenedFolder(folder: FolderWork, objects: ObjectFact[]): FolderWork {
  const { missing, missingCount, state } = folder
  if (missingCount === 0 || state === 'expected' || state === 'copying') return folder
  const isLacked = ({ key }: ObjectFact): boolean =>
    missingCount > missing.length || missing.some((name) => key.endsWith(`/${name}`))
  return objects.some(isLacked) ? begunAnew(folder) : folder
}

/** The folder as if nothing had failed yet; one that lacks files is walked once more. */
export function revivedFolder(folder: FolderWork): FolderWork {
  return (folder.missingCount > 0 || isEmptyWalk(folder)) && folder.state !== 'copying'
    ? begunAnew(folder)
    : { ...folder, pause: noPause }
}

/** What is next for a folder; `null` while it waits for its playlist, or when nothing is left. */
export function folderStepOf(state: RecordingState, folder: FolderWork): FolderStep | null {
  const isImages = folder.kind === 'images'
  const playlist = playlistOf(state, folder)?.state
  if (isCopying(state, folder)) {
    return isImages || playlist === 'in_temp' || playlist === 'final' ? 'copy-files' : null
  }
  if (folder.state === 'done') return null
  return isImages || playlist === 'final' ? 'remove-files' : null
}

/** True while a playlist has to wait for its segments. */
export function waitsForSegments(state: RecordingState, file: FileWork): boolean {
  return foldersOf(state, file).some((folder) => isCopying(state, folder))
}

/** True for a live playlist whose segments stay in the temp folder, since the list of all of them is not there. */
export function isForsaken(state: RecordingState, file: FileWork): boolean {
  const gone = new Set(['missing', 'absent', 'quarantined'])
  const folders = foldersOf(state, file)
  return (
    file.kind === 'live_playlist' &&
    folders.length > 0 &&
    folders.every((folder) => gone.has(playlistOf(state, folder)?.state ?? 'absent'))
  )
}

/** True when files of the folder still have to reach the final folder. */
export function isCopying(state: RecordingState, folder: FolderWork): boolean {
  if (folder.state === 'expected' || folder.state === 'copying') return true
  const playlist = playlistOf(state, folder)
  return playlist?.state === 'in_temp' && versionOf(playlist) !== folder.version
}

/** The work of a folder's playlist. */
export function playlistOf(state: RecordingState, folder: FolderWork): FileWork | undefined {
  return folder.kind === 'segments' ? playlistsAt(state, folder.path)[folder.run] : undefined
}

/** Tells one version of a playlist from the next. */
export function versionOf({ source }: FileWork): string | null {
  return source === null ? null : `${source.etag}-${source.sizeBytes}-${source.lastModifiedMs}`
}

/** The directory part of a path or key, with its slash. */
export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/** The name of a list of files: every run gets a folder of its own, for the names in the list are relative to it. */
export function listPlace(files: FileWork[], kind: FileWork['kind']): string {
  const runs = files.filter((file) => file.kind === kind).length
  return runs === 0 ? '' : `run-${runs + 1}/`
}

/** True for a list of files. */
export function isList(kind: FileWork['kind']): boolean {
  return kind === 'playlist' || kind === 'live_playlist'
}

/** True for an image by its name: what LiveKit called them all, and a number or nothing behind it. */
export function isImageOf(prefix: string, key: string): boolean {
  return /^(_\d+)?\.(jpe?g|png|webp)$/i.test(key.slice(prefix.length))
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Works are never taken away, so the place of one in this list stays. */
function playlistsAt(state: RecordingState, path: string): FileWork[] {
  return state.files.filter((file) => file.kind === 'playlist' && file.path === path)
}

/** The folders whose segments a list names. */
function foldersOf(state: RecordingState, file: FileWork): FolderWork[] {
  if (!isList(file.kind)) return []
  return state.folders.filter(
    (folder) =>
      folder.kind === 'segments' &&
      folder.place === directoryOf(file.name) &&
      directoryOf(folder.path) === directoryOf(file.path),
  )
}
