// Reads HLS playlists as LiveKit writes them (livekit.md §4.4): which files it names, and whether it is finished. Names are
// taken as they stand; one that leads out of the playlist's folder, or to another host, is no segment of ours.
import { encodeName } from './keys.ts'

const endMark = '#EXT-X-ENDLIST'
const gap = '#EXT-X-GAP'
const beginning = /^#EXT-X-MAP:(?:.*,)?\s*URI="([^"]+)"/

export interface Playlist {
  /** Relative names of the segments, in playing order, each once. */
  segments: string[]
  /** The list has its end mark: LiveKit finished it. */
  isClosed: boolean
  /** It grows and loses nothing: the list of all segments, and not a live playlist, which holds the last of them. */
  isOfAll: boolean
}

export function readPlaylist(text: string): Playlist {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const names = lines.flatMap((line) => {
    // Segments of the newer kind (fMP4) play only with what stands before them in a file of its own.
    if (line.startsWith('#')) return beginning.exec(line)?.[1] ?? []
    return line === '' ? [] : [line]
  })
  return {
    segments: [...new Set(names.filter(isRelative))],
    isClosed: lines.includes(endMark),
    isOfAll: lines.some((line) => /^#EXT-X-PLAYLIST-TYPE:\s*(EVENT|VOD)$/.test(line)),
  }
}

/**
 * The playlist for a player. LiveKit writes names as they are, a player reads addresses: `#` or `%` in a name would lead
 * elsewhere. What is missing is marked as a gap, which players pass over, and a list that LiveKit never finished is
 * ended: it would be taken for a live stream.
 */
export function playableText(text: string, missing: ReadonlySet<string>): string {
  const { body, isClosed } = addressed(text, missing, () => '')
  return isClosed ? `${body}\n` : `${body}\n${endMark}\n`
}

/**
 * The same for a list that LiveKit is still writing: it has an end only when LiveKit gave it one.
 * @param queryOf what is put behind the address of a name
 */
export function liveText(text: string, queryOf: (name: string) => string): string {
  return `${addressed(text, new Set(), queryOf).body}\n`
}

function addressed(
  text: string,
  missing: ReadonlySet<string>,
  queryOf: (name: string) => string,
): { body: string; isClosed: boolean } {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const playable = lines.flatMap((line) => {
    if (line === '' || line.startsWith('#')) return [line]
    const address = `${encodeName(line)}${queryOf(line)}`
    // The line is kept, for the times above it are its own; what it named is not ours to lead to.
    if (!isRelative(line)) return [gap, 'elsewhere']
    return missing.has(line) ? [gap, address] : [address]
  })
  return { body: playable.join('\n').trimEnd(), isClosed: lines.includes(endMark) }
}

/** True for a name that stays in the folder of the list that gives it. */
export function isRelative(name: string): boolean {
  // An address of another host has an empty part. A colon may stand in a name: nobody reads it before it is encoded.
  return name.split(/[/\\]/).every((part) => part !== '..' && part !== '.' && part !== '')
}
