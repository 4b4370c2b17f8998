// What follows when nobody speaks of an egress any more: LiveKit is asked, the bucket is looked into, and only then something
// is concluded. Exists for webhooks that never come, pods that die and LiveKit's memory that fails. Nothing ends on silence
// alone: one empty or failed answer decides nothing. Pure.
import { isMediaName, unnamedLists } from './outputs.ts'
import type { RecordingState, Settings } from './state.ts'
import { isEnded } from './status.ts'
import type { Due } from './step.ts'

/** LiveKit must say twice that it does not know an egress, so far apart at least. */
const secondAnswerMs = 60_000
/** LiveKit forgets an ended egress after 24 hours; an answer that comes later proves nothing (livekit.md §5). */
const livekitRemembersMs = 20 * 3_600_000

/** When LiveKit is to be asked, the bucket to be looked into, and what to conclude of their silence. */
export function lookUpSteps(state: RecordingState, nowMs: number, settings: Settings): Due[] {
  if (state.livekit.isWanted) {
    return [{ step: { do: 'look-up' }, atMs: state.livekit.pause.untilMs }]
  }
  if (state.conclusion?.as === 'ended') return listSteps(state)
  if (state.conclusion !== null || state.seen.firstHeardAtMs === null) return []
  return isEnded(state) ? ghostSteps(state, nowMs, settings) : silenceSteps(state, nowMs, settings)
}

/** A running egress that nobody speaks of: ask LiveKit, then look into the bucket, then give it up for lost. */
function silenceSteps(state: RecordingState, nowMs: number, settings: Settings): Due[] {
  const { seen, livekit, probe } = state
  const heardAtMs = seen.lastHeardAtMs ?? seen.firstHeardAtMs ?? nowMs
  const zombieAtMs = zombieFromMs(state, settings)
  const isGone = isConfirmedGone(state, settings)
  if (!isGone && nowMs < zombieAtMs) {
    return [
      lookUp(state, heardAtMs + settings.silentAfterMs, settings),
      ...fileSteps(state, settings),
      { step: { do: 'probe' }, atMs: zombieAtMs },
    ]
  }
  const giveUpAtMs = isGone
    ? Math.max(heardAtMs, livekit.goneSinceMs ?? 0) + settings.graceMs
    : zombieAtMs
  // LiveKit's store may have been out of order for minutes: it is asked once more before anything is given up.
  const isDue = nowMs >= giveUpAtMs && nowMs < zombieAtMs
  if (isGone && isDue && (livekit.askedAtMs ?? 0) < giveUpAtMs) {
    return [{ step: { do: 'look-up' }, atMs: livekit.pause.untilMs }]
  }
  if (probe.probedAtMs === null || probe.probedAtMs < giveUpAtMs) {
    const { fault, untilMs } = probe.pause
    return [
      { step: { do: 'probe' }, atMs: fault === null ? Math.min(untilMs, giveUpAtMs) : untilMs },
    ]
  }
  // What was found and moved before is no loss, whatever was heard since.
  const hasFile = state.files.some((file) => file.kind !== 'manifest' && file.state === 'final')
  const as = hasFile ? 'ended' : isGhost(state, settings) ? 'ghost' : 'lost'
  return [{ step: { do: 'conclude', as }, atMs: nowMs }]
}

/**
 * An egress whose recording is erased, and that LiveKit calls running again: it is told to end, nothing of it is looked for,
 * and nobody believes in it for longer than in any other.
 */
export function erasedSteps(state: RecordingState, settings: Settings): Due[] {
  if (state.conclusion !== null || isEnded(state)) return []
  return [{ step: { do: 'conclude', as: 'lost' }, atMs: zombieFromMs(state, settings) }]
}

/** From then on LiveKit's "still running" is a zombie's. */
function zombieFromMs({ seen }: RecordingState, { maxSessionMs, graceMs }: Settings): number {
  const aliveAtMs = seen.lastSignOfLifeMs ?? seen.lastHeardAtMs ?? 0
  return Math.max(aliveAtMs, seen.firstHeardAtMs ?? 0) + maxSessionMs + graceMs
}

/** The bucket told of the end by a file, and of a stream beside it only later. */
function listSteps({ seen, probe }: RecordingState): Due[] {
  const isUnread = unnamedLists(seen).some((key) => probe.readLists?.includes(key) !== true)
  return isUnread ? [{ step: { do: 'probe' }, atMs: probe.pause.untilMs }] : []
}

