// What an egress writes into the bucket besides its media, to the byte: playlists and the manifest (livekit.md §3, §4.4). The
// bytes of a manifest matter: its times are JSON numbers that no double can hold.
import type { Recorded } from './egress-events.ts'

export function segmentNames(count: number, prefix = 'seg'): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${prefix}_${String(index).padStart(5, '0')}.ts`,
  )
}

/** A playlist as LiveKit writes it. */
export function playlistText(names: string[], isClosed = true): string {
  const head = [
    '#EXTM3U',
    '#EXT-X-VERSION:4',
    '#EXT-X-PLAYLIST-TYPE:EVENT',
    '#EXT-X-TARGETDURATION:6',
  ]
  const items = names.flatMap((name) => [
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z',
    '#EXTINF:6',
    name,
  ])
  return [...head, ...items, ...(isClosed ? ['#EXT-X-ENDLIST'] : []), ''].join('\n')
}

/** SegmentsInfo of an ended egress. */
export function segmentsInfo(story: Recorded, more: Record<string, unknown> = {}) {
  return {
    playlistName: story.filename,
    duration: nanos(story.endedAtMs - story.startedAtMs),
    size: '1000',
    playlistLocation: `https://store.example/recordings/${story.filename}`,
    startedAt: nanos(story.startedAtMs),
    endedAt: nanos(story.endedAtMs),
    ...more,
  }
}

/** The text of a manifest, its times beyond what a double can tell apart. */
export function manifestText(story: Recorded, more: Record<string, unknown> = {}): string {
  const { egressId, roomName, filename, startedAtMs, endedAtMs } = story
  const text = JSON.stringify({
    egress_id: egressId,
    room_id: 'RM_test',
    room_name: roomName,
    started_at: `#${startedAtMs}654321#`,
    ended_at: `#${endedAtMs}456789#`,
    files: [{ filename, location: `https://store.example/recordings/${filename}` }],
    ...more,
  })
  return `${text.replaceAll(/"#(\d+)#"/g, '$1')}\n`
}

/** Where LiveKit puts the manifest. */
export function manifestKey({ egressId, filename }: Recorded): string {
  return `${filename.slice(0, filename.lastIndexOf('/') + 1)}${egressId}.json`
}

function nanos(ms: number): string {
  return `${ms}000000`
}
