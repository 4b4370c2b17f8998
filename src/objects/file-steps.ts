// The steps of one file: which is performed by whom, and the look into the temp folder. Between any two of them the
// process may die; each is safe to do again. Trouble with the store pauses this file and nothing else.
import { candidateKeys, finalKey } from '../recording/files.ts'
import { afterGone, afterSeen, isToBeChecked } from '../recording/gone.ts'
import { settle } from '../recording/lifecycle.ts'
import { afterFound, afterNotFound } from '../recording/looks.ts'
import { foundAgain } from '../recording/runs.ts'
import type { FileStep } from '../recording/step.ts'
import type { FileState, FileWork, Pause, RecordingState } from '../recording/state.ts'
import { neverMs, noPause, pauseAfter } from '../recording/state.ts'
import { locate, wasCopiedFor } from '../storage/move.ts'
import { onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { copyFile, removeFile, verifyFile } from './move-steps.ts'
import { entry, faultOf, firstOf, nothing } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { pullFile } from './pull-steps.ts'
import { abortParts, beginParts, completeParts, copyNextPart } from './part-steps.ts'

const steps: Record<FileStep, (context: FileContext) => Promise<Outcome>> = {
  locate: locateFile,
  copy: copyFile,
  begin: beginParts,
  part: copyNextPart,
  complete: completeParts,
  verify: verifyFile,
  remove: removeFile,
  abort: abortParts,
  pull: pullFile,
  check: checkFile,
}

/** Performs one step of one file. */
export async function performOnFile(step: FileStep, context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  try {
    return await steps[step](context)
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(file.pause, fault, ports.clock.nowMs(), ports.clock.random())
    return {
      change: onFile(file, (now) => ({ ...now, pause })),
      entries: firstOf(file.pause, `file.${step}-failed`, fault, { file: file.name }),
    }
  }
}

/** Looks at the final object of a file that somebody could not load, or that was gone. */
async function checkFile({ file, ports }: FileContext): Promise<Outcome> {
  if (file.final === null) return nothing
  const { key } = file.final
  const isThere = (await ports.store.head(key)) !== null
  const nowMs = ports.clock.nowMs()
  const wasGone = file.state === 'missing'
  const detail = { file: file.name, key }
  if (isThere) {
    return { change: onFile(file, afterSeen), entries: wasGone ? [entry('file.back', detail)] : [] }
  }
  return {
    change: onFile(file, (now) => (isToBeChecked(now) ? afterGone(now, nowMs) : now)),
    entries: wasGone ? [] : [entry('file.gone', detail)],
  }
}

/** What the timeline calls a look that found something; what is neither to be moved nor in its place is doubted. */
const foundEntries: Partial<Record<FileState, string>> = {
  in_temp: 'file.found',
  final: 'file.found',
  absent: 'file.ignored',
}

async function locateFile(context: FileContext): Promise<Outcome> {
  const { file, state, ports } = context
  const candidates = candidateKeys(state, file.path, ports.settings)
  if ('refused' in candidates) {
    const pause: Pause = { attempts: 1, untilMs: neverMs, fault: candidates.refused }
    return {
      change: onFile(file, (now) => ({
        ...now,
        state: file.optional ? 'absent' : 'quarantined',
        pause,
      })),
      entries: [entry('file.refused', { file: file.name, why: candidates.refused.message })],
    }
  }
  const found = await locate(ports.store, candidates.keys)
  const nowMs = ports.clock.nowMs()
  // By what is known when the change is made: LiveKit may have promised the file, or told its size, during the look.
  const judged =
    (judge: (now: RecordingState, known: FileWork) => FileWork): Outcome['change'] =>
    (now) =>
      onFile(file, (known) => judge(now, known))(now)
  if (found === null) {
    const after = afterNotFound(state, file, ports.settings, nowMs)
    // The first look that the store answers, and each that follows trouble.
    const { attempts, fault } = file.pause
    const moved =
      attempts === 0 || fault !== null ? await alreadyMoved(context, candidates.keys[0]) : null
    if (moved !== null) return moved
    return {
      change: judged((now, known) => afterNotFound(now, known, ports.settings, nowMs)),
      entries:
        after.state === file.state && file.pause.attempts > 0
          ? []
          : [
              entry(after.state === 'missing' ? 'file.missing' : 'file.not-found', {
                file: file.name,
              }),
            ],
    }
  }
  const after = afterFound(state, file, found, nowMs)
  return {
    change: (now) => {
      const known = judged((then, work) => afterFound(then, work, found, nowMs))(now)
      const files = known.files.map((other) => foundAgain(other, found))
      // LiveKit may remember an end that nobody told of, with another size.
      const isDoubted = after.pause.fault?.code === 'size-mismatch'
      const livekit = isDoubted ? { ...known.livekit, isWanted: true } : known.livekit
      return { ...known, files, livekit }
    },
    entries: [
      entry(foundEntries[after.state] ?? 'file.doubted', {
        file: file.name,
        key: found.key,
        sizeBytes: found.sizeBytes,
        why: after.pause.fault?.message,
      }),
    ],
  }
}

/**
 * The object's storage may have been lost after the move: then the copy with our mark is the file. Nobody knows whether it
 * had been overwritten: a second run is looked for under the next name, and so on until there is none.
 */
async function alreadyMoved(
  { file, state, ports }: FileContext,
  tempKey = file.path,
): Promise<Outcome | null> {
  const key = finalKey(state, file, ports.settings)
  const there = await ports.store.head(key)
  if (there === null || !wasCopiedFor(there, state.egressId)) return null
  const { etag, sizeBytes } = there
  const change = onFile(file, (now) => ({
    ...now,
    state: 'final',
    source: { ...there, key: tempKey },
    final: { key, etag, sizeBytes },
    tempRemoved: true,
    overwritten: true,
    pause: noPause,
  }))
  return {
    change: (now) => settle(change(now)),
    entries: [entry('file.found-moved', { file: file.name, key, sizeBytes })],
  }
}
