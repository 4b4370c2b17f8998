// The steps of a folder: copies the segments of a playlist, or the images of an output, a bounded number at a time, and
// removes the temp files in a second pass when everything that refers to them lies in the final folder. Each file takes the
// same way as a recording of one file: found, copied, looked at, and before it is removed looked at once more.
import { finalFolder, isSafeKey, tempKeys } from '../recording/keys.ts'
import { directoryOf, playlistOf } from '../recording/folders.ts'
import type { FolderStep } from '../recording/folders.ts'
import { Trouble } from '../recording/ports.ts'
import { readPlaylist } from '../recording/playlist.ts'
import { contentTypeOf } from '../recording/recording.ts'
import type { FolderWork, RecordingState } from '../recording/state.ts'
import { mostImageNames, mostMissingNames, noPause, pauseAfter } from '../recording/state.ts'
import { copy, isCopyOf, removeTemp, verify } from '../storage/move.ts'
import type { Move } from '../storage/move.ts'
import { entry, faultOf, firstOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** Requests that one file may need, in either pass. */
const requestsPerFile = 5
/** The platform runs six connections at a time (cloudflare.md §3). */
const atOnce = 6

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
  position: FolderWork['position']
  total: number | null
  isLast: boolean
  isClosed: boolean
}

/** The files that the pass has come to. */
async function nextFiles(context: FolderContext): Promise<Batch> {
  const limit = Math.max(1, Math.floor((context.ports.settings.subrequests - 10) / requestsPerFile))
  return context.folder.kind === 'segments'
    ? nextSegments(context, limit)
    : nextImages(context, limit)
}

async function nextSegments(
  { folder, state, ports }: FolderContext,
  limit: number,
): Promise<Batch> {
  const playlist = playlistOf(state, folder)
  const key = playlist?.final?.key ?? playlist?.source?.key
  const text = key === undefined ? null : await ports.store.text(key)
  const { segments, isClosed } = readPlaylist(text ?? '')
  const names = segments.slice(folder.position.files, folder.position.files + limit)
  const directory = directoryOf(playlist?.source?.key ?? '')
  const files = names.map((name) => ({ tempKey: `${directory}${name}`, name }))
  const done = folder.position.files + names.length
  return {
    files: files.filter((file) => isSafeKey(file.tempKey)),
    position: { files: done, afterKey: null },
    total: segments.length,
    isLast: done >= segments.length,
    isClosed,
  }
}

async function nextImages({ folder, ports }: FolderContext, limit: number): Promise<Batch> {
  const [prefix] = tempKeys(folder.path, ports.settings.tempPrefix)
  if (prefix === undefined)
    return { files: [], position: folder.position, total: 0, isLast: true, isClosed: true }
  const { afterKey } = folder.position
  const page = await ports.store.list({ prefix, after: afterKey, limit })
  const images = page.objects.filter(({ key }) => /\.(jpe?g|png|webp)$/i.test(key))
  const directory = directoryOf(prefix)
  return {
    files: images.map(({ key }) => ({ tempKey: key, name: key.slice(directory.length) })),
    position: { files: folder.position.files + images.length, afterKey: page.next },
    total: null,
    isLast: page.next === null,
    isClosed: true,
  }
}

async function copyFiles(context: FolderContext, batch: Batch): Promise<Outcome> {
  const { folder } = context
  const results = await inGroups(batch.files, async (file) => ({
    name: file.name,
    ...(await copyOne(context, file)),
  }))
  const missing = results.filter((result) => result.outcome === 'missing').map(({ name }) => name)
  const doneBytes = results.reduce((sum, result) => sum + result.sizeBytes, 0)
  const images = folder.kind === 'images' ? results.map(({ name }) => name) : []
  return {
    change: onFolder(folder, (now) => ({
      ...now,
      state: batch.isLast ? 'copied' : 'copying',
      position: batch.isLast ? { files: 0, afterKey: null } : batch.position,
      total: batch.total ?? batch.position.files,
      doneBytes: now.doneBytes + doneBytes,
      isClosed: batch.isClosed,
      missing: [...now.missing, ...missing].slice(0, mostMissingNames),
      missingCount: now.missingCount + missing.length,
      names: [...now.names, ...images].slice(0, mostImageNames),
      pause: noPause,
    })),
    entries: [
      ...missing.map((name) => entry('segment.missing', { path: folder.path, name })),
      entry(batch.isLast ? 'folder.copied' : 'folder.copying', {
        path: folder.path,
        files: batch.position.files,
        total: batch.total ?? batch.position.files,
      }),
    ],
  }
}

/** One file, from temp to a copy that was looked at. */
async function copyOne(
  context: FolderContext,
  { tempKey, name }: { tempKey: string; name: string },
): Promise<{ outcome: 'copied' | 'missing'; sizeBytes: number }> {
  const { ports } = context
  const source = await ports.store.head(tempKey)
  const finalKey = finalKeyOf(context, name)
  if (source === null) {
    // Gone from temp: an earlier, longer life of this folder had removed it already.
    const there = await ports.store.head(finalKey)
    return { outcome: there === null ? 'missing' : 'copied', sizeBytes: there?.sizeBytes ?? 0 }
  }
  const move: Move = {
    egressId: context.state.egressId,
    source,
    finalKey,
    contentType: source.contentType ?? contentTypeOf(name),
    downloadName: name,
    wasAsked: true,
  }
  const outcome = await copy(ports.store, move)
  // Something that is not ours lies under the name that the playlist uses: it stays, and ours stays in the temp folder.
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
  return {
    change: onFolder(folder, (now) => ({
      ...now,
      state: batch.isLast ? 'done' : 'removing',
      position: batch.position,
      pause: noPause,
    })),
    entries: batch.isLast ? [entry('folder.removed', { path: folder.path })] : [],
  }
}

/** Removes a temp file whose copy is there; whatever has no copy stays. */
async function removeOne(
  context: FolderContext,
  { tempKey, name }: { tempKey: string; name: string },
): Promise<void> {
  const { ports } = context
  const source = await ports.store.head(tempKey)
  if (source === null) return
  const there = await ports.store.head(finalKeyOf(context, name))
  if (there === null || !isCopyOf(there, source)) return
  await removeTemp(ports.store, source, ports.settings.tempPrefix)
}

function finalKeyOf({ state, ports }: FolderContext, name: string): string {
  return `${finalFolder(ports.settings.finalPrefix, state.egressId)}${name.normalize('NFC')}`
}

async function inGroups<T, R>(items: T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let index = 0; index < items.length; index += atOnce) {
    results.push(...(await Promise.all(items.slice(index, index + atOnce).map(act))))
  }
  return results
}

function onFolder(folder: FolderWork, change: (now: FolderWork) => FolderWork): Outcome['change'] {
  return (state) => ({
    ...state,
    folders: state.folders.map((known) => (known.path === folder.path ? change(known) : known)),
  })
}
