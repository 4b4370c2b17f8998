// Copy, look at the copy, remove what was copied: the steps of a file that one request can copy, and the last two of every
// file. Nothing is removed here that `verifyFile` has not passed.
import { finalKey, renamed } from '../recording/files.ts'
import { settle } from '../recording/lifecycle.ts'
import { isBackup, noPause } from '../recording/state.ts'
import { copy, refusalsIn, removeTemp, verify } from '../storage/move.ts'
import { lookedAgain, lookedForSource, moveOf, onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { entry } from './outcome.ts'
import type { Outcome } from './outcome.ts'

/** Asks the store for a copy in one request. */
export async function copyFile(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null) return lookedForSource(context)
  const outcome = await copy(ports.store, move)
  switch (outcome) {
    case 'copied':
      return {
        change: onFile(file, (now) => ({ ...now, state: 'moving', copyAsked: true })),
        entries: [entry('file.copied', { file: file.name, key: move.finalKey })],
      }
    case 'changed':
      return lookedAgain(
        context,
        'changed',
        `${move.source.key} is no longer the file that was found.`,
      )
    case 'occupied':
      return takenName(context)
    default:
      return outcome satisfies never
  }
}

/** Looks at the final object; only what passes here may lose its temp object. */
export async function verifyFile(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null) return lookedForSource(context)
  const verified = await verify(ports.store, move)
  const key = move.finalKey
  if (verified.outcome !== 'verified') {
    const words = verified.outcome === 'absent' ? 'is not there' : 'is not what was to be copied'
    return lookedAgain(context, `copy-${verified.outcome}`, `The copy ${key} ${words}.`)
  }
  const final = { key, etag: verified.etag, sizeBytes: move.source.sizeBytes }
  return {
    change: onFile(file, (now) => ({ ...now, state: 'final', final, pause: noPause })),
    entries: [entry('file.verified', { file: file.name, key, sizeBytes: final.sizeBytes })],
  }
}

/** Removes the temp object of a verified copy. */
export async function removeFile(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  if (file.source === null) return lookedForSource(context)
  // What was pulled from LiveKit's backup has no temp object; whatever lies there is another file.
  if (isBackup(file)) {
    return { change: onFile(file, (now) => ({ ...now, tempRemoved: true })), entries: [] }
  }
  const outcome = await removeTemp(
    ports.store,
    file.source,
    ports.settings.tempPrefix,
    refusalsIn(file.pause),
  )
  // LiveKit wrote another file to the same place: that one gets a work of its own, and this copy stays.
  const overwritten = outcome === 'changed'
  const change = onFile(file, (now) => ({ ...now, tempRemoved: true, overwritten, pause: noPause }))
  return {
    change: (now) => settle(change(now)),
    entries: [entry(`temp.${outcome}`, { file: file.name, key: file.source.key })],
  }
}

/** Something that is not ours lies at the final key: it stays, and our file gets another name. */
export function takenName({ file, state, ports }: FileContext): Outcome {
  const key = finalKey(state, file, ports.settings)
  return {
    change: (now) => onFile(file, (known) => renamed(now, known))(now),
    entries: [entry('file.final-key-taken', { file: file.name, key })],
  }
}
