// States with works in them, for tests of the pure core.
import { claimsOf } from '../../src/recording/claims.ts'
import { nextStep, observe } from '../../src/recording/lifecycle.ts'
import type { Step } from '../../src/recording/step.ts'
import type { OutputFact } from '../../src/recording/observation.ts'
import { toRecording } from '../../src/recording/recording.ts'
import { newState } from '../../src/recording/state.ts'
import type { FileWork, Pause, RecordingState, SourceObject } from '../../src/recording/state.ts'
import { path, settings, startMs, uploadedFile, webhook } from './evidence.ts'

export const nowMs = startMs + 100_000
export const endMs = startMs + 60_000

/** An ended egress whose catalogue row and registry are as they should be. */
export function ended(
  outputs: OutputFact[] = [uploadedFile],
  word = 'EGRESS_COMPLETE',
): RecordingState {
  const facts = { outputs, terminalAtMs: endMs }
  return published(observe(newState('EG_test'), webhook(word, 60, facts)))
}

/** An egress of which such words were heard, so many seconds after the start. */
export function running(word: string, second = 1): RecordingState {
  return published(observe(newState('EG_test'), webhook(word, second)))
}

/** The state once the catalogue and the registry know it. */
export function published(
  state: RecordingState,
  entry: 'open' | 'closed' = 'open',
): RecordingState {
  const row = JSON.stringify(toRecording(state))
  return {
    ...state,
    registry: { ...state.registry, entry },
    catalogue: { ...state.catalogue, published: row, claims: claimsOf(state, settings.tempPrefix) },
  }
}

export function withFile(
  state: RecordingState,
  change: Partial<FileWork>,
  name = 'video.mp4',
): RecordingState {
  const files = state.files.map((file) => (file.name === name ? { ...file, ...change } : file))
  return { ...state, files }
}

export function sourceOf(more: Partial<SourceObject> = {}): SourceObject {
  return {
    key: path,
    etag: 'e1',
    sizeBytes: 1000,
    lastModifiedMs: endMs,
    contentType: 'video/mp4',
    metadata: {},
    ...more,
  }
}

export function paused(code = 'store-outage', attempts = 1, untilMs = nowMs + 60_000): Pause {
  return { attempts, untilMs, fault: { code, message: `words about ${code}` } }
}

export function stepOf(state: RecordingState, atMs = nowMs): Step {
  return nextStep(state, atMs, settings)
}

/** The only work of a state. */
export function onlyFile(state: RecordingState): FileWork {
  const [file] = state.files
  if (file === undefined || state.files.length > 1) throw new Error('not one work')
  return file
}
