// Where a file lies by the location that LiveKit gave. An egress service may put everything into a folder of its own within
// the temp folder, and leaves that folder out of every name (its `storage.prefix`, livekit.md §4.2); locations have it. Only
// what lies in the temp folder is ever learnt from one. Pure.
import { isSafeKey, isUnder } from './keys.ts'
import type { Seen } from './seen.ts'

/** The keys of `path` by the locations of this egress; none when they say no more than the names do. */
export function keysByLocation({ base }: Pick<Seen, 'base'>, path: string, tempPrefix: string) {
  const before = base?.value ?? ''
  const at = before.lastIndexOf(`/${tempPrefix}`)
  if (at === -1 || path === '') return []
  const key = `${before.slice(at + 1)}${path}`
  return isSafeKey(key) && isUnder(tempPrefix, key) ? [key] : []
}
