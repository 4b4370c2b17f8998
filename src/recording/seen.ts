// Everything observed about one egress, joined. `merge` is commutative, associative and idempotent: any order, any
// duplicates, any grouping of the same observations give the same `Seen`. That is what makes lost order harmless; it is
// proved over all permutations in test/recording/seen.test.ts. Nothing here may depend on the order of arrival.
import type {
  EgressFacts,
  ObjectFact,
  Observation,
  OutputFact,
  RecordingKind,
  Witness,
} from './observation.ts'
import { joinWishes, nothingWished, wishedBy } from './wishes.ts'
import type { Wished } from './wishes.ts'

/**
 * How much a fact counts, compared from left to right: attempt, terminal, carries a file, LiveKit's own `updatedAt`,
 * order of the status. A terminal word with a file beats one without, whichever came last: LiveKit's service says
 * FAILED over a finished COMPLETE when the process exits badly (livekit.md §2.2). A stream that went well leaves no file:
 * its end counts more than a failure without a file, and less than any word with one.
 */
export type Stamp = [
  retryCount: number,
  terminal: number,
  located: number,
  updatedAtUs: number,
  order: number,
]

/** A value with the stamp of the message that carried it; the greater stamp wins, ties are settled by the value. */
export interface Stamped<T> {
  stamp: Stamp
  value: T
}

/** LiveKit's last word and what it said with it, kept together so that an error never sticks to another status. */
export interface Verdict {
  status: string
  error: string | null
  errorCode: number | null
  details: string | null
}

export interface Seen {
  verdict: Stamped<Verdict> | null
  kind: Stamped<RecordingKind> | null
  roomId: Stamped<string> | null
  roomName: Stamped<string> | null
  title: Stamped<string> | null
  startedAtMs: Stamped<number> | null
  /** When the first of its attempts began, or of its runs. */
  firstStartedAtMs: number | null
  endedAtMs: Stamped<number> | null
  terminalAtMs: Stamped<number> | null
  outputs: Stamped<OutputFact[]> | null
  /** What the locations have before the names. */
  base: Stamped<string> | null
  bucket: Stamped<string> | null
  /** The start of ours whose mark LiveKit's echo of the request carries. */
  startId: Stamped<string> | null
  wishes: Wished
  /** Every path that LiveKit ever named, sorted: the first message's file name is a guess (livekit.md §0.8). */
  paths: string[]
  /** Those of them that are live playlists: a manifest never lists one, and may well have the last word on the outputs. */
  livePaths: string[]
  /** LiveKit's words for where the egress stands, sorted: a life has several, a single test event one. */
  words: string[]
  streams: boolean
  backup: boolean
  /** Witnesses that said anything, and those that told of the end; sorted. */
  witnesses: Witness[]
  endedBy: Witness[]
  /** Objects in the bucket, newest version of each key; not one of a thousand segments or images. */
  objects: Record<string, ObjectFact>
  firstHeardAtMs: number | null
  /** When LiveKit last said something of this egress, by our clock. */
  lastHeardAtMs: number | null
  /** LiveKit's own latest time stamp: a zombie is repeated for ever without it moving. */
  lastSignOfLifeMs: number | null
  /** LiveKit's `endedAt` as the manifest has it, which is written when everything has been uploaded. */
  manifestEndedAtUs: number | null
}

export const nothingSeen: Seen = {
  verdict: null,
  kind: null,
  roomId: null,
  roomName: null,
  title: null,
  startedAtMs: null,
  firstStartedAtMs: null,
  endedAtMs: null,
  terminalAtMs: null,
  outputs: null,
  base: null,
  bucket: null,
  startId: null,
  wishes: nothingWished,
  paths: [],
  livePaths: [],
  words: [],
  streams: false,
  backup: false,
  witnesses: [],
  endedBy: [],
  objects: {},
  firstHeardAtMs: null,
  lastHeardAtMs: null,
  lastSignOfLifeMs: null,
  manifestEndedAtUs: null,
}

