// The life of a recording: what follows from the evidence and what is to be done next. Pure: no clock, no I/O. The object
// performs one step, persists what came of it, and asks again; so a crash between any two steps ends the same way.
import { claimsOf } from './claims.ts'
import { expiryMs, isErased, removalDueMs } from './erasure.ts'
import { awakened, hasBackup, planFiles, revived } from './files.ts'
import {
  awakenedFolder,
  folderStepOf,
  planFolders,
  revivedFolder,
  waitsForSegments,
} from './folders.ts'
import { isToBeChecked } from './gone.ts'
import type { Observation } from './observation.ts'
import type { Recording } from './recording.ts'
import { rowOf } from './row.ts'
import { merge } from './seen.ts'
import { erasedSteps, lookUpSteps } from './silence.ts'
import type { Conclusion, FileWork, FolderWork, RecordingState, Settings } from './state.ts'
import { isBackup, neverMs, noPause, noRemoval } from './state.ts'
import { isEnded, status } from './status.ts'
import type { Due, FileStep, Step } from './step.ts'

export { isEnded, merge, status }

/** The state after one more observation. */
export function observe(state: RecordingState, observation: Observation): RecordingState {
  const seen = merge(state.seen, observation)
  const { objects } = observation
  const files = state.files.map((file) => awakened(file, objects))
  const folders = state.folders.map((folder) => awakenedFolder(folder, objects))
  return settle({ ...state, seen, files, folders })
}

/** The state in which everything is tried again now: a person asks for it. */
export function revive(state: RecordingState): RecordingState {
  const files = state.files.map(revived)
  const folders = state.folders.map(revivedFolder)
  return settle({
    ...state,
    files,
    folders,
    conclusion: null,
    livekit: { ...state.livekit, pause: noPause, isWanted: true },
    probe: { pause: noPause, probedAtMs: null },
    removal: { ...noRemoval, total: state.removal.total, doneFor: state.removal.doneFor },
    catalogue: { ...state.catalogue, pause: noPause },
    registry: { ...state.registry, pause: noPause },
  })
}

/** Draws what follows from the evidence at once: works for new files, an end to conclusions that it contradicts. */
export function settle(state: RecordingState): RecordingState {
  const { conclusion, livekit, seen } = state
  const isRefuted = conclusion !== null && conclusion.evidence !== evidenceOf(state, conclusion.as)
  const isHeardAgain =
    livekit.goneSinceMs !== null && (seen.lastHeardAtMs ?? 0) > livekit.goneSinceMs
  const settled: RecordingState = {
    ...state,
    conclusion: isRefuted ? null : conclusion,
    // What refutes a conclusion may be the file itself: it is looked for again before another one is drawn.
    probe: isRefuted ? { pause: noPause, probedAtMs: null } : state.probe,
    livekit: isHeardAgain ? { ...livekit, goneSinceMs: null, goneAnswers: 0 } : livekit,
  }
  if (!isEnded(settled)) return settled
  const planned = { ...settled, files: planFiles(settled) }
  return { ...planned, folders: planFolders(planned) }
}

/** The evidence that a conclusion rests on; the conclusion falls when it changes. */
export function evidenceOf(state: RecordingState, as: Conclusion['as']): string {
  const { verdict, endedBy, objects, witnesses } = state.seen
  const words = [verdict?.stamp ?? null, endedBy]
  if (as === 'ended') return JSON.stringify(words)
  // What only webhooks spoke of is a ghost until LiveKit speaks of it, were it with the very same word. A zombie repeats
  // its word for ever, and stays lost.
  return JSON.stringify(as === 'ghost' ? [...words, objects, witnesses] : [...words, objects])
}