/** A file appears when it is complete: when LiveKit has shown no sign of life since then, its "still running" is a zombie's. */
function fileSteps({ seen, probe, livekit }: RecordingState, settings: Settings): Due[] {
  const aliveAtMs = seen.lastSignOfLifeMs ?? 0
  const writtenAtMs = Object.values(seen.objects)
    .filter(({ key, lastModifiedMs }) => isMediaName(key) && lastModifiedMs > aliveAtMs)
    .map(({ lastModifiedMs }) => lastModifiedMs)
  if (writtenAtMs.length === 0) return []
  const atMs = Math.max(...writtenAtMs) + settings.graceMs
  if ((probe.probedAtMs ?? 0) >= atMs) return []
  // LiveKit is asked first; where it gives no answer, the bucket has to do.
  const isAsked = (livekit.askedAtMs ?? 0) >= atMs || livekit.pause.fault !== null
  return isAsked
    ? [{ step: { do: 'probe' }, atMs: Math.max(atMs, probe.pause.untilMs) }]
    : [{ step: { do: 'look-up' }, atMs: Math.max(atMs, livekit.pause.untilMs) }]
}

/**
 * An ended egress that only a webhook spoke of, and that left no file: LiveKit Cloud's test events look like that. When
 * LiveKit says twice, while it must still remember, that there never was such an egress, it is no recording.
 */
function ghostSteps(state: RecordingState, nowMs: number, settings: Settings): Due[] {
  const { seen, livekit } = state
  const heardAtMs = seen.lastHeardAtMs ?? seen.firstHeardAtMs ?? nowMs
  if (!isUncorroborated(state) || nowMs > heardAtMs + livekitRemembersMs) return []
  if (state.files.some((file) => file.state === 'expected' && !file.optional)) return []
  if (isConfirmedGone(state, settings)) {
    return isGhost(state, settings) ? [{ step: { do: 'conclude', as: 'ghost' }, atMs: nowMs }] : []
  }
  return [lookUp(state, (livekit.goneSinceMs ?? heardAtMs) + settings.graceMs, settings)]
}

function lookUp(state: RecordingState, silentMs: number, settings: Settings): Due {
  const { pause, goneSinceMs, askedAtMs } = state.livekit
  const againMs = Math.min(secondAnswerMs, settings.silentAfterMs)
  const atMs = goneSinceMs === null ? silentMs : (askedAtMs ?? goneSinceMs) + againMs
  return { step: { do: 'look-up' }, atMs: Math.max(atMs, pause.untilMs) }
}

function isConfirmedGone(state: RecordingState, settings: Settings): boolean {
  const { goneSinceMs, goneAnswers, askedAtMs } = state.livekit
  if (goneSinceMs === null || goneAnswers < 2) return false
  return (askedAtMs ?? 0) - goneSinceMs >= Math.min(secondAnswerMs, settings.silentAfterMs)
}

function isUncorroborated(state: RecordingState): boolean {
  return (
    state.seen.witnesses.every((witness) => witness === 'webhook') &&
    // Whoever heard it begin and go on has heard of a recording, be LiveKit's memory what it may. Test events may tell of a
    // whole life; but an egress that has ended is one that LiveKit remembers for a day, if ever there was one.
    (isEnded(state) || state.seen.words.length <= 1) &&
    // A file in the backup storage is one, although its address has expired.
    !state.seen.backup &&
    state.files.every((file) => file.source === null) &&
    state.folders.every((folder) => folder.names.length === 0)
  )
}

/** LiveKit never knew it: it was asked in time, and nothing but a webhook ever spoke of it. */
function isGhost(state: RecordingState, settings: Settings): boolean {
  const { seen, livekit } = state
  const { goneSinceMs } = livekit
  // Not when it was first heard of: a test event may be sent again, months later and under the same id.
  const heardAtMs = seen.lastHeardAtMs ?? seen.firstHeardAtMs ?? 0
  return (
    isUncorroborated(state) &&
    isConfirmedGone(state, settings) &&
    goneSinceMs !== null &&
    goneSinceMs < heardAtMs + livekitRemembersMs
  )
}