const statusOrder = [
  'EGRESS_STARTING',
  'EGRESS_ACTIVE',
  'EGRESS_ENDING',
  'EGRESS_ABORTED',
  'EGRESS_FAILED',
  'EGRESS_LIMIT_REACHED',
  'EGRESS_COMPLETE',
]
const terminalStatuses = new Set(statusOrder.slice(3))

/**
 * True for the words after which LiveKit does nothing more. An unknown word is one of them only with the time of the end,
 * which LiveKit writes with no other (livekit.md §2.1).
 */
export function isTerminal({
  status,
  terminalAtMs,
}: Pick<EgressFacts, 'status' | 'terminalAtMs'>): boolean {
  if (status === null) return false
  return terminalStatuses.has(status) || (terminalAtMs !== null && !statusOrder.includes(status))
}

/** The join of what was seen and one more observation. */
export function merge(seen: Seen, observation: Observation): Seen {
  return join(seen, fromObservation(observation))
}

/** The join of two bodies of evidence. */
export function join(a: Seen, b: Seen): Seen {
  return {
    verdict: greater(a.verdict, b.verdict),
    kind: greater(a.kind, b.kind),
    roomId: greater(a.roomId, b.roomId),
    roomName: greater(a.roomName, b.roomName),
    title: greater(a.title, b.title),
    startedAtMs: greater(a.startedAtMs, b.startedAtMs),
    firstStartedAtMs: extreme(Math.min, a.firstStartedAtMs, b.firstStartedAtMs),
    endedAtMs: greater(a.endedAtMs, b.endedAtMs),
    terminalAtMs: greater(a.terminalAtMs, b.terminalAtMs),
    outputs: greater(a.outputs, b.outputs),
    base: greater(a.base, b.base),
    bucket: greater(a.bucket, b.bucket),
    startId: greater(a.startId, b.startId),
    wishes: joinWishes(a.wishes, b.wishes),
    paths: union(a.paths, b.paths),
    livePaths: union(a.livePaths, b.livePaths),
    words: union(a.words, b.words),
    streams: a.streams || b.streams,
    backup: a.backup || b.backup,
    witnesses: union(a.witnesses, b.witnesses),
    endedBy: union(a.endedBy, b.endedBy),
    objects: newestObjects(a.objects, b.objects),
    firstHeardAtMs: extreme(Math.min, a.firstHeardAtMs, b.firstHeardAtMs),
    lastHeardAtMs: extreme(Math.max, a.lastHeardAtMs, b.lastHeardAtMs),
    lastSignOfLifeMs: extreme(Math.max, a.lastSignOfLifeMs, b.lastSignOfLifeMs),
    manifestEndedAtUs: extreme(Math.max, a.manifestEndedAtUs, b.manifestEndedAtUs),
  }
}

