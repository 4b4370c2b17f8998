// Brings home a file that LiveKit stored in its backup storage because the upload into the bucket had failed. There is no
// server-side copy from there, so it is streamed in parts of bounded size, one a step, straight into the final folder; the
// address is good for seven days only (livekit.md §2.1). Progress survives a kill, and the last look is that of every file.
import { candidateKeys, finalKey } from '../recording/files.ts'
import { afterFound } from '../recording/looks.ts'
import { factOf } from '../recording/named.ts'
import { Trouble } from '../recording/ports.ts'
import { promisedBytes } from '../recording/promised.ts'
import {
  backupEtag,
  isBackup,
  mebibyte,
  neverMs,
  noPause,
  partBytesOf,
  pauseAfter,
} from '../recording/state.ts'
import type { Pause, SourceObject, Upload } from '../recording/state.ts'
import { begunUpload, locate, occupant } from '../storage/move.ts'
import { lookedAgain, lookedForSource, moveOf, onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { takenName } from './move-steps.ts'
import { entry, firstOf, uploadLost } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { afterRefusedJoin, afterTrouble, givenUp } from './stuck-upload.ts'

/** What one step holds in memory: a Worker has 128 MB for everything. */
const pulledPartBytes = 16 * mebibyte

/** An address that gave nothing so often in a row has expired; from then on it is tried once an hour, for three days. */
const hopelessAttempts = 5
const hopelessPauseMs = 3_600_000
const triedForMs = 3 * 24 * hopelessPauseMs

/** Begins the upload into the final folder, or takes the next part of it, or joins the parts. */
export async function pullFile(context: FileContext): Promise<Outcome> {
  try {
    return await pullOn(context)
  } catch (error) {
    if (error instanceof Trouble && error.code === 'backup-expired') return expired(context, error)
    throw error
  }
}

async function pullOn(context: FileContext): Promise<Outcome> {
  const { file } = context
  if (file.source === null || !isBackup(file)) return beginPull(context)
  if (file.upload === null) return beginUpload(context)
  const { etags, partBytes } = file.upload
  return etags.length * partBytes < file.source.sizeBytes ? pullPart(context) : joinParts(context)
}

/** Finds out how large the file is. It may lie in the bucket after all: then it goes the way of every other. */
async function beginPull(context: FileContext): Promise<Outcome> {
  const { file, state, ports } = context
  const promised = promisedBytes(state, file)
  const candidates = candidateKeys(state, file.path, ports.settings)
  const found = await locate(ports.store, 'keys' in candidates ? candidates.keys : [])
  if (found !== null && promised !== null && found.sizeBytes === promised) {
    const after = afterFound(state, file, found, ports.clock.nowMs())
    const detail = { file: file.name, key: found.key, sizeBytes: found.sizeBytes }
    return { change: onFile(file, () => after), entries: [entry('file.found', detail)] }
  }
  const { totalBytes } = await ports.backup.read(backupUrl(context), 0, 0)
  if (promised !== null && promised !== totalBytes) {
    const message = `The backup has ${totalBytes} bytes, LiveKit said ${promised}.`
    throw new Trouble('size-mismatch', message)
  }
  const source: SourceObject = {
    // It has no key; where it should have been is where another file of it may turn up.
    key: 'keys' in candidates ? (candidates.keys[0] ?? nowhere(context)) : nowhere(context),
    etag: backupEtag,
    sizeBytes: totalBytes,
    lastModifiedMs: 0,
    contentType: null,
    metadata: {},
  }
  return {
    change: onFile(file, (now) => ({ ...now, state: 'moving', source, pause: noPause })),
    entries: [entry('backup.found', { file: file.name, sizeBytes: totalBytes })],
  }
}

async function beginUpload(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null) return lookedForSource(context)
  const found = await occupant(ports.store, move)
  if (found === 'occupied') return takenName(context)
  if (found === 'copied') return joined(context)
  const uploadId = await begunUpload(ports.store, move)
  const partBytes = partBytesOf(move.source.sizeBytes, pulledPartBytes)
  const upload: Upload = { uploadId, partBytes, etags: [] }
  return { change: onFile(file, (now) => ({ ...now, upload })), entries: [] }
}