/** What to do now. Trouble with one outside world never holds up the work with another. */
export function nextStep(state: RecordingState, nowMs: number, settings: Settings): Step {
  const publish = publication(state, settings)
  const works = [
    // What was wished at the start belongs to the very first row.
    ...claimSteps(state),
    publish?.isUrgent === true ? publish.due : null,
    ...stopSteps(state, settings),
    ...(isToBeErased(state, nowMs)
      ? [...eraseSteps(state), ...erasedSteps(state, settings)]
      : filesSteps(state, nowMs, settings)),
    publish?.isUrgent === false ? publish.due : null,
  ].filter((due) => due !== null)
  const isOpen = works.some((work) => work.atMs < neverMs)
  // What waits for its end, for months perhaps, has no work: only its alarm knows of it.
  const steps = [...registerSteps(state, isOpen), ...works, ...retentionSteps(state, nowMs)]
  const due = steps.find((step) => step.atMs <= nowMs)
  if (due !== undefined) return due.step
  const untilMs = Math.min(...steps.map((step) => step.atMs))
  return untilMs >= neverMs ? { do: 'rest' } : { do: 'wait', untilMs }
}

/** The registry hears of a recording once when it begins to have work and once when it has none left. */
function registerSteps(state: RecordingState, isOpen: boolean): Due[] {
  const { entry, pause } = state.registry
  if (state.seen.firstHeardAtMs === null || entry === (isOpen ? 'open' : 'closed')) return []
  return [{ step: { do: 'register', isOpen }, atMs: pause.untilMs }]
}

function filesSteps(state: RecordingState, nowMs: number, settings: Settings): (Due | null)[] {
  return [
    ...state.files.map((file) => fileStep(state, file, settings)),
    ...state.folders.map((folder) => folderStep(state, folder)),
    ...lookUpSteps(state, nowMs, settings),
  ]
}

/** From then on nothing is brought home any more. */
function isToBeErased(state: RecordingState, nowMs: number): boolean {
  const dueMs = removalDueMs(state)
  return dueMs !== null && dueMs <= nowMs
}

function eraseSteps(state: RecordingState): Due[] {
  return isErased(state) ? [] : [{ step: { do: 'erase' }, atMs: state.removal.pause.untilMs }]
}

/** Wakes the object when the time in the trash is over, or that of the recording. */
function retentionSteps(state: RecordingState, nowMs: number): Due[] {
  const removeAtMs = removalDueMs(state)
  if (isToBeErased(state, nowMs)) return []
  if (removeAtMs !== null) return [{ step: { do: 'erase' }, atMs: removeAtMs }]
  const expiresAtMs = expiryMs(state)
  return expiresAtMs === null ? [] : [{ step: { do: 'expire', expiresAtMs }, atMs: expiresAtMs }]
}

/** An egress that carries the mark of a start of ours gets what was wished of it. */
function claimSteps({ seen, start }: RecordingState): Due[] {
  const startId = seen.startId?.value ?? null
  const isSettled = seen.wishes.startId?.value === startId || start.unknownId === startId
  if (startId === null || isSettled) return []
  return [{ step: { do: 'claim-start', startId }, atMs: start.pause.untilMs }]
}

/** Told to LiveKit until it has ended the egress, or nobody believes any more that it runs. */
function stopSteps(state: RecordingState, settings: Settings): Due[] {
  const { seen, stop, conclusion } = state
  const wantedAtMs = stopWantedAtMs(state)
  const isEnding = seen.verdict?.value.status === 'EGRESS_ENDING'
  if (wantedAtMs === null || isEnding || isEnded(state) || conclusion !== null) return []
  // LiveKit took it and goes on recording all the same: it is told again, not every second.
  const againAtMs = stop.sentAtMs === null ? 0 : stop.sentAtMs + settings.silentAfterMs
  return [{ step: { do: 'stop' }, atMs: Math.max(wantedAtMs, stop.pause.untilMs, againAtMs) }]
}

