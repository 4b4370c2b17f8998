// The steps of one file: look into the temp folder, copy, look at the copy, remove what was copied. Between any two of
// them the process may die; each is safe to do again. Nothing is removed here that `verify` has not passed.
import {
  afterFound,
  afterNotFound,
  candidateKeys,
  finalKey,
  lookAgain,
  renamed,
} from '../recording/files.ts'
import { downloadName } from '../recording/download-name.ts'
import { settle } from '../recording/lifecycle.ts'
import { contentTypeOf } from '../recording/recording.ts'
import type { FileWork, Pause, RecordingState, Settings } from '../recording/state.ts'
import { neverMs, noPause, pauseAfter } from '../recording/state.ts'
import { copy, locate, removeTemp, verify, wasCopiedFor } from '../storage/move.ts'
import type { Move } from '../storage/move.ts'
import { entry, faultOf, firstOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** Performs one step of one file. */
export async function performOnFile(
  step: 'locate' | 'copy' | 'verify' | 'remove',
  file: FileWork,
  state: RecordingState,
  ports: Ports,
): Promise<Outcome> {
  try {
    switch (step) {
      case 'locate':
        return await locateFile(file, state, ports)
      case 'copy':
        return await copyFile(file, state, ports)
      case 'verify':
        return await verifyFile(file, state, ports)
      case 'remove':
        return await removeFile(file, ports)
      default:
        return step satisfies never
    }
  } catch (error) {
    const fault = faultOf(error)
    const nowMs = ports.clock.nowMs()
    const pause = pauseAfter(file.pause, fault, nowMs, ports.clock.random())
    return {
      change: onFile(file, (now) => ({ ...now, pause })),
      entries: firstOf(file.pause, `file.${step}-failed`, fault, { file: file.name }),
    }
  }
}

async function locateFile(file: FileWork, state: RecordingState, ports: Ports): Promise<Outcome> {
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
  if (found === null) {
    const after = afterNotFound(state, file, ports.settings, nowMs)
    const moved = file.pause.attempts === 0 ? await alreadyMoved(file, state, ports) : null
    if (moved !== null) return moved
    return {
      change: onFile(file, () => after),
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
    change: onFile(file, () => after),
    entries: [
      entry(
        after.state === 'in_temp'
          ? 'file.found'
          : `file.${after.state === 'absent' ? 'ignored' : 'doubted'}`,
        {
          file: file.name,
          key: found.key,
          sizeBytes: found.sizeBytes,
          why: after.pause.fault?.message,
        },
      ),
    ],
  }
}

/** The object's storage may have been lost after the move: then the copy with our mark is the file. */
async function alreadyMoved(
  file: FileWork,
  state: RecordingState,
  ports: Ports,
): Promise<Outcome | null> {
  const key = finalKey(state, file, ports.settings)
  const there = await ports.store.head(key)
  if (there === null || !wasCopiedFor(there, state.egressId)) return null
  const { etag, sizeBytes } = there
  return {
    change: onFile(file, (now) => ({
      ...now,
      state: 'final',
      source: { ...there, key: now.path },
      final: { key, etag, sizeBytes },
      tempRemoved: true,
      pause: noPause,
    })),
    entries: [entry('file.found-moved', { file: file.name, key, sizeBytes })],
  }
}

async function copyFile(file: FileWork, state: RecordingState, ports: Ports): Promise<Outcome> {
  const move = moveOf(file, state, ports.settings)
  if (move === null)
    return lookedAgain(file, 'no-source', 'It is not known what was copied.', ports)
  const outcome = await copy(ports.store, move)
  switch (outcome) {
    case 'copied':
      return {
        change: onFile(file, (now) => ({ ...now, state: 'moving', copyAsked: true })),
        entries: [entry('file.copied', { file: file.name, key: move.finalKey })],
      }
    case 'changed':
      return lookedAgain(
        file,
        'changed',
        `${move.source.key} is no longer the file that was found.`,
        ports,
      )
    case 'occupied':
      return {
        change: (now) => onFile(file, (known) => renamed(now, known))(now),
        entries: [entry('file.final-key-taken', { file: file.name, key: move.finalKey })],
      }
    default:
      return outcome satisfies never
  }
}

async function verifyFile(file: FileWork, state: RecordingState, ports: Ports): Promise<Outcome> {
  const move = moveOf(file, state, ports.settings)
  if (move === null)
    return lookedAgain(file, 'no-source', 'It is not known what was copied.', ports)
  const verified = await verify(ports.store, move)
  const key = move.finalKey
  if (verified.outcome !== 'verified') {
    const words = verified.outcome === 'absent' ? 'is not there' : 'is not what was to be copied'
    return lookedAgain(file, `copy-${verified.outcome}`, `The copy ${key} ${words}.`, ports)
  }
  const final = { key, etag: verified.etag, sizeBytes: move.source.sizeBytes }
  return {
    change: onFile(file, (now) => ({ ...now, state: 'final', final, pause: noPause })),
    entries: [entry('file.verified', { file: file.name, key, sizeBytes: final.sizeBytes })],
  }
}

async function removeFile(file: FileWork, ports: Ports): Promise<Outcome> {
  if (file.source === null)
    return lookedAgain(file, 'no-source', 'It is not known what was copied.', ports)
  const outcome = await removeTemp(ports.store, file.source, ports.settings.tempPrefix)
  // LiveKit wrote another file to the same place: that one gets a work of its own, and this copy stays.
  const overwritten = outcome === 'changed'
  const change = onFile(file, (now) => ({ ...now, tempRemoved: true, overwritten, pause: noPause }))
  return {
    change: (now) => settle(change(now)),
    entries: [entry(`temp.${outcome}`, { file: file.name, key: file.source.key })],
  }
}

function moveOf(file: FileWork, state: RecordingState, settings: Settings): Move | null {
  if (file.source === null) return null
  const { contentType } = file.source
  const isTelling = contentType !== null && !/octet-stream|text\/plain/.test(contentType)
  return {
    egressId: state.egressId,
    source: file.source,
    finalKey: finalKey(state, file, settings),
    contentType: isTelling ? contentType : contentTypeOf(file.name),
    downloadName: downloadName(state, file),
    wasAsked: file.copyAsked,
  }
}

function lookedAgain(file: FileWork, code: string, message: string, ports: Ports): Outcome {
  const fault = { code, message }
  const pause = pauseAfter(file.pause, fault, ports.clock.nowMs(), ports.clock.random())
  return {
    change: onFile(file, (now) => lookAgain(now, pause)),
    entries: firstOf(file.pause, `file.${code}`, fault, { file: file.name }),
  }
}

function onFile(file: FileWork, change: (now: FileWork) => FileWork): Outcome['change'] {
  return (state) => ({
    ...state,
    files: state.files.map((known) => (known.name === file.name ? change(known) : known)),
  })
}
