// A start of ours: what somebody wants recorded, and where its files go. Every start has an id of its own from before
// LiveKit is called, and the id stands in every path: so that an egress whose answer was lost is known by its first
// webhook, and no room name ever becomes part of a key (livekit.md §0.9). Pure.
import { observation } from './observation.ts'
import type { Observation, RecordingKind } from './observation.ts'
import type { Wishes } from './wishes.ts'

export const encodingPresets = [
  'H264_720P_30',
  'H264_720P_60',
  'H264_1080P_30',
  'H264_1080P_60',
  'PORTRAIT_H264_720P_30',
  'PORTRAIT_H264_720P_60',
  'PORTRAIT_H264_1080P_30',
  'PORTRAIT_H264_1080P_60',
] as const
export type EncodingPreset = (typeof encodingPresets)[number]

export const fileTypes = ['MP4', 'OGG', 'MP3'] as const
export type FileType = (typeof fileTypes)[number]

export const videoCodecs = ['H264_BASELINE', 'H264_MAIN', 'H264_HIGH'] as const
export const audioCodecs = ['OPUS', 'AAC', 'AC_MP3'] as const

/** As LiveKit names it; what is left out is LiveKit's to choose. */
export interface Encoding {
  width?: number | undefined
  height?: number | undefined
  depth?: number | undefined
  framerate?: number | undefined
  audioCodec?: (typeof audioCodecs)[number] | undefined
  audioBitrate?: number | undefined
  audioFrequency?: number | undefined
  videoCodec?: (typeof videoCodecs)[number] | undefined
  videoBitrate?: number | undefined
  keyFrameInterval?: number | undefined
}

/** What somebody wants recorded. */
export interface StartOrder {
  type: RecordingKind
  roomName?: string | undefined
  url?: string | undefined
  identity?: string | undefined
  trackId?: string | undefined
  audioTrackId?: string | undefined
  videoTrackId?: string | undefined
  layout?: string | undefined
  audioOnly?: boolean | undefined
  videoOnly?: boolean | undefined
  customBaseUrl?: string | undefined
  preset?: EncodingPreset | undefined
  encoding?: Encoding | undefined
  file?: { fileType?: FileType | undefined; name?: string | undefined } | undefined
  segments?:
    | {
        name?: string | undefined
        segmentDurationSeconds?: number | undefined
        live?: boolean | undefined
      }
    | undefined
  images?:
    | {
        intervalSeconds?: number | undefined
        width?: number | undefined
        height?: number | undefined
      }
    | undefined
  streams?: { urls: string[] } | undefined
  title?: string | undefined
  metadata?: Record<string, string> | undefined
  maxDurationMs?: number | undefined
  expiresAtMs?: number | undefined
  exclusive?: boolean | undefined
  disableManifest?: boolean | undefined
}