/** When the egress is to be ended: when somebody asked for it, or its time was over. */
export function stopWantedAtMs({ seen }: RecordingState): number | null {
  const { stop, maxDurationMs, removeAtMs } = seen.wishes
  const startedAtMs = seen.startedAtMs?.value ?? seen.firstHeardAtMs
  const limitMs = maxDurationMs?.value ?? null
  const overAtMs = startedAtMs === null || limitMs === null ? null : startedAtMs + limitMs
  // An egress of a deleted recording that runs again is not wanted either.
  const times = [stop?.atMs ?? null, overAtMs, removeAtMs?.value ?? null].filter(
    (time) => time !== null,
  )
  return times.length === 0 ? null : Math.min(...times)
}

interface Publication {
  due: Due
  isUrgent: boolean
}

/** A changed headline is published before anything else, the rest of a row when there is nothing else to do. */
function publication(state: RecordingState, { tempPrefix }: Settings): Publication | null {
  const row = rowOf(state)
  if (row === null) return null
  const { published, pause, isUnsure, claims } = state.catalogue
  const due: Due = { step: { do: 'publish' }, atMs: pause.untilMs }
  if (published === null || isUnsure) return { due, isUrgent: true }
  if (published !== row.json) {
    return { due, isUrgent: publishedHeadline(published) !== headline(row.recording) }
  }
  // Claims are no part of the row: a late message may name a key and change nothing else.
  const hasNewClaims = claimsOf(state, tempPrefix).some((claim) => !claims.includes(claim))
  return hasNewClaims ? { due, isUrgent: false } : null
}

/** Many steps pass before a row is written again: the last one that was asked for is asked for again. */
let lastPublished: { json: string; headline: string } | null = null

function publishedHeadline(json: string): string {
  if (lastPublished?.json !== json) {
    lastPublished = { json, headline: headline(JSON.parse(json) as Recording) }
  }
  return lastPublished.headline
}

function headline({ status: word, attention, listed, error, progress }: Recording): string {
  return JSON.stringify([word, attention, listed, error?.code, tenths(progress)])
}

/** A long move is told of ten times, not at each of its thousand steps. */
function tenths(progress: Recording['progress']): number | null {
  if (progress === null || progress.totalBytes === 0) return null
  return Math.floor((10 * progress.doneBytes) / progress.totalBytes)
}

function folderStep(state: RecordingState, folder: FolderWork): Due | null {
  const step = folderStepOf(state, folder)
  return step === null
    ? null
    : { step: { do: step, path: folder.path, run: folder.run }, atMs: folder.pause.untilMs }
}

function fileStep(state: RecordingState, file: FileWork, settings: Settings): Due | null {
  const { name, pause } = file
  const isPulled = file.source === null ? hasBackup(state, file) : isBackup(file)
  const step = file.abandoned === null ? stepOf(file, settings, isPulled) : 'abort'
  if ((step === 'copy' || step === 'begin') && waitsForSegments(state, file)) return null
  return step === null ? null : { step: { do: step, name }, atMs: pause.untilMs }
}

function stepOf(file: FileWork, settings: Settings, isPulled: boolean): FileStep | null {
  if (isToBeChecked(file)) return 'check'
  switch (file.state) {
    case 'expected':
    case 'missing':
      return isPulled ? 'pull' : 'locate'
    case 'in_temp':
      return (file.source?.sizeBytes ?? 0) > settings.multipartAboveBytes ? 'begin' : 'copy'
    case 'moving':
      return isPulled && !file.copyAsked ? 'pull' : movingStep(file)
    case 'final':
      return file.tempRemoved ? null : 'remove'
    case 'quarantined':
    case 'absent':
      return null
    default:
      return file.state satisfies never
  }
}

function movingStep({ copyAsked, upload, source }: FileWork): FileStep {
  if (upload === null) return copyAsked ? 'verify' : 'copy'
  const parts = Math.ceil((source?.sizeBytes ?? 0) / upload.partBytes)
  return upload.etags.length < parts ? 'part' : 'complete'
}
