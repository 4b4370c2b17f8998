// The temp keys that a recording claims as its own, for the sweep: an object under a claim is no orphan. A folder is claimed
// only where an output fills a folder of its own; single files of many recordings may share one.
import { directoryOf } from './folders.ts'
import { isUnder, tempKeys } from './keys.ts'
import { keysByLocation } from './places.ts'
import type { Seen } from './seen.ts'
import { startFolder } from './start.ts'
import type { RecordingState } from './state.ts'

/** They follow from these alone, and every step asks for them. */
type Evidence = Pick<Seen, 'paths' | 'outputs' | 'base' | 'startId'>
const known = new WeakMap<
  Evidence['paths'],
  Omit<Evidence, 'paths'> & { tempPrefix: string; claims: string[] }
>()

/** Keys, and folders with their final slash, sorted. */
export function claimsOf({ seen }: RecordingState, tempPrefix: string): string[] {
  const { paths, outputs, base, startId } = seen
  const before = known.get(paths)
  const isSame =
    before?.outputs === outputs &&
    before.base === base &&
    before.startId === startId &&
    before.tempPrefix === tempPrefix
  if (isSame) return before.claims
  const claims = claimsFrom(seen, tempPrefix)
  known.set(paths, { outputs, base, startId, tempPrefix, claims })
  return claims
}

function claimsFrom({ paths, outputs, base, startId }: Evidence, tempPrefix: string): string[] {
  const keysOf = (path: string): string[] => [
    ...tempKeys(path, tempPrefix).slice(0, 1),
    ...keysByLocation({ base }, path, tempPrefix),
  ]
  const keys = paths.flatMap(keysOf)
  const shared = keysByLocation({ base }, '-', tempPrefix).map(directoryOf)
  const folders = (outputs?.value ?? [])
    .filter((fact) => fact.kind === 'playlist' || fact.kind === 'image')
    .flatMap((fact) => keysOf(fact.path))
    .map(directoryOf)
    .filter((folder) => !shared.includes(folder))
  // A start has a folder of its own, also when LiveKit never said how it called the file.
  const own = startId === null ? [] : [startFolder(tempPrefix, startId.value)]
  const claims = [...keys, ...folders, ...own].filter(
    (claim) => isUnder(tempPrefix, claim) && claim.replace(/^\/+/, '') !== tempPrefix,
  )
  // A store may list the key under another spelling than LiveKit gave it.
  return [...new Set(claims.flatMap((claim) => [claim, claim.normalize('NFC')]))].toSorted()
}
