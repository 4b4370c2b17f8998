// What one witness saw of one egress. Webhooks, LiveKit's list, manifests, bucket listings and API calls are all
// translated into this one shape and told to the egress's object through one door, so that duplicates, retries,
// reordering and loss stop being cases. Plain JSON: it is journaled as it is. It must never carry a secret.
import { hash } from './hash.ts'
import type { Wishes } from './wishes.ts'

/** Who saw it. `api` is one of our own callers, `livekit` an answer that we asked LiveKit for. */
export type Witness = 'webhook' | 'livekit' | 'manifest' | 'object' | 'api'

export const recordingKinds = [
  'room_composite',
  'web',
  'participant',
  'track_composite',
  'track',
  'template',
  'media',
] as const
export type RecordingKind = (typeof recordingKinds)[number]

export const fileKinds = [
  'video',
  'audio',
  'playlist',
  'live_playlist',
  'image',
  'manifest',
] as const
export type FileKind = (typeof fileKinds)[number]

/** One file that LiveKit wrote, or says that it will write. */
export interface OutputFact {
  kind: FileKind
  /** LiveKit's `filename`: the storage path without the server's own prefix, not cleaned (livekit.md §2.1). */
  path: string
  sizeBytes: number | null
  durationMs: number | null
  /** Size of all segments of a playlist together. */
  folderBytes?: number | null
  /** Where LiveKit's backup storage gives it, for seven days. Whoever has the address has the file: never shown. */
  backupUrl?: string
  /** It lies where it is to stay, under exactly this key: a recording from before us, or from a lost catalogue. */
  inPlace?: true
  /** LiveKit gave a location, that is: it says that the upload succeeded. */
  located: boolean
}

/** What LiveKit said of an egress, in one message. `null`: it did not say. */
export interface EgressFacts {
  /** LiveKit's own word, raw. Unknown words are kept as they came. */
  status: string | null
  /** Attempt number of LiveKit Cloud's automatic retry; an attempt supersedes the ones before it. */
  retryCount: number
  /** Microseconds: nanoseconds do not fit a number, milliseconds do not tell two updates apart. */
  updatedAtUs: number | null
  kind: RecordingKind | null
  roomId: string | null
  roomName: string | null
  title: string | null
  /** When the media begins and ends, as far as LiveKit says it. */
  startedAtMs: number | null
  endedAtMs: number | null
  /** When the egress ended. Two values under one egress id are two runs (livekit.md §6, faults W21). */
  terminalAtMs: number | null
  outputs: OutputFact[] | null
  /** What a location of LiveKit's has before the name of its file: the address of the bucket, or of a folder in it. */
  base: string | null
  /** Outputs that are no files (RTMP): an egress with nothing else ends without any file, rightly. */
  streams: boolean
  error: string | null
  errorCode: number | null
  details: string | null
  /** The file went to LiveKit's backup storage instead of the bucket. */
  backup: boolean
  /** Bucket that the start request named; `null` when the egress service has its own settings. */
  bucket: string | null
  /** The start of ours that the request carries the mark of. */
  startId: string | null
}

/** One object as the bucket showed it. */
export interface ObjectFact {
  key: string
  etag: string
  sizeBytes: number
  lastModifiedMs: number
}

export interface Observation {
  /** Two observations with the same id are the same observation. */
  id: string
  source: Witness
  /** What it was, for the timeline: `egress_ended`, `list`, `manifest`, … */
  type: string
  observedAtMs: number
  egress: EgressFacts | null
  objects: ObjectFact[]
  /** What a person wants of the recording. */
  wishes?: Partial<Wishes>
  /** The message as it came, without secrets, for people. Nothing is decided by it. */
  raw?: unknown
}

/** An observation that says nothing yet; callers add what they saw. */
export function observation(
  said: Pick<Observation, 'id' | 'source' | 'type' | 'observedAtMs'> & Partial<Observation>,
): Observation {
  return { egress: null, objects: [], ...said }
}

/**
 * What LiveKit answered of an egress. The same word is the same observation whichever of our calls it answered, so that it is
 * told once.
 * @param type of the call, for the timeline
 */
export function livekitSaid(type: string, egress: EgressFacts, observedAtMs: number): Observation {
  const id = `livekit:${wordOf(egress)}`
  return observation({ id, source: 'livekit', type, observedAtMs, egress })
}

/**
 * The same for the same word of LiveKit's. Its status and its time alone do not tell: a word may come again with a file that
 * it did not have before. The address of a backup is no part of it, for it may be signed anew each time.
 */
export function wordOf({ status, updatedAtUs, retryCount, outputs, backup }: EgressFacts): string {
  const named = (outputs ?? []).map(({ path, sizeBytes, folderBytes, located }) =>
    [path, sizeBytes, folderBytes, located].join(),
  )
  return [status, updatedAtUs, retryCount, hash([backup, ...named].join('\n'))].join(':')
}

/** Facts that say nothing yet. */
export const noFacts: EgressFacts = {
  status: null,
  retryCount: 0,
  updatedAtUs: null,
  kind: null,
  roomId: null,
  roomName: null,
  title: null,
  startedAtMs: null,
  endedAtMs: null,
  terminalAtMs: null,
  outputs: null,
  base: null,
  streams: false,
  error: null,
  errorCode: null,
  details: null,
  backup: false,
  bucket: null,
  startId: null,
}
