// An upload that the store does not go on with, in whatever words it says so: joined by a try whose answer was lost, or
// forgotten by a store that has no NoSuchUpload for it. Shared by the copy in parts and by what is pulled from the backup.
// No file may wait for ever for an upload that nothing will finish; a new one costs no more than the old one did.
import type { Fault, FileState, Pause } from '../recording/state.ts'
import { pauseAfter } from '../recording/state.ts'
import { isCopyOf } from '../storage/move.ts'
import type { Move } from '../storage/move.ts'
import { onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { entry, faultOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** So many refusals in a row, and so much longer a row each time after: what is refused to every upload is no upload's fault. */
const mostRefusals = 5
/** The store may well go on with it after an outage: about a quarter of an hour. */
const mostOutages = 10
const outages = new Set(['store-outage', 'store-timeout', 'store-unreachable'])

/** True when our copy lies at the final key: the parts were joined, and the answer was lost. */
export async function isJoined({ store }: Ports, move: Move): Promise<boolean> {
  const there = await store.head(move.finalKey)
  return there !== null && isCopyOf(there, move.source)
}

/**
 * What comes of an upload after trouble with a part of it. It is given up only by a store that answers otherwise: in an
 * outage of everything the look fails as well. Trouble that may pass is thrown again.
 */
export async function afterTrouble(
  context: FileContext,
  move: Move,
  error: unknown,
): Promise<'joined' | 'hopeless'> {
  if (!isHopeless(context.file.pause, faultOf(error))) throw error
  return (await isJoined(context.ports, move)) ? 'joined' : 'hopeless'
}

/** The same after trouble with the join: then the look comes first. */
export async function afterRefusedJoin(
  context: FileContext,
  move: Move,
  error: unknown,
): Promise<'joined' | 'hopeless'> {
  const fault = faultOf(error)
  if (await isJoined(context.ports, move)) return 'joined'
  if (!isHopeless(context.file.pause, fault)) throw error
  return 'hopeless'
}

function isHopeless({ attempts }: Pause, { code }: Fault): boolean {
  const most = outages.has(code) ? mostOutages : mostRefusals
  return Number.isInteger(Math.log2((attempts + 1) / most))
}

/** The upload is given up, with the words of the store that did not go on with it, and another one begins. */
export function givenUp(
  { file, ports }: FileContext,
  move: Move,
  { error, state }: { error: unknown; state: FileState },
): Outcome {
  const fault = faultOf(error)
  const pause = pauseAfter(file.pause, fault, ports.clock.nowMs(), ports.clock.random())
  return {
    change: onFile(file, (now) => {
      if (now.upload === null) return now
      const abandoned = { key: move.finalKey, uploadId: now.upload.uploadId }
      return { ...now, state, upload: null, abandoned, pause }
    }),
    entries: [entry('file.upload-lost', { file: file.name, ...fault })],
  }
}
