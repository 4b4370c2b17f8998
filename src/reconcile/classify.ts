// Decides whose an object of the temp folder is and whether it is news. Pure: the sweep asks, this file answers. What is
// young is left to its webhook; what belongs to a running egress is never touched.
import type { Claim, KnownObject } from '../catalog/temp-objects.ts'
import { egressIdOfManifest, isManifestName } from '../livekit/manifest.ts'
import { directoryOf } from '../recording/folders.ts'
import { isEgressId } from '../recording/keys.ts'
import type { EgressFacts, ObjectFact } from '../recording/observation.ts'
import type { Status } from '../recording/status.ts'

export type Finding =
  /** Nothing to do: young, told before, or a running egress writes it. */
  | { kind: 'none' }
  | { kind: 'manifest' }
  | { kind: 'claimed'; egressId: string }
  | { kind: 'unclaimed' }

/** Statuses of a recording whose folder is still being filled, or emptied by the move. */
const busyStatuses = new Set(['starting', 'active', 'ending', 'processing'])

/** What a recording is called while nobody has told of its end. */
const runningStatuses = new Set(['starting', 'active', 'ending'])
/** What it is called when it ended without a file, as far as anybody has told. */
const filelessStatuses = new Set(['failed', 'aborted'])
/** An end that LiveKit is telling by webhook just now. */
const endIsYoungForMs = 60_000

/** True when the recording has to be told what LiveKit's list says of its egress. */
export function isNews(facts: EgressFacts, status: Status | undefined, nowMs: number): boolean {
  const { terminalAtMs } = facts
  if (terminalAtMs !== null && terminalAtMs > nowMs - endIsYoungForMs) return false
  // What was given up for lost and is in the list lives, or a zombie says what it has said before.
  if (status === undefined || status === 'lost') return true
  if (terminalAtMs === null) return false
  // Whatever the first attempt came to, a later one supersedes it.
  if (facts.retryCount > 0) return true
  // LiveKit says that there is a file after all.
  const hasFile = facts.outputs?.some((output) => output.located) ?? false
  return runningStatuses.has(status) || (hasFile && filelessStatuses.has(status))
}

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
  if (object.lastModifiedMs > nowMs - youngForMs) return { kind: 'none' }
  const isKnown = known !== undefined && known.etag === object.etag
  if (isKnown && (known.egressId !== null || isManifestName(object.key))) return { kind: 'none' }
  if (isManifestName(object.key)) return { kind: 'manifest' }
  const owned = owner(object.key, claims)
  // An orphan is news once, and again when somebody claims it after all.
  if (owned.kind === 'unclaimed' && isKnown) return { kind: 'none' }
  return owned
}

/** Whose the key is. */
function owner(key: string, claims: ReadonlyMap<string, Claim>): Finding {
  const [own, ...folders] = claimKeysOf(key).map((claimKey) => claims.get(claimKey))
  if (own !== undefined) return { kind: 'claimed', egressId: own.egressId }
  const folder = folders.find((claim) => claim !== undefined)
  if (folder !== undefined) {
    return busyStatuses.has(folder.status ?? '')
      ? { kind: 'none' }
      : { kind: 'claimed', egressId: folder.egressId }
  }
  const named = egressIdInPath(key)
  return named === null ? { kind: 'unclaimed' } : { kind: 'claimed', egressId: named }
}

/** An egress id that the path itself names, as a folder. */
function egressIdInPath(key: string): string | null {
  const folders = key.split('/').slice(0, -1)
  const named = folders.findLast((folder) => /^EG_[A-Za-z0-9]{6,}$/.test(folder))
  return named !== undefined && isEgressId(named) ? named : egressIdOfManifest(key)
}
