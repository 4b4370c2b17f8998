// Brings home a file that LiveKit stored in its backup storage because the upload into the bucket had failed. There is no
// server-side copy from there, so it is streamed in parts of bounded size, one a step, straight into the final folder; the
// address is good for seven days only (livekit.md §2.1). Progress survives a kill, and the last look is that of every file.
import { isBackup } from '../recording/files.ts'
import { Trouble } from '../recording/ports.ts'
import { promisedBytes } from '../recording/promised.ts'
import type { SourceObject, Upload } from '../recording/state.ts'
import { isCopyOf, requestOf } from '../storage/move.ts'
import { lookedForSource, moveOf, onFile } from './file-outcome.ts'
import type { FileContext } from './file-outcome.ts'
import { entry } from './outcome.ts'
import type { Outcome } from './outcome.ts'

/** What one step holds in memory: a Worker has 128 MB for everything. */
const pulledPartBytes = 16 * 1024 * 1024

/** Begins the upload into the final folder, or takes the next part of it, or joins the parts. */
export async function pullFile(context: FileContext): Promise<Outcome> {
  const { file } = context
  if (file.source === null || !isBackup(file)) return beginPull(context)
  if (file.upload === null) return beginUpload(context)
  const { etags, partBytes } = file.upload
  return etags.length * partBytes < file.source.sizeBytes ? pullPart(context) : joinParts(context)
}

/** Finds out how large the file is. */
async function beginPull({ file, state, ports }: FileContext): Promise<Outcome> {
  const url = backupUrl({ file, state, ports })
  const { totalBytes } = await ports.backup.read(url, 0, 0)
  const promised = promisedBytes(state, file)
  if (promised !== null && promised !== totalBytes) {
    const message = `The backup has ${totalBytes} bytes, LiveKit said ${promised}.`
    throw new Trouble('size-mismatch', message)
  }
  const source: SourceObject = {
    key: file.path,
    etag: 'backup',
    sizeBytes: totalBytes,
    lastModifiedMs: 0,
    contentType: null,
    metadata: {},
  }
  return {
    change: onFile(file, (now) => ({ ...now, state: 'moving', source })),
    entries: [entry('backup.found', { file: file.name, sizeBytes: totalBytes })],
  }
}

async function beginUpload(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null) return lookedForSource(context)
  const there = await ports.store.head(move.finalKey)
  if (there !== null && isCopyOf(there, move.source)) return joined(context)
  const uploadId = await ports.store.beginUpload(requestOf(move, true))
  const upload: Upload = { uploadId, partBytes: pulledPartBytes, etags: [] }
  return { change: onFile(file, (now) => ({ ...now, upload })), entries: [] }
}

async function pullPart(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const { uploadId, partBytes, etags } = file.upload
  const from = etags.length * partBytes
  const to = Math.min(from + partBytes, move.source.sizeBytes) - 1
  const { bytes } = await ports.backup.read(backupUrl(context), from, to)
  const part = { finalKey: move.finalKey, uploadId, number: etags.length + 1, from, to }
  const etag = await ports.store.uploadPart(part, bytes)
  return {
    change: onFile(file, (now) => {
      if (etag === null) return { ...now, upload: null }
      const isNext = now.upload?.uploadId === uploadId && now.upload.etags.length === etags.length
      return isNext ? { ...now, upload: { uploadId, partBytes, etags: [...etags, etag] } } : now
    }),
    entries: etag === null ? [entry('file.upload-lost', { file: file.name })] : [],
  }
}

async function joinParts(context: FileContext): Promise<Outcome> {
  const { file, ports } = context
  const move = moveOf(context)
  if (move === null || file.upload === null) return lookedForSource(context)
  const { uploadId, etags } = file.upload
  if (await ports.store.completeUpload(move.finalKey, uploadId, etags)) return joined(context)
  // Unknown by now: lost, or joined by a try whose answer was lost. The next step looks.
  return { change: onFile(file, (now) => ({ ...now, upload: null })), entries: [] }
}

function joined({ file }: FileContext): Outcome {
  return {
    change: onFile(file, (now) => ({ ...now, upload: null, copyAsked: true })),
    entries: [entry('backup.pulled', { file: file.name })],
  }
}

function backupUrl({ file, state }: FileContext): string {
  const url = state.seen.outputs?.value.find((fact) => fact.path === file.path)?.backupUrl
  if (url === undefined)
    throw new Trouble('backup-unknown', 'LiveKit gave no address of its backup.')
  return url
}
