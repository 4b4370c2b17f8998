// What the steps of one file share: what is to be copied where, and the ways a step can end.
import { downloadName } from '../recording/download-name.ts'
import { finalKey, lookAgain } from '../recording/files.ts'
import { contentTypeOf, toRecording } from '../recording/recording.ts'
import type { FileWork, RecordingState } from '../recording/state.ts'
import { pauseAfter } from '../recording/state.ts'
import type { Move } from '../storage/move.ts'
import { firstOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** One file of one recording, and what its steps need. */
export interface FileContext {
  file: FileWork
  state: RecordingState
  ports: Ports
}

/** The move of a file that was found. */
export function moveOf({ file, state, ports }: FileContext): Move | null {
  const recording = toRecording(state)
  if (file.source === null || recording === null) return null
  const { contentType } = file.source
  const isTelling = contentType !== null && !/octet-stream|text\/plain/.test(contentType)
  return {
    egressId: state.egressId,
    source: file.source,
    finalKey: finalKey(state, file, ports.settings),
    contentType: isTelling ? contentType : contentTypeOf(file.name),
    downloadName: downloadName(recording, file),
    wasAsked: file.copyAsked,
  }
}

/** The file is looked at anew after a pause: what was copied is not what lies there. */
export function lookedAgain(
  { file, state, ports }: FileContext,
  code: string,
  message: string,
): Outcome {
  const fault = { code, message }
  const key = finalKey(state, file, ports.settings)
  const pause = pauseAfter(file.pause, fault, ports.clock.nowMs(), ports.clock.random())
  return {
    change: onFile(file, (now) => lookAgain(now, key, pause)),
    entries: firstOf(file.pause, `file.${code}`, fault, { file: file.name }),
  }
}

/** A work without a source cannot be moved; only a state that was written by nobody has one. */
export function lookedForSource(context: FileContext): Outcome {
  return lookedAgain(context, 'no-source', 'It is not known what was to be copied.')
}

/** A change to one file, whatever else has changed meanwhile. */
export function onFile(file: FileWork, change: (now: FileWork) => FileWork): Outcome['change'] {
  return (state) => ({
    ...state,
    files: state.files.map((known) => (known.name === file.name ? change(known) : known)),
  })
}
