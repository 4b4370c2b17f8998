// What LiveKit calls a file. One that was found in the bucket is known by its key until LiveKit names it, and the name may be
// another spelling of that key: with `//` in it, or without the prefix of the egress service (livekit.md §4.2). Exists so
// that one file is never taken for two: copied twice, or moved and missed. Pure.
import { isKeyOf, plainKey } from './keys.ts'
import type { OutputFact } from './observation.ts'
import type { Seen } from './seen.ts'
import type { FileWork, RecordingState } from './state.ts'

/** The path by which LiveKit named a file, if it ever did; two works with one name are two runs that wrote to one place. */
export function nameFor({ seen }: RecordingState, path: string): string {
  // A path of LiveKit's own stands for itself, as does what nobody saw in the bucket.
  if (seen.paths.includes(path) || !Object.hasOwn(seen.objects, path)) return path
  return namedPath(seen, path) ?? path
}

/** What LiveKit said of a file; `undefined` when it never named it, or not in its last word. */
export function factOf(state: RecordingState, { path }: FileWork): OutputFact | undefined {
  const name = nameFor(state, path)
  return state.seen.outputs?.value.find((fact) => fact.path === name)
}

/** The keys of objects that were seen in the bucket and that LiveKit calls `path`. */
export function seenKeysOf({ seen }: RecordingState, path: string): string[] {
  return Object.keys(seen.objects).filter((key) => key !== path && namedPath(seen, key) === path)
}

/**
 * Two files may end alike: `video.mp4` and `takes/video.mp4`. A key belongs to the path that says most of it, and a path to
 * the key that adds least to it; else LiveKit meant another file.
 */
function namedPath({ paths, objects }: Seen, key: string): string | null {
  const path = longest(paths.filter((known) => isKeyOf(key, known)))
  if (path === null) return null
  const added = Object.keys(objects).filter((known) => isKeyOf(known, path))
  const { length } = plainKey(key)
  return added.some((known) => plainKey(known).length < length) ? null : path
}

function longest(paths: string[]): string | null {
  return paths.reduce<string | null>(
    (best, path) => (best === null || path.length > best.length ? path : best),
    null,
  )
}
