// Decides whose an object of the temp folder is and whether it is news. Pure: the sweep asks, this file answers. What is
// young is left to its webhook; what belongs to a running egress is never touched.
import type { Claim, KnownObject } from '../catalog/temp-objects.ts'
import { isManifestName } from '../livekit/manifest.ts'
import { isMediaName, isPlayableName } from '../recording/outputs.ts'
import { directoryOf } from '../recording/folders.ts'
import { isEgressId } from '../recording/keys.ts'
import type { ObjectFact } from '../recording/observation.ts'
import type { Status } from '../recording/status.ts'

export type Finding =
  /** Nothing to do: young, told before, or a running egress writes it. */
  { kind: 'none' } | { kind: 'manifest' } | Owner | { kind: 'unclaimed' }

/** Statuses of a recording whose folder is still being filled, or emptied by the move. */
const busyStatuses = new Set<Status>(['starting', 'active', 'ending', 'processing'])

/** The keys and folders under which a claim on the object may be noted. */
export function claimKeysOf(key: string): string[] {
  const folders: string[] = []
  for (let folder = directoryOf(key); folder !== ''; folder = directoryOf(folder.slice(0, -1))) {
    folders.push(folder)
  }
  return [key, ...folders]
}

/** @param youngForMs a webhook, and the move that follows it, get so long before the sweep takes notice */
export function classify(
  object: ObjectFact,
  claims: ReadonlyMap<string, Claim>,
  known: KnownObject | undefined,
  nowMs: number,
  youngForMs: number,
): Finding {
  // Consoles, and programs that show a bucket as a disk, mark folders with an object of the folder's own name.
  if (object.key.endsWith('/')) return { kind: 'none' }
  if (object.lastModifiedMs > nowMs - youngForMs) return { kind: 'none' }
  // Without an ETag nobody can tell one object from the next at the same place; its own recording can.
  const isNoted =
    known !== undefined &&
    known.etag === object.etag &&
    object.etag !== '' &&
    // The same bytes sent once more, while nobody looked, lie there to be removed.
    known.lastModifiedMs === object.lastModifiedMs
  if (isNoted && known.egressId !== null) return { kind: 'none' }
  const owner = ownerOf(object.key, claims)
  // What had been nobody's is somebody's once a claim on it is known; nothing else about it can have changed.
  if (isNoted && owner === null) return { kind: 'none' }
  if (!isNoted && isManifestName(object.key)) return { kind: 'manifest' }
  if (owner !== null) return isNews(object.key, owner, isNoted) ? owner : { kind: 'none' }
  // Old manifests of images carry the name of the images (livekit.md §3).
  return object.key.endsWith('.json') ? { kind: 'manifest' } : { kind: 'unclaimed' }
}

type Owner = Claim & { kind: 'claimed' }

/** Whose an object is, by the claims on it and on its folders, or by the name of a folder. */
function ownerOf(key: string, claims: ReadonlyMap<string, Claim>): Owner | null {
  const claim = claimKeysOf(key)
    .map((known) => claims.get(known))
    .find((known) => known !== undefined)
  if (claim !== undefined) return { kind: 'claimed', ...claim }
  const named = egressIdInPath(key)
  return named === null ? null : { kind: 'claimed', egressId: named, status: null }
}

/**
 * A file that plays by itself appears when it is complete: it is news whatever LiveKit says. A playlist is written again and
 * again while its egress runs. Segments and images are found by way of their playlist or folder, not one by one.
 */
function isNews(key: string, { status, lacksSegments }: Owner, isNoted: boolean): boolean {
  if (isMediaName(key) || isNoted) return true
  // What lies there by now may be what the playlist was short of.
  if (lacksSegments === true) return true
  return isPlayableName(key) && !(status !== null && busyStatuses.has(status))
}

/** An egress id that the path itself names, as a folder. */
function egressIdInPath(key: string): string | null {
  const folders = key.split('/').slice(0, -1)
  const named = folders.findLast((folder) => /^EG_[A-Za-z0-9]{6,}$/.test(folder))
  return named !== undefined && isEgressId(named) ? named : null
}
