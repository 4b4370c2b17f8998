// What a list is filtered by, and whether a recording passes: the exact answer, which the index only approximates. Pure.
import type { RecordingKind } from '../recording/observation.ts'
import type { Recording } from '../recording/recording.ts'
import type { Status } from '../recording/status.ts'
import { hasWords } from './words.ts'

export interface Filter {
  roomName: string | null
  /** None: all but `deleted`. */
  statuses: Status[]
  kind: RecordingKind | null
  /** Of the start; the first one included, the second one not. */
  fromMs: number | null
  toMs: number | null
  /** Both included. A recording of unknown duration passes neither. */
  minDurationMs: number | null
  maxDurationMs: number | null
  /** Words to be found in room, title and metadata; empty for any. */
  text: string
  /** Keys and values, all of which the recording has. */
  metadata: [string, string][]
  /** Only what a person should look at. */
  attention: boolean
}

/** Lets everything pass but `deleted`. */
export const noFilter: Filter = {
  roomName: null,
  statuses: [],
  kind: null,
  fromMs: null,
  toMs: null,
  minDurationMs: null,
  maxDurationMs: null,
  text: '',
  metadata: [],
  attention: false,
}

/** True when the recording passes. */
export function matches(recording: Recording, filter: Filter): boolean {
  const { roomName, status, kind, durationMs, attention, metadata } = recording
  const startMs = sortAtMs(recording)
  const { minDurationMs, maxDurationMs, fromMs, toMs } = filter
  return (
    recording.listed &&
    (filter.roomName === null || filter.roomName === roomName) &&
    (filter.statuses.length === 0 ? status !== 'deleted' : filter.statuses.includes(status)) &&
    (filter.kind === null || filter.kind === kind) &&
    (fromMs === null || startMs >= fromMs) &&
    (toMs === null || startMs < toMs) &&
    (minDurationMs === null || (durationMs !== null && durationMs >= minDurationMs)) &&
    (maxDurationMs === null || (durationMs !== null && durationMs <= maxDurationMs)) &&
    (!filter.attention || attention !== null) &&
    filter.metadata.every(
      ([key, value]) => Object.hasOwn(metadata, key) && metadata[key] === value,
    ) &&
    (filter.text === '' || hasWords(searchedText(recording), filter.text))
  )
}

/** When it started; when we first heard of it while nobody has said. */
export function sortAtMs(recording: Recording): number {
  return recording.startedAtMs ?? recording.createdAtMs
}

/** What `q` searches. */
export function searchedText({ roomName, title, metadata }: Recording): string {
  return [roomName ?? '', title ?? '', ...Object.entries(metadata).flat()].join('\n')
}