/** What a start wishes for its recording. */
export function wishesOf(order: StartOrder, startId: string): Partial<Wishes> {
  const { title, metadata, maxDurationMs, expiresAtMs } = order
  return {
    startId,
    ...(title === undefined ? {} : { title }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(maxDurationMs === undefined ? {} : { maxDurationMs }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }
}

/** What LiveKit said no with. */
export interface Refusal {
  status: number
  code: string
  message: string
}

/** Whether a start may go on in its room. */
export type Admission =
  | { kind: 'admitted' }
  /** A recording of the room runs, or is being started. */
  | { kind: 'busy'; egressId: string | null }
  /** Nobody could say which recordings run. */
  | { kind: 'trouble'; code: string; message: string }

export type StartResult =
  | { kind: 'started'; egressId: string; isRepeat: boolean }
  | { kind: 'refused'; refusal: Refusal }
  | Exclude<Admission, { kind: 'admitted' }>
  /** The name of the start was used for another one. */
  | { kind: 'other-order' }
  /** LiveKit was asked, and nobody knows yet what came of it. */
  | { kind: 'unknown' }

/** A start as its recording hears of it. */
export interface Started {
  askedAtMs: number
  wishes: Partial<Wishes>
}

/** The same whoever tells it, so that it is told once. */
export function startObservation(startId: string, { askedAtMs, wishes }: Started): Observation {
  const id = `start:${startId}`
  return observation({ id, source: 'api', type: 'start.asked', observedAtMs: askedAtMs, wishes })
}

const startIdForm = /(?<![0-9A-Za-z_-])ST_[0-9a-f]{24}(?:-[1-9]\d{0,5})?(?![0-9A-Za-z_-])/

/** The id of a try: the first has the name of its start, each later one a number, so that no two write to one folder. */
export function startIdOf(name: string, attempt: number): string {
  return attempt === 1 ? name : `${name}-${attempt}`
}

/** The name of the start that an id belongs to. */
export function startNameOf(startId: string): string {
  return startId.replace(/-\d+$/, '')
}

/** The id of a start of ours in a path, an address or a mark; `null` when there is none. */
export function findStartId(text: string): string | null {
  return startIdForm.exec(text)?.[0] ?? null
}

/** The folder that one start, and nobody else, uploads into. */
export function startFolder(tempPrefix: string, startId: string): string {
  return `${tempPrefix}${startId}/`
}

export interface StartPaths {
  /** Without its extension for `track`: LiveKit knows the right one when it knows the codec. */
  file: string | null
  playlist: string | null
  livePlaylist: string | null
  /** Beginnings of the names of segments and of images. */
  segments: string | null
  images: string | null
}

const extensions: Record<FileType, string> = { MP4: '.mp4', OGG: '.ogg', MP3: '.mp3' }

/** The type of the file: as asked for, as its name says, or MP4. */
export function fileTypeOf({ file }: StartOrder): FileType {
  const named = fileTypes.find((type) => file?.name?.toLowerCase().endsWith(extensions[type]))
  return file?.fileType ?? named ?? 'MP4'
}

/** True when the start has a file: asked for, or because nothing else was. */
export function hasFile({ file, segments, images, streams }: StartOrder): boolean {
  return (
    file !== undefined || (segments === undefined && images === undefined && streams === undefined)
  )
}

/**
 * Where LiveKit is to write. Segments and images have folders of their own in the temp folder; and their names cannot meet
 * in the recording's folder either, whatever they are called: each kind has its own extension, and the live playlist's
 * name is longer than the other one's.
 */
export function startPaths(order: StartOrder, tempPrefix: string, startId: string): StartPaths {
  const folder = startFolder(tempPrefix, startId)
  const { type, segments, images } = order
  const file = cleanName(order.file?.name, type === 'track' ? 'track' : 'video')
  const playlist = cleanName(segments?.name, 'index')
  return {
    file: hasFile(order)
      ? `${folder}${file}${type === 'track' ? '' : extensions[fileTypeOf(order)]}`
      : null,
    playlist: segments === undefined ? null : `${folder}hls/${playlist}.m3u8`,
    livePlaylist: segments?.live === true ? `${folder}hls/${playlist}-live.m3u8` : null,
    segments: segments === undefined ? null : `${folder}hls/${playlist}`,
    images: images === undefined ? null : `${folder}images/image`,
  }
}

const mostNameLetters = 100

/**
 * A name that somebody gave, as one path segment that LiveKit and every store take as it is: no folders, no `{…}`, which
 * LiveKit would fill in, no control characters, no dots where they mean something (livekit.md §4.2), one spelling.
 */
export function cleanName(name: string | undefined, fallback: string): string {
  const cleaned = (name ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replace(/\.(?:mp4|ogg|mp3|webm|m3u8|ts|ivf|h264|mkv)$/i, '')
    // oxlint-disable-next-line no-control-regex -- control characters are what is taken out here
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '')
    .replace(/[/\\{}]/g, '-')
  const short = Array.from(cleaned).slice(0, mostNameLetters).join('')
  // LiveKit cuts a playlist's name at its last dot, and a dot at either end is a hidden or a parent folder.
  const plain = short.replace(/^[\s.]+|[\s.]+$/g, '').replaceAll('.', '_')
  return plain === '' ? fallback : plain
}
