// The steps of a folder: copies the segments of a playlist, or the images of an output, a bounded number at a time, and
// removes the temp files in a second pass when everything that refers to them lies in the final folder. Each file takes the
// same way as a recording of one file: found, copied, looked at, and before it is removed looked at once more.
import { candidateKeys } from '../recording/files.ts'
import { begunAnew, directoryOf, isImageOf, playlistOf, versionOf } from '../recording/folders.ts'
import type { FolderStep } from '../recording/folders.ts'
import { finalFolder, isSafeKey } from '../recording/keys.ts'
import { settle } from '../recording/lifecycle.ts'
import { Trouble } from '../recording/ports.ts'
import { readPlaylist } from '../recording/playlist.ts'
import { contentTypeOf } from '../recording/recording.ts'
import type { FolderWork, RecordingState } from '../recording/state.ts'
import { mostImageNames, mostMissingNames, noPause, pauseAfter } from '../recording/state.ts'
import {
  copy,
  isCopyOf,
  isSame,
  refusalsIn,
  removeTemp,
  verify,
  wasCopiedFor,
} from '../storage/move.ts'
import type { Move } from '../storage/move.ts'
import { lookedAgain } from './file-outcome.ts'
import { inGroups } from './groups.ts'
import { entry, faultOf, firstOf, nothing } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** Requests that one file may need, in either pass. */
const requestsPerFile = 5
/** Requests that find out which files are next. */
const requestsBefore = 10

interface FolderContext {
  folder: FolderWork
  state: RecordingState
  ports: Ports
}

/** Performs one step of one folder. */
export async function performOnFolder(step: FolderStep, context: FolderContext): Promise<Outcome> {
  const { folder, ports } = context
  try {
    const batch = await nextFiles(context)
    if (batch === 'changed') return lookedForPlaylist(context)
    return step === 'copy-files'
      ? await copyFiles(context, batch)
      : await removeFiles(context, batch)
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(folder.pause, fault, ports.clock.nowMs(), ports.clock.random())
    return {
      change: onFolder(folder, (now) => ({ ...now, pause })),
      entries: firstOf(folder.pause, `folder.${step}-failed`, fault, { path: folder.path }),
    }
  }
}

interface Batch {
  files: { tempKey: string; name: string }[]
  /** The folder as the pass found it: begun anew when the playlist is another one by now. */
  folder: FolderWork
  position: FolderWork['position']
  total: number | null
  isLast: boolean
  isClosed: boolean
}

/** The files that the pass has come to; `changed` when the playlist is no longer the one that was found. */
async function nextFiles(context: FolderContext): Promise<Batch | 'changed'> {
  const { subrequests } = context.ports.settings
  const limit = Math.max(1, Math.floor((subrequests - requestsBefore) / requestsPerFile))
  return context.folder.kind === 'segments'
    ? nextSegments(context, limit)
    : nextImages(context, limit)
}

async function nextSegments(
  { folder, state, ports }: FolderContext,
  limit: number,
): Promise<Batch | 'changed'> {
  const playlist = playlistOf(state, folder)
  if (playlist?.source == null) return 'changed'
  const key = playlist.final?.key ?? playlist.source.key
  const text = await ports.store.text(key)
  if (playlist.final === null) {
    const now = await ports.store.head(key)
    if (now === null || !isSame(now, playlist.source)) return 'changed'
  }
  // An empty list would pass for one that names no files, and a recording for one without a picture; of a page of something
  // between us and the store each line would pass for a segment that is missing.
  if (text === null || !text.trimStart().startsWith('#'))
    throw new Trouble('playlist-unreadable', `The store gave no playlist for ${key}.`)
  const version = versionOf(playlist)
  const isAnother = playlist.final === null && folder.version !== version
  const present = isAnother ? { ...begunAnew(folder), version } : folder
  const { segments, isClosed } = readPlaylist(text)
  const from = present.position.files
  const names = segments.slice(from, from + limit)
  const directory = directoryOf(playlist.source.key)
  return {
    files: names.map((name) => ({ tempKey: `${directory}${name}`, name })),
    folder: present,
    position: { files: from + names.length, afterKey: null },
    total: segments.length,
    isLast: from + names.length >= segments.length,
    isClosed,
  }
}

/** Images are known by their names: what LiveKit called them all, and a number or nothing behind it. */
async function nextImages({ folder, state, ports }: FolderContext, limit: number): Promise<Batch> {
  const candidates = candidateKeys(state, folder.path, ports.settings)
  const prefixes = 'keys' in candidates ? candidates.keys : []
  const { afterKey, files: before } = folder.position
  for (const prefix of prefixes) {
    if (afterKey !== null && !afterKey.startsWith(prefix)) continue
    const page = await ports.store.list({ prefix, after: afterKey, limit })
    const images = page.objects.filter(({ key }) => isImageOf(prefix, key))
    if (images.length === 0 && page.next === null && afterKey === null) continue
    const directory = directoryOf(prefix)
    return {
      files: images.map(({ key }) => ({ tempKey: key, name: key.slice(directory.length) })),
      folder,
      position: { files: before + images.length, afterKey: page.next },
      total: null,
      isLast: page.next === null,
      isClosed: true,
    }
  }
  const position = { files: before, afterKey: null }
  return { files: [], folder, position, total: null, isLast: true, isClosed: true }
}