function fromObservation(observation: Observation): Seen {
  const { id, egress, objects, wishes, source, observedAtMs } = observation
  // A wish alone is no evidence that there ever was such an egress.
  const isWishOnly = wishes !== undefined && egress === null && objects.length === 0
  const said: Seen = {
    ...nothingSeen,
    wishes: wishedBy(wishes ?? {}, observedAtMs, id),
    witnesses: isWishOnly ? [] : [source],
    objects: Object.fromEntries(objects.filter(isOfItsOwn).map((object) => [object.key, object])),
    firstHeardAtMs: observedAtMs,
  }
  if (egress === null) return said
  const stamp = stampOf(egress)
  // A journal may hold observations from before a fact was known of.
  const stamped = <T>(value: T | null | undefined): Stamped<T> | null =>
    value === null || value === undefined ? null : { stamp, value }
  const { status, error, errorCode, details } = egress
  const outputs = egress.outputs ?? []
  const live = outputs.filter((output) => output.kind === 'live_playlist')
  // A manifest is written last, after every upload (livekit.md §3): it tells of the end without a status. So does a person
  // who adopts a file.
  const isManifest = source === 'manifest' || observation.type === 'adopted'
  return {
    ...said,
    verdict: status === null ? null : { stamp, value: { status, error, errorCode, details } },
    kind: stamped(egress.kind),
    roomId: stamped(egress.roomId),
    roomName: stamped(egress.roomName),
    title: stamped(egress.title),
    startedAtMs: stamped(egress.startedAtMs),
    firstStartedAtMs: egress.startedAtMs,
    endedAtMs: stamped(egress.endedAtMs),
    terminalAtMs: stamped(egress.terminalAtMs),
    outputs: stamped(egress.outputs),
    base: stamped(egress.base),
    bucket: stamped(egress.bucket),
    paths: union([], pathsOf(outputs)),
    livePaths: union([], pathsOf(live)),
    startId: stamped(egress.startId),
    words: status === null ? [] : [status],
    streams: egress.streams,
    backup: egress.backup,
    endedBy: isTerminal(egress) || isManifest ? [source] : [],
    manifestEndedAtUs: isManifest ? (egress.updatedAtUs ?? 0) : null,
    lastHeardAtMs: source === 'webhook' || source === 'livekit' ? observedAtMs : null,
    lastSignOfLifeMs: extreme(
      Math.max,
      egress.updatedAtUs === null ? null : Math.floor(egress.updatedAtUs / 1000),
      egress.startedAtMs,
    ),
  }
}

function pathsOf(outputs: OutputFact[]): string[] {
  return outputs.map((output) => output.path)
}

/** Segments and images mean nothing alone, and the state of an object must fit a row of two megabytes. */
function isOfItsOwn({ key }: ObjectFact): boolean {
  return !/\.(ts|m4s|jpe?g|png|webp)$/i.test(key)
}

function stampOf(egress: EgressFacts): Stamp {
  return [
    egress.retryCount,
    isTerminal(egress) || egress.status === null ? 1 : 0,
    locatedOf(egress),
    egress.updatedAtUs ?? 0,
    // An unknown word lies between STARTING and ACTIVE: it is a sign of life, and a known word says more.
    egress.status === null ? -1 : orderOf(egress.status),
  ]
}

function locatedOf({ backup, outputs, streams, status }: EgressFacts): number {
  if (backup || outputs?.some((output) => output.located) === true) return 1
  const isWell = status === 'EGRESS_COMPLETE' || status === 'EGRESS_LIMIT_REACHED'
  return streams && outputs === null && isWell ? 0.5 : 0
}

function orderOf(status: string): number {
  const order = statusOrder.indexOf(status)
  return order === -1 ? 0.5 : order
}

function greater<T>(a: Stamped<T> | null, b: Stamped<T> | null): Stamped<T> | null {
  if (a === null || b === null) return a ?? b
  for (const [index, part] of a.stamp.entries()) {
    const other = b.stamp[index] ?? 0
    if (part !== other) return part > other ? a : b
  }
  return JSON.stringify(a.value) >= JSON.stringify(b.value) ? a : b
}

function newestObjects(
  a: Record<string, ObjectFact>,
  b: Record<string, ObjectFact>,
): Record<string, ObjectFact> {
  const joined = { ...a }
  for (const [key, object] of Object.entries(b)) {
    const known = joined[key]
    if (known === undefined || isNewer(object, known)) joined[key] = object
  }
  return joined
}

function isNewer(a: ObjectFact, b: ObjectFact): boolean {
  if (a.lastModifiedMs !== b.lastModifiedMs) return a.lastModifiedMs > b.lastModifiedMs
  return JSON.stringify(a) > JSON.stringify(b)
}

/** @param known sorted, each once; given back as it is when there is nothing to add */
function union<T extends string>(known: T[], more: readonly T[]): T[] {
  return more.every((word) => known.includes(word))
    ? known
    : [...new Set([...known, ...more])].toSorted()
}

function extreme(
  choose: (a: number, b: number) => number,
  a: number | null,
  b: number | null,
): number | null {
  return a !== null && b !== null ? choose(a, b) : (a ?? b)
}
