// A copy in parts, for files that one request cannot copy: begin, one part at a time, join. The upload's id and the ETags of
// its parts are kept after each step, so that a kill costs one part. R2 takes no condition on a part, so the source is
// looked at once more before the parts are joined. An upload that is given up is aborted: its parts cost money.
import { isCopyOf, isSame, requestOf, destination } from '../storage/move.ts'
import type { Upload } from '../recording/state.ts'
import { lookedAgain, lookedForSource, moveOf, onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { takenName } from './move-steps.ts'
import { entry } from './outcome.ts'
import type { Outcome } from './outcome.ts'

/** S3's limits: at most so many parts, all but the last of one size (s3.md §3.8). */
const mostParts = 10_000
const mebibyte = 1024 * 1024

/** Begins the upload, unless our copy or something else lies at the final key already. */
export async function beginParts(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null) return lookedForSource(context)
  const found = await destination(ports.store, move)
  if (found === 'occupied') return takenName(context)
  if (found === 'copied') return copied(context, move.finalKey)
  const { sizeBytes } = move.source
  const least = Math.ceil(sizeBytes / mostParts / mebibyte) * mebibyte
  const partBytes = Math.max(ports.settings.partBytes, least)
  const uploadId = await ports.store.beginUpload(requestOf(move, true))
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
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const { uploadId, partBytes, etags } = file.upload
  const from = etags.length * partBytes
  const to = Math.min(from + partBytes, move.source.sizeBytes) - 1
  const part = { finalKey: move.finalKey, uploadId, number: etags.length + 1, from, to }
  const etag = await ports.store.copyPart(part, move.source)
  if (etag === null) return lostUpload(context)
  return {
    change: onFile(file, (now) =>
      now.upload?.uploadId === uploadId && now.upload.etags.length === etags.length
        ? { ...now, upload: { ...now.upload, etags: [...etags, etag] } }
        : now,
    ),
    entries: [],
  }
}

/** Joins the parts, if the source is still the one that they came from. */
export async function completeParts(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const temp = await ports.store.head(move.source.key)
  if (temp === null || !isSame(temp, move.source)) {
    return lookedAgain(
      context,
      'changed',
      `${move.source.key} is no longer the file that was found.`,
    )
  }
  const { uploadId, etags } = file.upload
  if (await ports.store.completeUpload(move.finalKey, uploadId, etags)) {
    return copied(context, move.finalKey)
  }
  // Unknown by now: the answer to an earlier, successful try may have been lost (s3.md §3.11).
  const there = await ports.store.head(move.finalKey)
  return there !== null && isCopyOf(there, move.source)
    ? copied(context, move.finalKey)
    : lostUpload(context)
}

/** Tells the store that an upload was given up. */
export async function abortParts({ file, ports }: FileContext): Promise<Outcome> {
  if (file.abandoned !== null) {
    await ports.store.abortUpload(file.abandoned.key, file.abandoned.uploadId)
  }
  return {
    change: onFile(file, (now) => ({ ...now, abandoned: null })),
    entries: [entry('file.upload-aborted', { file: file.name })],
  }
}

function copied({ file }: FileContext, key: string): Outcome {
  return {
    change: onFile(file, (now) => ({ ...now, state: 'moving', upload: null, copyAsked: true })),
    entries: [entry('file.copied', { file: file.name, key })],
  }
}

/** The store forgot the upload: it expired, or somebody aborted it. It begins anew. */
function lostUpload({ file }: FileContext): Outcome {
  return {
    change: onFile(file, (now) => ({ ...now, state: 'in_temp', upload: null })),
    entries: [entry('file.upload-lost', { file: file.name })],
  }
}