async function copyFiles(context: FolderContext, batch: Batch): Promise<Outcome> {
  const { folder } = context
  const { position, total, isLast, isClosed } = batch
  const results = await inGroups(batch.files, async (file) => ({
    name: file.name,
    ...(await copyOne(context, file)),
  }))
  const missing = results.filter((result) => result.outcome === 'missing').map(({ name }) => name)
  const doneBytes = results.reduce((sum, result) => sum + result.sizeBytes, 0)
  const copied = results.filter((result) => result.outcome === 'copied').map(({ name }) => name)
  const images = folder.kind === 'images' ? copied : []
  const before = batch.folder
  const places = images.map((name) => `${folder.place}${name}`)
  return {
    change: onUnchanged(folder, () => ({
      ...before,
      state: isLast ? 'copied' : 'copying',
      position: isLast ? { files: 0, afterKey: null } : position,
      total: total ?? position.files,
      doneBytes: before.doneBytes + doneBytes,
      isClosed,
      missing: [...before.missing, ...missing].slice(0, mostMissingNames),
      missingCount: before.missingCount + missing.length,
      names: [...before.names, ...places].slice(0, mostImageNames),
      pause: noPause,
    })),
    entries: [
      ...missing
        .slice(0, Math.max(0, mostMissingNames - before.missingCount))
        .map((name) => entry('segment.missing', { path: folder.path, name })),
      ...told(batch, folder.path, isLast),
    ],
  }
}

/** The journal is told of a long move ten times, not at each of its thousand steps. */
function told(batch: Batch, path: string, isLast: boolean): Outcome['entries'] {
  const { position, total } = batch
  const files = position.files
  const detail = { path, files, total: total ?? files }
  if (isLast) return [entry('folder.copied', detail)]
  const tenth = (count: number): number => Math.floor((10 * count) / Math.max(total ?? 1000, 1))
  const isNews =
    batch.folder.position.files === 0 || tenth(batch.folder.position.files) < tenth(files)
  return isNews ? [entry('folder.copying', detail)] : []
}

/** One file, from temp to a copy that was looked at. */
async function copyOne(
  context: FolderContext,
  { tempKey, name }: { tempKey: string; name: string },
): Promise<{ outcome: 'copied' | 'missing'; sizeBytes: number }> {
  const { ports } = context
  const finalKey = finalKeyOf(context, name)
  if (!isSafeKey(tempKey) || !isSafeKey(finalKey)) return { outcome: 'missing', sizeBytes: 0 }
  const source = await ports.store.head(tempKey)
  if (source === null) {
    // Gone from temp: an earlier, longer life of this folder had removed it already.
    const there = await ports.store.head(finalKey)
    return there !== null && wasCopiedFor(there, context.state.egressId)
      ? { outcome: 'copied', sizeBytes: there.sizeBytes }
      : { outcome: 'missing', sizeBytes: 0 }
  }
  const move: Move = {
    egressId: context.state.egressId,
    source,
    finalKey,
    contentType: source.contentType ?? contentTypeOf(name),
    downloadName: name,
    // Nothing is ever replaced: what lies there may be all that is left of another run.
    wasAsked: false,
  }
  const outcome = await copy(ports.store, move)
  // Something that is not this file lies under the name that the playlist uses: it stays, and ours stays in the temp folder.
  if (outcome === 'occupied') return { outcome: 'missing', sizeBytes: 0 }
  const verified = outcome === 'copied' ? await verify(ports.store, move) : null
  if (verified?.outcome !== 'verified') {
    throw new Trouble('segment-unsettled', `The copy ${finalKey} is not what was to be copied.`)
  }
  return { outcome: 'copied', sizeBytes: source.sizeBytes }
}

async function removeFiles(context: FolderContext, batch: Batch): Promise<Outcome> {
  const { folder } = context
  await inGroups(batch.files, async (file) => removeOne(context, file))
  const change = onUnchanged(folder, (now) => ({
    ...now,
    state: batch.isLast ? 'done' : 'removing',
    position: batch.position,
    pause: noPause,
  }))
  return {
    // Another run may have been told of meanwhile.
    change: batch.isLast ? (now) => settle(change(now)) : change,
    entries: batch.isLast ? [entry('folder.removed', { path: folder.path })] : [],
  }
}

/** Removes a temp file whose copy is there; whatever has no copy stays. */
async function removeOne(
  context: FolderContext,
  { tempKey, name }: { tempKey: string; name: string },
): Promise<void> {
  const { ports } = context
  const finalKey = finalKeyOf(context, name)
  if (!isSafeKey(tempKey) || !isSafeKey(finalKey)) return
  const source = await ports.store.head(tempKey)
  if (source === null) return
  const there = await ports.store.head(finalKey)
  if (there === null || !isCopyOf(there, source)) return
  await removeTemp(ports.store, source, ports.settings.tempPrefix, refusalsIn(context.folder.pause))
}

/** Names are kept as they are: a playlist finds its segments by them. */
function finalKeyOf({ folder, state, ports }: FolderContext, name: string): string {
  return `${finalFolder(ports.settings.finalPrefix, state.egressId)}${folder.place}${name}`
}

/** The playlist is looked for anew; its segments are walked again when it is another one. */
function lookedForPlaylist({ folder, state, ports }: FolderContext): Outcome {
  const file = playlistOf(state, folder)
  if (file === undefined) return nothing
  const message = `${file.source?.key} is no longer the playlist that was found.`
  return lookedAgain({ file, state, ports }, 'changed', message)
}

/** A pass that somebody began anew meanwhile goes on from there. */
function onUnchanged(
  folder: FolderWork,
  change: (now: FolderWork) => FolderWork,
): Outcome['change'] {
  return onFolder(folder, (now) =>
    now.state === folder.state && now.position.files === folder.position.files ? change(now) : now,
  )
}

function onFolder(folder: FolderWork, change: (now: FolderWork) => FolderWork): Outcome['change'] {
  return (state) => ({
    ...state,
    folders: state.folders.map((known) =>
      known.path === folder.path && known.run === folder.run ? change(known) : known,
    ),
  })
}
