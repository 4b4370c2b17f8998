// The folders of a recording: which ones there are, and what is next for each. A playlist is moved after its segments, so
// that no reader sees a list of files that are not there yet, and the temp files go last. Pure.
import type { FileWork, FolderWork, RecordingState } from './state.ts'
import { noPause } from './state.ts'

export type FolderStep = 'copy-files' | 'remove-files'

/** The folders of an ended egress, after new evidence. */
export function planFolders(state: RecordingState): FolderWork[] {
  const facts = (state.seen.outputs?.value ?? []).filter(
    (fact) => fact.path !== '' && fact.inPlace !== true,
  )
  const wanted = facts.flatMap((fact): Pick<FolderWork, 'path' | 'kind'>[] => {
    if (fact.kind === 'playlist') return [{ path: fact.path, kind: 'segments' }]
    return fact.kind === 'image' ? [{ path: fact.path, kind: 'images' }] : []
  })
  const added = wanted.filter(
    (folder) => !state.folders.some((known) => known.path === folder.path),
  )
  return [...state.folders, ...added.map(newFolder)]
}

function newFolder(folder: Pick<FolderWork, 'path' | 'kind'>): FolderWork {
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

/** What is next for a folder; `null` while it waits for its playlist, or when nothing is left. */
export function folderStepOf(state: RecordingState, folder: FolderWork): FolderStep | null {
  const playlist = playlistOf(state, folder)
  switch (folder.state) {
    case 'expected':
    case 'copying':
      return folder.kind === 'images' || playlist?.state === 'in_temp' ? 'copy-files' : null
    case 'copied':
    case 'removing':
      return folder.kind === 'images' || playlist?.state === 'final' ? 'remove-files' : null
    case 'done':
      return null
    default:
      return folder.state satisfies never
  }
}

/** True while a playlist has to wait for its segments. */
export function waitsForSegments(state: RecordingState, file: FileWork): boolean {
  if (file.kind !== 'playlist' && file.kind !== 'live_playlist') return false
  return state.folders.some(
    (folder) => folder.kind === 'segments' && isBeside(folder, file) && isCopying(folder),
  )
}

/** True when files of the folder still have to reach the final folder. */
export function isCopying(folder: FolderWork): boolean {
  return folder.state === 'expected' || folder.state === 'copying'
}

/** The work of a folder's playlist. */
export function playlistOf(state: RecordingState, folder: FolderWork): FileWork | undefined {
  const works = state.files.filter((file) => file.kind === 'playlist' && file.path === folder.path)
  // A look for a second run that found nothing is no playlist.
  return works.findLast((file) => file.source !== null) ?? works.at(-1)
}

/** The directory part of a path or key, with its slash. */
export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

function isBeside(folder: FolderWork, file: FileWork): boolean {
  return directoryOf(folder.path) === directoryOf(file.path)
}