async function pullPart(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const { uploadId, partBytes, etags } = file.upload
  const from = etags.length * partBytes
  const to = Math.min(from + partBytes, move.source.sizeBytes) - 1
  const { bytes, totalBytes } = await ports.backup.read(backupUrl(context), from, to)
  if (totalBytes !== move.source.sizeBytes)
    return lookedAgain(context, 'changed', 'The backup is no longer the file that was found.')
  const part = { finalKey: move.finalKey, uploadId, number: etags.length + 1, from, to }
  let etag: string | null
  try {
    etag = await ports.store.uploadPart(part, bytes)
  } catch (error) {
    return (await afterTrouble(context, move, error)) === 'joined'
      ? joined(context)
      : givenUp(context, move, { error, state: 'moving' })
  }
  const lost = lostPause(context)
  return {
    change: onFile(file, (now) => {
      if (etag === null) return { ...now, upload: null, pause: lost }
      const isNext = now.upload?.uploadId === uploadId && now.upload.etags.length === etags.length
      return isNext
        ? { ...now, upload: { uploadId, partBytes, etags: [...etags, etag] }, pause: noPause }
        : now
    }),
    entries:
      etag === null ? firstOf(file.pause, 'file.upload-lost', uploadLost, { file: file.name }) : [],
  }
}

async function joinParts(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const { uploadId, etags } = file.upload
  try {
    if (await ports.store.completeUpload(move.finalKey, uploadId, etags)) return joined(context)
  } catch (error) {
    return (await afterRefusedJoin(context, move, error)) === 'joined'
      ? joined(context)
      : givenUp(context, move, { error, state: 'moving' })
  }
  // Unknown by now: lost, or joined by a try whose answer was lost. The next step looks.
  const pause = lostPause(context)
  return { change: onFile(file, (now) => ({ ...now, upload: null, pause })), entries: [] }
}

function lostPause({ file, ports }: FileContext): Pause {
  return pauseAfter(file.pause, uploadLost, ports.clock.nowMs(), ports.clock.random())
}

function joined({ file }: FileContext): Outcome {
  return {
    change: onFile(file, (now) => ({ ...now, upload: null, copyAsked: true })),
    entries: [entry('backup.pulled', { file: file.name })],
  }
}

/** The address gives nothing any more. Whoever has the file can still put it into the temp folder. */
async function expired(context: FileContext, fault: Trouble): Promise<Outcome> {
  const { file, state, ports } = context
  const { code, message } = fault
  const nowMs = ports.clock.nowMs()
  const before = file.pause.fault?.code === code ? file.pause : noPause
  const pause = pauseAfter(before, { code, message }, nowMs, ports.clock.random())
  const entries = firstOf(file.pause, 'file.pull-failed', fault, { file: file.name })
  if (pause.attempts < hopelessAttempts) {
    return { change: onFile(file, (now) => ({ ...now, pause })), entries }
  }
  if (file.upload !== null) {
    await ports.store.abortUpload(finalKey(state, file, ports.settings), file.upload.uploadId)
  }
  const heardAtMs = state.seen.lastHeardAtMs ?? state.seen.firstHeardAtMs ?? nowMs
  const untilMs = nowMs >= heardAtMs + triedForMs ? neverMs : nowMs + hopelessPauseMs
  return {
    change: onFile(file, (now) => ({
      ...now,
      state: 'missing',
      source: null,
      upload: null,
      pause: { ...pause, untilMs },
    })),
    entries,
  }
}

/** A key under which nothing is ever put. */
function nowhere({ state, ports }: FileContext): string {
  return `${ports.settings.tempPrefix}${state.egressId}.backup`
}

function backupUrl({ file, state }: FileContext): string {
  const url = factOf(state, file)?.backupUrl
  if (url === undefined)
    throw new Trouble('backup-unknown', 'LiveKit gave no address of its backup.')
  return url
}
