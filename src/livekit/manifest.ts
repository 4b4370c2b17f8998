// Reads the manifest that LiveKit writes beside a finished recording, last of all (livekit.md §3): it is the witness that
// needs neither a webhook nor LiveKit's memory. Its nanoseconds are JSON numbers beyond 2^53, which `JSON.parse` would
// round; they are read from the text. A manifest is a stranger's file until it has this shape.
import { hash } from '../recording/hash.ts'
import { isEgressId } from '../recording/keys.ts'
import { noFacts, observation } from '../recording/observation.ts'
import type { Observation, OutputFact, RecordingKind } from '../recording/observation.ts'
import { isListName, isMediaName, isPlayableName } from '../recording/outputs.ts'
import { mediaKindOf } from '../recording/recording.ts'
import { children, isObject, nanosAsMs, nanosAsUs, parseObject, text } from './json.ts'
import type { Json } from './json.ts'
import { baseOf } from './location.ts'
import { scrub } from './scrub.ts'

/** The egress that a key would be the manifest of, by its name: `<egress id>.json`. `null` for other names. */
export function egressIdOfManifest(key: string): string | null {
  const egressId = /(?:^|\/)(EG_[A-Za-z0-9_-]+)\.json$/.exec(key)?.[1]
  return egressId !== undefined && isEgressId(egressId) ? egressId : null
}

/** True for the name of a manifest of either style: servers before 1.9 wrote `<file>.json` (livekit.md §3). */
export function isManifestName(key: string): boolean {
  if (egressIdOfManifest(key) !== null) return true
  const path = pathOfManifest(key)
  return path !== key && (isPlayableName(path) || /\.jpe?g$/i.test(path))
}

/** What a manifest of the older style is named after. */
function pathOfManifest(key: string): string {
  return key.replace(/\.json$/i, '')
}

/** Twelve hours of segments are a few megabytes; what is larger is no manifest and is not read. */
export const mostManifestBytes = 16 * 1024 * 1024
/** Entries of a list that the timeline shows; what an object can keep of one observation is limited. */
const mostShownEntries = 3

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
  // LiveKit writes both from one value; a manifest that speaks of another egress than its name is none of LiveKit's.
  if ((egressIdOfManifest(key) ?? egressId) !== egressId) return null
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
    base: baseIn(json),
  }
  // A store without ETags does not tell one manifest at a place from the next.
  const id = `manifest:${key}:${etag === '' ? hash(body) : etag}`
  const raw = scrub(shortened(json))
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
  const playlists = children(json, 'playlists').map(playlistPath)
  const images = children(json, 'images').map((image) => imagePrefix(text(image, 'filename') ?? ''))
  const listed = [
    ...known(files).map((path) => located(mediaKindOf(path), path)),
    ...known(playlists).map((path) => located('playlist', path)),
    ...known(images).map((path) => located('image', path)),
  ]
  if (listed.length > 0) return listed
  // The older style names no files: its own name is that of the file, or the beginning of the images' names, and more.
  if (egressIdOfManifest(key) !== null) return []
  const path = pathOfManifest(key)
  if (isListName(path)) return [located('playlist', path)]
  return [located(isMediaName(path) ? mediaKindOf(path) : 'image', path)]
}

function baseIn(json: Json): string | null {
  const written = [
    ...children(json, 'files'),
    ...children(json, 'images').slice(0, 1),
    ...children(json, 'playlists').flatMap((list) => children(list, 'segments').slice(0, 1)),
  ]
  const bases = written.map((one) => baseOf(text(one, 'location'), text(one, 'filename')))
  return bases.find((base) => base !== null) ?? null
}

/** Each path once. */
function known(paths: (string | null)[]): string[] {
  return [...new Set(paths.map((path) => path ?? ''))].filter((path) => path !== '')
}

/**
 * A manifest names a playlist only by its location (livekit.md §3), which begins as the locations of its segments do: with
 * the address of the bucket, or of the server's own folder in it.
 */
function playlistPath(playlist: Json): string | null {
  const location = withoutSignature(text(playlist, 'location') ?? '')
  for (const segment of children(playlist, 'segments')) {
    const path = text(segment, 'filename')
    const at = withoutSignature(text(segment, 'location') ?? '')
    if (path === null) continue
    const base = at.endsWith(path) ? at.slice(0, at.length - path.length) : null
    if (base !== null && base !== '' && location.startsWith(base)) {
      return location.slice(base.length)
    }
    const name = location.slice(location.lastIndexOf('/') + 1)
    if (name.endsWith('.m3u8')) return `${path.slice(0, path.lastIndexOf('/') + 1)}${name}`
  }
  return null
}

/** A location is written as it is, without any encoding; only a presigned one is a URL (livekit.md §4.3). */
function withoutSignature(location: string): string {
  const at = location.search(/\?[^?]*X-Amz-Signature=/i)
  if (at < 0) return location
  try {
    return decodeURIComponent(location.slice(0, at))
  } catch {
    return location.slice(0, at)
  }
}

/**
 * `thumb_00012.jpeg` and `thumb_20260101000013120.jpeg` are images of the output `thumb` (livekit.md §4.4), and so is
 * `thumb.jpeg`, the one that is written over and over.
 */
function imagePrefix(path: string): string {
  return path.replace(/(?:_\d+)?\.[^./]+$/, '')
}

/** The manifest with the first entries of each list: hours of segments are more than an object's row can hold. */
function shortened(value: unknown): unknown {
  if (Array.isArray(value)) {
    const left = value.length - mostShownEntries
    const shown: unknown[] = value.slice(0, mostShownEntries).map(shortened)
    return left > 0 ? [...shown, `and ${left} more`] : shown
  }
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shortened(part)]))
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

/** Whole numbers of 16 digits and more become strings before they can be rounded. */
function parse(body: string): Json | null {
  const exact = body.replaceAll(
    /("(?:[^"\\]|\\.)*")|(?<![\d.eE+-])(-?\d{16,})(?![\d.eE])/g,
    (whole, string, number) =>
      string === undefined && number !== undefined ? `"${number}"` : whole,
  )
  return parseObject(exact)
}
