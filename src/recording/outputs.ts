// Which outputs an ended egress has: by LiveKit's last word on them, by the names that it gave before, and by what was seen in
// the bucket. Exists for guessed names, and for attempts that left a file beside the one that counts. Pure.
import { directoryOf } from './folders.ts'
import { nameFor } from './named.ts'
import type { OutputFact } from './observation.ts'
import { mediaKindOf } from './recording.ts'
import type { Seen } from './seen.ts'
import type { RecordingState } from './state.ts'

/** What an ended egress has to bring home: what LiveKit named, and what lies in the bucket although nobody named it. */
export function outputsToMove(state: RecordingState): OutputFact[] {
  const { outputs, paths, livePaths } = state.seen
  const facts = (outputs?.value ?? []).filter((fact) => fact.path !== '')
  const media = facts.filter((fact) => fact.kind !== 'image')
  // Without a location the file name may be the first message's guess: every name that was ever given is tried. That a
  // manifest is there says nothing of another file.
  const isLocated = facts.some(({ kind, located }) => located && kind !== 'manifest')
  // Images and manifests have names of their own making; what else was named plays, or is a list of what plays.
  const unsaid = paths.filter((path) => !facts.some((fact) => fact.path === path))
  // A manifest lists no live playlist: the one beside a list that is moved goes with it, whoever named it and when.
  const lists = new Set(media.filter(({ kind }) => kind === 'playlist').map(folderOf))
  const lives = unsaid
    .filter((path) => livePaths.includes(path))
    .map((path) => ({ ...unpromised(path), kind: 'live_playlist' as const }))
    .filter((live) => !isLocated || lists.has(folderOf(live)))
  // An attempt's manifest says nothing of the next one, and goes home all the same.
  const manifests = unsaid
    .filter((path) => path.endsWith('.json'))
    .map((path) => ({ ...unpromised(path), kind: 'manifest' as const }))
  const guesses = unsaid.filter((path) => isPlayableName(path) && !livePaths.includes(path))
  const wanted = [...media, ...(isLocated ? [] : guesses.map(unpromised)), ...lives, ...manifests]
  // A retry may have chosen another name, and the attempt before it may have left a file: what lies in the bucket beside
  // what is wanted by name is a file as well, or another run of one that has its work.
  const named = new Set([...facts, ...wanted].map(({ path }) => path))
  const found = Object.keys(state.seen.objects)
    .filter(isMediaName)
    .map((key) => nameFor(state, key))
    .filter((name) => !named.has(name))
  return [...wanted, ...[...new Set(found)].map(unpromised)]
}

function folderOf({ path }: OutputFact): string {
  return directoryOf(path)
}

/** True for the name of a file that plays by itself. */
export function isMediaName(key: string): boolean {
  return /\.(mp4|webm|mkv|mov|ogg|mp3|m4a|aac|wav|h264|ivf)$/i.test(key)
}

/** True for the name of a playlist. */
export function isListName(key: string): boolean {
  return key.toLowerCase().endsWith('.m3u8')
}

/** The playlists that were seen in the bucket of a recording of which LiveKit named none. */
export function unnamedLists({ paths, objects }: Seen): string[] {
  return paths.some(isListName) ? [] : Object.keys(objects).filter(isListName)
}

/** True for the name of a file, or of a playlist, that plays. */
export function isPlayableName(key: string): boolean {
  return isMediaName(key) || isListName(key)
}

function unpromised(path: string): OutputFact {
  const kind = isListName(path) ? 'playlist' : mediaKindOf(path)
  return { kind, path, sizeBytes: null, durationMs: null, located: false }
}
