// The temp keys that a recording claims as its own, for the sweep: an object under a claim is no orphan. A folder is claimed
// only where an output fills a folder of its own; single files of many recordings may share one.
import { directoryOf } from './folders.ts'
import { isUnder, tempKeys } from './keys.ts'
import type { Seen } from './seen.ts'
import type { RecordingState } from './state.ts'

/** They follow from the evidence alone, and every step asks for them. */
const known = new WeakMap<Seen, { tempPrefix: string; claims: string[] }>()

/** Keys, and folders with their final slash, sorted. */
export function claimsOf({ seen }: RecordingState, tempPrefix: string): string[] {
  const before = known.get(seen)
  if (before?.tempPrefix === tempPrefix) return before.claims
  const claims = claimsFrom(seen, tempPrefix)
  known.set(seen, { tempPrefix, claims })
  return claims
}

function claimsFrom(seen: Seen, tempPrefix: string): string[] {
  const keys = seen.paths.flatMap((path) => tempKeys(path, tempPrefix).slice(0, 1))
  const folders = (seen.outputs?.value ?? [])
    .filter((fact) => fact.kind === 'playlist' || fact.kind === 'image')
    .flatMap((fact) => tempKeys(fact.path, tempPrefix).slice(0, 1))
    .map(directoryOf)
  const claims = [...keys, ...folders].filter(
    (claim) => isUnder(tempPrefix, claim) && claim.replace(/^\/+/, '') !== tempPrefix,
  )
  // A store may list the key under another spelling than LiveKit gave it.
  return [...new Set(claims.flatMap((claim) => [claim, claim.normalize('NFC')]))].toSorted()
}
