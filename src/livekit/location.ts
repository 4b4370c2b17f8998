// The location that LiveKit gives for a file once it is uploaded: the address of the bucket and the key, written one behind
// the other without any encoding (livekit.md §4.3). It is no URL to be parsed; only its end is sure.
import { scrubText } from './scrub.ts'

/** What a location has before the name of its file; `null` when it does not end with the name. */
export function baseOf(location: string | null, name: string | null): string | null {
  const isOfName = location !== null && name !== null && location.endsWith(`/${name}`)
  return isOfName ? scrubText(location.slice(0, -name.length)) : null
}
