// EgressInfo, as webhooks and Twirp write it, into facts. Reads the raw JSON rather than the SDK's decoding: the SDK turns
// a status that it does not know into STARTING and gives up the whole message for one malformed number (livekit.md §1.6).
import { manifestPath } from '../recording/keys.ts'
import { findStartId } from '../recording/start.ts'
import { noFacts } from '../recording/observation.ts'
import type { EgressFacts, OutputFact, RecordingKind } from '../recording/observation.ts'
import { mediaKindOf } from '../recording/recording.ts'
import { child, children, count, flag, nanosAsMs, nanosAsUs, text } from './json.ts'
import type { Json } from './json.ts'
import { baseOf } from './location.ts'
import { scrubText } from './scrub.ts'

/** Statuses by number, as far as the protocol has them: some encoders write numbers. */
const statusNames = [
  'EGRESS_STARTING',
  'EGRESS_ACTIVE',
  'EGRESS_ENDING',
  'EGRESS_COMPLETE',
  'EGRESS_FAILED',
  'EGRESS_ABORTED',
  'EGRESS_LIMIT_REACHED',
]

/** The facts of one EgressInfo. Unknown fields are passed over, an unknown status is kept raw. */
export function factsOf(info: Json): EgressFacts {
  const request = requestOf(info)
  const egressId = text(info, 'egressId') ?? ''
  const files = results(info, 'fileResults', 'file')
  const segments = results(info, 'segmentResults', 'segments')
  const timed = [...files, ...segments, ...children(info, 'imageResults')]
  return {
    ...noFacts,
    status: statusOf(info),
    retryCount: count(info, 'retryCount') ?? 0,
    updatedAtUs: nanosAsUs(info, 'updatedAt') ?? nanosAsUs(info, 'endedAt'),
    kind: request?.kind ?? null,
    roomId: text(info, 'roomId'),
    roomName: text(info, 'roomName'),
    startedAtMs:
      least(timed.map((result) => nanosAsMs(result, 'startedAt'))) ?? nanosAsMs(info, 'startedAt'),
    endedAtMs: greatest(timed.map((result) => nanosAsMs(result, 'endedAt'))),
    terminalAtMs: nanosAsMs(info, 'endedAt'),
    outputs: outputsOf(info, egressId, files, segments),
    base: baseIn(files, segments),
    streams: children(info, 'streamResults').length > 0 || child(info, 'stream') !== null,
    error: scrubbed(text(info, 'error')),
    errorCode: count(info, 'errorCode'),
    details: scrubbed(text(info, 'details')),
    backup: flag(info, 'backupStorageUsed'),
    bucket: request === null ? null : bucketOf(request.body),
    startId: request === null ? null : startIdIn(request.body),
  }
}

function statusOf(info: Json): string {
  const status = info['status']
  if (typeof status === 'number') return statusNames[status] ?? `unknown:${status}`
  return typeof status === 'string' && status !== '' ? status : 'EGRESS_STARTING'
}

const requestNames: Record<string, RecordingKind> = {
  roomComposite: 'room_composite',
  web: 'web',
  participant: 'participant',
  trackComposite: 'track_composite',
  track: 'track',
}

function requestOf(info: Json): { kind: RecordingKind | null; body: Json } | null {
  for (const [name, kind] of Object.entries(requestNames)) {
    const body = child(info, name)
    if (body !== null) return { kind, body }
  }
  const body = child(info, 'egress') ?? child(info, 'replay')
  if (body === null) return null
  const source = (['template', 'web', 'media'] as const).find((name) => child(body, name) !== null)
  return { kind: source ?? null, body }
}

/** The plural lists first; some servers fill only the deprecated single result (livekit.md §2.1). */
function results(info: Json, plural: string, single: string): Json[] {
  const many = children(info, plural)
  const one = child(info, single)
  return many.length > 0 || one === null ? many : [one]
}

