// What goes when somebody wants a recording gone: every object that is its own, wherever it lies. Whole folders where a
// folder is the recording's alone; elsewhere only what it is known to have written, for others may share the folder. It is
// looked for until a look finds nothing: a copy that was under way, or an upload that came late, may still appear. What is
// learnt later begins it anew, and never brings the recording back. Pure.
import { isFailure } from './attention.ts'
import { directoryOf, playlistOf } from './folders.ts'
import { finalFolder, isUnder, manifestPath, tempKeys } from './keys.ts'
import { keysByLocation } from './places.ts'
import { clockSlackMs } from './looks.ts'
import { nameFor } from './named.ts'
import type { ObjectFact } from './observation.ts'
import { isListName } from './outputs.ts'
import { isLater } from './runs.ts'
import { startFolder } from './start.ts'
import { isBackup } from './state.ts'
import type { FileWork, RecordingState, Settings } from './state.ts'
import { isEnded, isRemovalWanted, status } from './status.ts'

/** Something to be removed. Each may be done twice. */
export type Scope =
  /** A multipart upload of ours that nobody will join. */
  | { kind: 'upload'; key: string; uploadId: string }
  /** Multipart uploads to this key whose beginning was never answered. */
  | { kind: 'open-uploads'; key: string }
  /** What a playlist names, in this folder. */
  | ({ kind: 'list'; key: string; folder: string; etag: string | null } & Times)
  /** Images whose names begin so. */
  | ({ kind: 'images'; prefix: string } & Times)
  /** One object; `etag: null`: whatever lies there. */
  | ({ kind: 'object'; key: string; etag: string | null } & Times)
  /** All of a folder that is this recording's alone. */
  | { kind: 'folder'; prefix: string }

/** When it was written. What is known by its name alone may be of another egress that used the name before, or after. */
export interface Times {
  notBeforeMs: number
  notAfterMs: number
}

const anyTime: Times = { notBeforeMs: 0, notAfterMs: Infinity }

/** Before the look that has to find nothing. */
const secondLookMs = 60_000
/** The same when a copy may be under way in the store, although we stopped waiting for it. */
const afterCopyMs = 15 * 60_000

/** When everything of it is to be removed; `null` while nobody wants it, or something forbids it. */
export function removalDueMs(state: RecordingState): number | null {
  const { removeAtMs, legalHold } = state.seen.wishes
  if (legalHold?.value === true || status(state) !== 'deleted') return null
  return removeAtMs?.value ?? null
}

/** True when nothing that is known of is left to be removed. */
export function isErased(state: RecordingState): boolean {
  return state.removal.doneFor === evidenceOfObjects(state)
}

/** What the scopes follow from; the removal begins anew when it changes. */
export function evidenceOfObjects({ seen }: RecordingState): string {
  const { verdict, paths, objects } = seen
  // The same bytes may be sent again, and a store may have no ETags: the time tells one object from the next.
  const versions = Object.values(objects).map(
    ({ key, etag, lastModifiedMs }) => `${key} ${etag} ${Math.floor(lastModifiedMs / 1000)}`,
  )
  return JSON.stringify([verdict?.stamp ?? null, paths, versions.toSorted()])
}

/** How long to wait before the look that has to find nothing. */
export function nextLookMs(state: RecordingState): number {
  const mayBeCopying = state.files.some(
    (file) => file.state === 'in_temp' || file.state === 'moving',
  )
  return mayBeCopying ? afterCopyMs : secondLookMs
}

/** When a recording that nobody deleted reaches its end; `null` when it has none, or is not over yet. */
export function expiryMs(state: RecordingState): number | null {
  const { expiresAtMs, legalHold } = state.seen.wishes
  // What was concluded from silence runs no more, whatever its last word was.
  const isRunning =
    state.conclusion === null && ['starting', 'active', 'ending'].includes(status(state))
  if (legalHold?.value === true || isRunning || isRemovalWanted(state)) return null
  return expiresAtMs?.value ?? null
}

/** Everything to remove, in this order: what names other objects goes after them. */
export function scopesOf(state: RecordingState, settings: Settings): Scope[] {
  const folders = ownFolders(state, settings)
  const isElsewhere = (key: string): boolean => !folders.some((folder) => isUnder(folder, key))
  const objects = singleObjects(state, settings)
  const shared = objects.filter(({ key }) => isElsewhere(key))
  const lists = listsOf(state, shared).filter(({ folder }) => isElsewhere(folder))
  return [
    ...state.files.flatMap((file) => uploadsOf(state, file, settings)),
    ...lists,
    ...imageScopes(state, settings).filter(({ prefix }) => isElsewhere(prefix)),
    ...shared,
    ...folders.map((prefix): Scope => ({ kind: 'folder', prefix })),
  ]
}

