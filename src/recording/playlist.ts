// Reads HLS playlists as LiveKit writes them (livekit.md §4.4): which files it names, and whether it is finished. Names are
// taken as they stand; one that leads out of the playlist's folder, or to another host, is no segment of ours.

export interface Playlist {
  /** Relative names of the segments, in playing order, each once. */
  segments: string[]
  /** The list has its end mark: LiveKit finished it. */
  isClosed: boolean
}

export function readPlaylist(text: string): Playlist {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const names = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return {
    segments: [...new Set(names.filter(isRelative))],
    isClosed: lines.includes('#EXT-X-ENDLIST'),
  }
}

function isRelative(name: string): boolean {
  const isElsewhere =
    /^[a-z][a-z0-9+.-]*:/i.test(name) || name.startsWith('/') || name.includes('\\')
  return (
    !isElsewhere && name.split('/').every((part) => part !== '..' && part !== '.' && part !== '')
  )
}
