// Reads the manifest that LiveKit writes beside a finished recording, last of all (livekit.md §3): it is the witness that
// needs neither a webhook nor LiveKit's memory. Its nanoseconds are JSON numbers beyond 2^53, which `JSON.parse` would
// round; they are read from the text. A manifest is a stranger's file until it has this shape.
import { isEgressId } from '../recording/keys.ts'
import { noFacts, observation } from '../recording/observation.ts'
import type { Observation, OutputFact, RecordingKind } from '../recording/observation.ts'
import { mediaKindOf } from '../recording/recording.ts'
import { children, isObject, nanosAsMs, nanosAsUs, text } from './json.ts'
import type { Json } from './json.ts'
import { scrub } from './scrub.ts'

/** The egress that a key would be the manifest of, by its name: `<egress id>.json`. `null` for other names. */
export function egressIdOfManifest(key: string): string | null {
  const egressId = /(?:^|\/)(EG_[A-Za-z0-9_-]+)\.json$/.exec(key)?.[1]
  return egressId !== undefined && isEgressId(egressId) ? egressId : null
}

/** True for the name of a manifest of either style: servers before 1.9 wrote `<file>.json` (livekit.md §3). */
export function isManifestName(key: string): boolean {
  return egressIdOfManifest(key) !== null || /\.(mp4|ogg|webm|mp3|m3u8|jpe?g)\.json$/i.test(key)
}

/** What a manifest says; `null` when the text is none. */
export function readManifest(
  key: string,
  etag: string,
  body: string,
  nowMs: number,
): { egressId: string; observation: Observation } | null {
  const json = parse(body)
  const egressId = json === null ? null : text(json, 'egressId')
  if (json === null || egressId === null || !isEgressId(egressId)) return null
  const endedAtMs = nanosAsMs(json, 'endedAt')
  const egress = {
    ...noFacts,
    updatedAtUs: nanosAsUs(json, 'endedAt'),
    kind: kindOf(json),
    roomId: text(json, 'roomId'),
    roomName: text(json, 'roomName'),
    startedAtMs: nanosAsMs(json, 'startedAt'),
    terminalAtMs: endedAtMs,
    outputs: [...outputsOf(json, key), located('manifest', key)],
  }
  const id = `manifest:${key}:${etag}`
  const raw = scrub(json)
  return {
    egressId,
    observation: observation({
      id,
      source: 'manifest',
      type: 'manifest',
      observedAtMs: nowMs,
      egress,
      raw,
    }),
  }
}

function outputsOf(json: Json, key: string): OutputFact[] {
  const files = children(json, 'files').map((file) => text(file, 'filename'))
  const playlists = children(json, 'playlists').flatMap((playlist) => playlistPath(playlist))
  const media = files
    .filter((path) => path !== null)
    .map((path) => located(mediaKindOf(path), path))
  const listed = [...media, ...playlists.map((path) => located('playlist', path))]
  if (listed.length > 0) return listed
  // The older style names no files: its own name is that of the file, and more.
  const path = key.replace(/\.json$/, '')
  if (path.endsWith('.m3u8')) return [located('playlist', path)]
  return egressIdOfManifest(key) === null ? [located(mediaKindOf(path), path)] : []
}

/** A manifest names a playlist only by its location; its segments lie in the same folder (livekit.md §4.4). */
function playlistPath(playlist: Json): string[] {
  const location = text(playlist, 'location')
  const segment = children(playlist, 'segments')
    .map((known) => text(known, 'filename'))
    .find((name) => name !== null)
  if (location === null || segment === undefined || segment === null) return []
  const name = decodeURIComponent(location.replace(/\?.*$/s, '').split('/').at(-1) ?? '')
  return name.endsWith('.m3u8') ? [`${segment.slice(0, segment.lastIndexOf('/') + 1)}${name}`] : []
}

function located(kind: OutputFact['kind'], path: string): OutputFact {
  return { kind, path, sizeBytes: null, durationMs: null, located: true }
}

function kindOf(json: Json): RecordingKind {
  if (text(json, 'url') !== null) return 'web'
  if (text(json, 'trackId') !== null) return 'track'
  if (text(json, 'audioTrackId') !== null || text(json, 'videoTrackId') !== null)
    return 'track_composite'
  return text(json, 'publisherIdentity') === null ? 'room_composite' : 'participant'
}

/** Numbers of 16 digits and more become strings before they can be rounded. */
function parse(body: string): Json | null {
  try {
    const exact = body.replaceAll(
      /("(?:[^"\\]|\\.)*")|(-?\d{16,})(?![\d.eE])/g,
      (whole, string, number) =>
        string === undefined && number !== undefined ? `"${number}"` : whole,
    )
    const json: unknown = JSON.parse(exact)
    return isObject(json) ? json : null
  } catch {
    return null
  }
}