/** Folders that nobody else writes to: the final one, those of its starts, those that its id names. */
function ownFolders({ egressId, seen }: RecordingState, settings: Settings): string[] {
  const { tempPrefix, finalPrefix } = settings
  const startIds = [seen.startId?.value, seen.wishes.startId?.value].filter(
    (startId) => startId !== undefined,
  )
  const named = seen.paths
    .flatMap((path) => tempKeys(path, tempPrefix))
    .filter((key) => isUnder(tempPrefix, key))
    .flatMap((key) => {
      const end = directoryOf(key).indexOf(`/${egressId}/`)
      return end === -1 ? [] : [key.slice(0, end + egressId.length + 2)]
    })
  const folders = [
    finalFolder(finalPrefix, egressId),
    ...startIds.map((startId) => startFolder(tempPrefix, startId)),
    ...named,
  ]
  return [...new Set(folders)]
}

/** Playlists beside their segments, and those that were moved before all of their segments were. */
function listsOf(state: RecordingState, shared: ObjectScope[]): Extract<Scope, { kind: 'list' }>[] {
  const beside = shared
    .filter(({ key }) => isListName(key))
    .map((object) => ({ ...object, kind: 'list' as const, folder: directoryOf(object.key) }))
  const listed = { kind: 'list' as const, etag: null, ...anyTime }
  const moved = state.folders.flatMap((folder) => {
    const { source = null, final = null } = playlistOf(state, folder) ?? {}
    return folder.state === 'done' || source === null || final === null
      ? []
      : [{ ...listed, key: final.key, folder: directoryOf(source.key) }]
  })
  return [...beside, ...moved]
}

type ObjectScope = Extract<Scope, { kind: 'object' }>

function singleObjects(state: RecordingState, { tempPrefix }: Settings): ObjectScope[] {
  const { seen, files, egressId } = state
  const times = timesOf(state)
  const object = (key: string, etag: string | null): ObjectScope => {
    // The name of a manifest is its egress's own.
    const isOwn = etag !== null || key.endsWith(`/${egressId}.json`)
    return { kind: 'object', key, etag, ...(isOwn ? anyTime : times) }
  }
  // By the ETag of the object that was moved: another one at its place is somebody else's.
  const found = files.flatMap(({ source, final, tempRemoved, ...file }) => [
    ...(source === null || tempRemoved || isBackup({ source, final, tempRemoved, ...file })
      ? []
      : [object(source.key, source.etag)]),
    ...(final === null ? [] : [object(final.key, final.etag)]),
  ])
  const isFound = (path: string): boolean =>
    files.some((file) => nameFor(state, file.path) === path && file.source !== null)
  const unfound = seen.paths.filter((path) => !isFound(path))
  const manifests = seen.paths.map((path) => manifestPath(path, egressId))
  const named = [...unfound, ...manifests]
    .flatMap((path) => [...tempKeys(path, tempPrefix), ...keysByLocation(seen, path, tempPrefix)])
    .filter((key) => isUnder(tempPrefix, key))
    .map((key) => object(key, null))
  const isMoved = (fact: ObjectFact): boolean =>
    files.some(
      ({ source, tempRemoved }) =>
        tempRemoved &&
        source?.key === fact.key &&
        source.etag === fact.etag &&
        !isLater(fact, source),
    )
  const told = Object.values(seen.objects)
    .filter((fact) => isUnder(tempPrefix, fact.key) && !isMoved(fact))
    .map(({ key, etag }) => object(key, etag))
  const all = [...found, ...told, ...named]
  return all.filter(
    (scope, index) =>
      all.findIndex((other) => other.key === scope.key && other.etag === scope.etag) === index,
  )
}

function timesOf(state: RecordingState): Times {
  const { firstStartedAtMs, firstHeardAtMs, terminalAtMs, verdict } = state.seen
  const endedAtMs = isEnded(state) ? (terminalAtMs?.value ?? Infinity) : Infinity
  return {
    notBeforeMs: (firstStartedAtMs ?? firstHeardAtMs ?? 0) - clockSlackMs,
    // What the sweep takes for that of an egress that failed, it tells.
    notAfterMs: endedAtMs + (isFailure(verdict?.value.status) ? 0 : clockSlackMs),
  }
}

function imageScopes(
  state: RecordingState,
  { tempPrefix }: Settings,
): Extract<Scope, { kind: 'images' }>[] {
  return (state.seen.outputs?.value ?? [])
    .filter((fact) => fact.kind === 'image' && fact.path !== '')
    .flatMap((fact) => tempKeys(fact.path, tempPrefix))
    .filter((prefix) => isUnder(tempPrefix, prefix))
    .map((prefix) => ({ kind: 'images', prefix, ...timesOf(state) }))
}

function uploadsOf(state: RecordingState, file: FileWork, settings: Settings): Scope[] {
  const { upload, abandoned, name, source } = file
  const key = `${finalFolder(settings.finalPrefix, state.egressId)}${name}`
  const isInParts = isBackup(file) || (source?.sizeBytes ?? 0) > settings.multipartAboveBytes
  const mayBeBegun = isInParts && (file.state === 'in_temp' || file.state === 'moving')
  return [
    ...(upload === null ? [] : [{ kind: 'upload' as const, key, uploadId: upload.uploadId }]),
    ...(abandoned === null ? [] : [{ kind: 'upload' as const, ...abandoned }]),
    ...(mayBeBegun ? [{ kind: 'open-uploads' as const, key }] : []),
  ]
}