function outputsOf(
  info: Json,
  egressId: string,
  files: Json[],
  segments: Json[],
): OutputFact[] | null {
  const isBackup = flag(info, 'backupStorageUsed')
  const outputs = [
    ...files.map((file) => fileOutput(file, isBackup)),
    ...segments.flatMap(playlistOutputs),
    ...children(info, 'imageResults').map(imageOutput),
  ].filter((output) => output.path !== '')
  if (outputs.length === 0) return null
  const hasManifest = text(info, 'manifestLocation') !== null && !flag(info, 'backupStorageUsed')
  const paths = hasManifest ? outputs.map((output) => manifestPath(output.path, egressId)) : []
  const manifests = [...new Set(paths)].map((path) => ({
    kind: 'manifest' as const,
    path,
    sizeBytes: null,
    durationMs: null,
    located: true,
  }))
  return [...outputs, ...manifests]
}

function baseIn(files: Json[], segments: Json[]): string | null {
  const bases = [
    ...files.map((file) => baseOf(text(file, 'location'), text(file, 'filename'))),
    ...segments.map((each) => baseOf(text(each, 'playlistLocation'), text(each, 'playlistName'))),
  ]
  return bases.find((base) => base !== null) ?? null
}

function fileOutput(file: Json, isBackup: boolean): OutputFact {
  const path = text(file, 'filename') ?? ''
  const location = text(file, 'location')
  return {
    kind: mediaKindOf(path),
    path,
    sizeBytes: count(file, 'size'),
    durationMs: nanosAsMs(file, 'duration'),
    located: location !== null,
    ...(isBackup && location !== null && URL.canParse(location) ? { backupUrl: location } : {}),
  }
}

/** The path is the beginning of the images' names. */
function imageOutput(images: Json): OutputFact {
  return {
    kind: 'image',
    path: text(images, 'filenamePrefix') ?? '',
    sizeBytes: null,
    durationMs: null,
    located: count(images, 'imageCount') !== null,
  }
}

function playlistOutputs(segments: Json): OutputFact[] {
  const durationMs = nanosAsMs(segments, 'duration')
  const playlist = (
    kind: 'playlist' | 'live_playlist',
    name: string,
    location: string,
  ): OutputFact => ({
    kind,
    path: text(segments, name) ?? '',
    sizeBytes: null,
    durationMs,
    located: text(segments, location) !== null,
  })
  return [
    {
      ...playlist('playlist', 'playlistName', 'playlistLocation'),
      folderBytes: count(segments, 'size'),
    },
    playlist('live_playlist', 'livePlaylistName', 'livePlaylistLocation'),
  ]
}

/** The bucket that the request named for its S3 upload: in one of its outputs, or for all of them (v2). */
function bucketOf(request: Json): string | null {
  const outputs = ['fileOutputs', 'segmentOutputs', 'imageOutputs', 'outputs'].flatMap((name) =>
    children(request, name),
  )
  const single = ['file', 'segments']
    .map((name) => child(request, name))
    .filter((it) => it !== null)
  for (const holder of [request, ...single, ...outputs]) {
    for (const storage of [holder, child(holder, 'storage')]) {
      const s3 = storage === null ? null : child(storage, 's3')
      const bucket = s3 === null ? null : text(s3, 'bucket')
      if (bucket !== null) return bucket
    }
  }
  return null
}

/** Our mark in the echo of a start: in the address of its webhook, or in the paths that it was given. */
function startIdIn(request: Json): string | null {
  const lists = ['fileOutputs', 'segmentOutputs', 'imageOutputs', 'outputs']
  const outputs = [...lists.flatMap((name) => children(request, name)), request]
  const inner = outputs.flatMap((output) =>
    ['file', 'segments', 'images'].map((name) => child(output, name)),
  )
  const configs = [...outputs, ...inner.filter((config) => config !== null)]
  const said = [
    ...children(request, 'webhooks').map((webhook) => text(webhook, 'url')),
    ...configs.flatMap((config) =>
      ['filepath', 'playlistName', 'filenamePrefix'].map((name) => text(config, name)),
    ),
  ]
  return said.map((words) => findStartId(words ?? '')).find((startId) => startId !== null) ?? null
}

function least(numbers: (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null)
  return known.length === 0 ? null : Math.min(...known)
}

function greatest(numbers: (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function scrubbed(words: string | null): string | null {
  return words === null ? null : scrubText(words)
}
