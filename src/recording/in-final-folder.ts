// Files that were found in the recording's own final folder after its object's storage had been lost. LiveKit's word comes
// later, if at all, and speaks of the place that they had been moved from. Exists so that no file is waited for at that
// place, and called missing, which has long been moved. Pure.
import { isList } from './folders.ts'
import { finalFolder, freeName } from './keys.ts'
import { nameFor } from './named.ts'
import type { OutputFact } from './observation.ts'
import type { FileWork, RecordingState } from './state.ts'

/**
 * The works once LiveKit names an output: the file of its name in the final folder is the one that was moved from there. A
 * list stays as it was found, for its segments are where they are to stay.
 */
export function knownByWord(
  state: RecordingState,
  files: FileWork[],
  fact: OutputFact,
): FileWork[] {
  const name = nameFor(state, fact.path)
  const isPlanned = files.some((file) => nameFor(state, file.path) === name)
  if (isPlanned || isList(fact.kind) || !fact.located || fact.inPlace === true) return files
  const moved = files.find(
    (file) =>
      isInFinalFolder(state, file) &&
      file.name === freeName(fact.path, new Set()) &&
      (fact.sizeBytes === null || fact.sizeBytes === file.final?.sizeBytes),
  )
  return files.map((file) => (file === moved ? movedFrom(state, file, fact) : file))
}

/** It was never moved by what the object remembers, and it lies where the object would have moved it. */
function isInFinalFolder({ egressId }: RecordingState, { name, source, final }: FileWork): boolean {
  if (source === null || final === null || source.key !== final.key) return false
  return `/${final.key}`.endsWith(`/${finalFolder('', egressId)}${name}`)
}

/** Nobody knows whether the place that it was moved from was written to once more: it is looked at once. */
function movedFrom({ seen }: RecordingState, file: FileWork, { path }: OutputFact): FileWork {
  const terminalAtMs = seen.terminalAtMs?.value ?? null
  const source = file.source && { ...file.source, key: path }
  return { ...file, path, source, terminalAtMs, optional: false, overwritten: true }
}
