// A copy in parts, for files that one request cannot copy: begin, one part at a time, join. The upload's id and the ETags of
// its parts are kept after each step, so that a kill costs one part. R2 takes no condition on a part, so the source is
// looked at once more before the parts are joined. An upload that is given up is aborted: its parts cost money.
import { begunUpload, giveUpUpload, isSame, occupant } from '../storage/move.ts'
import type { Part } from '../recording/ports.ts'
import { noPause, partBytesOf, pauseAfter } from '../recording/state.ts'
import type { SourceObject, Upload } from '../recording/state.ts'
import { lookedAgain, lookedForSource, moveOf, onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { takenName } from './move-steps.ts'
import { entry, faultOf, firstOf, uploadLost } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { afterRefusedJoin, afterTrouble, givenUp, isJoined } from './stuck-upload.ts'

/** Begins the upload, unless our copy or something else lies at the final key already. */
export async function beginParts(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null) return lookedForSource(context)
  const found = await occupant(ports.store, move)
  if (found === 'occupied') return takenName(context)
  if (found === 'copied') return copied(context, move.finalKey)
  const { sizeBytes } = move.source
  const partBytes = partBytesOf(sizeBytes, ports.settings.partBytes)
  const uploadId = await begunUpload(ports.store, move)
  const upload: Upload = { uploadId, partBytes, etags: [] }
  return {
    change: onFile(file, (now) => ({ ...now, state: 'moving', upload })),
    entries: [
      entry('file.copy-begun', {
        file: file.name,
        parts: Math.ceil(sizeBytes / partBytes),
        partBytes,
      }),
    ],
  }
}

/** Copies the next part. */
export async function copyNextPart(context: FileContext): Promise<Outcome> {
  const { file } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const { uploadId, partBytes, etags } = file.upload
  const from = etags.length * partBytes
  const to = Math.min(from + partBytes, move.source.sizeBytes) - 1
  const part = { finalKey: move.finalKey, uploadId, number: etags.length + 1, from, to }
  let etag: Awaited<ReturnType<typeof copiedPart>>
  try {
    etag = await copiedPart(context, move.source, part)
  } catch (error) {
    return (await afterTrouble(context, move, error)) === 'joined'
      ? copied(context, move.finalKey)
      : givenUp(context, move, { error, state: 'in_temp' })
  }
  if (etag === 'changed') return sourceChanged(context)
  if (etag === 'lost') return lostUpload(context)
  return {
    change: onFile(file, (now) =>
      now.upload?.uploadId === uploadId && now.upload.etags.length === etags.length
        ? { ...now, upload: { ...now.upload, etags: [...etags, etag.done] }, pause: noPause }
        : now,
    ),
    entries: [],
  }
}

/** ETag of the part. A store that refuses it may do so because the file is gone, or another one by now. */
async function copiedPart(
  { ports }: FileContext,
  source: SourceObject,
  part: Part,
): Promise<{ done: string } | 'lost' | 'changed'> {
  const isChanged = async (): Promise<boolean> => {
    const temp = await ports.store.head(source.key)
    return temp === null || !isSame(temp, source)
  }
  try {
    const etag = await ports.store.copyPart(part, source)
    if (etag !== null) return { done: etag }
    return (await isChanged()) ? 'changed' : 'lost'
  } catch (error) {
    if (faultOf(error).code !== 'store-refused' || !(await isChanged())) throw error
    return 'changed'
  }
}

/** The parts that were copied are of a file that is gone: the upload is given up. */
function sourceChanged(context: FileContext): Outcome {
  const key = context.file.source?.key
  return lookedAgain(context, 'changed', `${key} is no longer the file that was found.`)
}

/** Joins the parts, if the source is still the one that they came from. */
export async function completeParts(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const temp = await ports.store.head(move.source.key)
  if (temp === null || !isSame(temp, move.source)) {
    // Joined before a kill, and overwritten by a second run since: then the joined file is all that is left of the first.
    return (await isJoined(ports, move)) ? copied(context, move.finalKey) : sourceChanged(context)
  }
  const { uploadId, etags } = file.upload
  try {
    if (await ports.store.completeUpload(move.finalKey, uploadId, etags)) {
      return copied(context, move.finalKey)
    }
  } catch (error) {
    return (await afterRefusedJoin(context, move, error)) === 'joined'
      ? copied(context, move.finalKey)
      : givenUp(context, move, { error, state: 'in_temp' })
  }
  // Unknown by now: the answer to an earlier, successful try may have been lost (s3.md §3.11).
  return (await isJoined(ports, move)) ? copied(context, move.finalKey) : lostUpload(context)
}

/** Tells the store that an upload was given up. */
export async function abortParts({ file, ports }: FileContext): Promise<Outcome> {
  const { abandoned } = file
  const refused =
    abandoned === null ? null : await giveUpUpload(ports.store, abandoned.key, abandoned.uploadId)
  const told =
    refused === null
      ? entry('file.upload-aborted', { file: file.name })
      : entry('file.abort-failed', {
          file: file.name,
          code: refused.code,
          message: refused.message,
        })
  return { change: onFile(file, (now) => ({ ...now, abandoned: null })), entries: [told] }
}

function copied({ file }: FileContext, key: string): Outcome {
  return {
    change: onFile(file, (now) => ({ ...now, state: 'moving', upload: null, copyAsked: true })),
    entries: [entry('file.copied', { file: file.name, key })],
  }
}

/** The store forgot the upload: it expired, or somebody aborted it. It begins anew. */
function lostUpload({ file, ports }: FileContext): Outcome {
  const pause = pauseAfter(file.pause, uploadLost, ports.clock.nowMs(), ports.clock.random())
  return {
    change: onFile(file, (now) => ({ ...now, state: 'in_temp', upload: null, pause })),
    entries: firstOf(file.pause, 'file.upload-lost', uploadLost, { file: file.name }),
  }
}
