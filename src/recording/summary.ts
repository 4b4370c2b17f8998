// One sentence for each line of a timeline, for a person who wants to know what happened to a recording and how we know.
// It says nothing that the entry does not hold; an entry of a kind that has no sentence shows its own words.
import type { Entry } from './state.ts'

type Detail = Entry['detail']

const sentences: Record<string, (detail: Detail) => string> = {
  'status.changed': ({ from, to, error }) =>
    `The recording is ${word(to)}${from === null ? '' : `, it was ${word(from)}`}.${because(error)}`,
  'file.found': ({ key, sizeBytes }) => `Found ${word(key)}${sized(sizeBytes)}.`,
  'file.discovered': ({ key, sizeBytes }) =>
    `Nobody told of the end, but ${word(key)}${sized(sizeBytes)} lies in the bucket, complete.`,
  'file.not-found': ({ file }) =>
    `${file === undefined ? 'The file' : word(file)} is not in the temp folder; it is looked for again.`,
  'file.gone': ({ key }) => `${word(key)} is not in its place any more.`,
  'file.back': ({ key }) => `${word(key)} is in its place again.`,
  'file.missing': ({ file }) => `${word(file)} has not appeared within the grace period.`,
  'file.doubted': ({ file, why }) =>
    `${word(file)} is not what LiveKit said; it is kept where it is.${because(why)}`,
  'file.ignored': ({ key }) =>
    `${word(key)} is no news: it was moved before, or is older than the egress.`,
  'file.refused': ({ file, why }) => `${word(file)} is not touched.${because(why)}`,
  'file.copied': ({ key }) => `The store has copied it to ${word(key)}.`,
  'file.copy-begun': ({ file, parts }) => `${word(file)} is being copied in ${word(parts)} parts.`,
  'file.verified': ({ key, sizeBytes }) =>
    `Looked at the copy ${word(key)}${sized(sizeBytes)}: it is right.`,
  'file.found-moved': ({ key }) => `It had been moved before: our copy lies at ${word(key)}.`,
  'file.final-key-taken': ({ key }) =>
    `Something that is not ours lies at ${word(key)}; it stays, and the file gets another name.`,
  'file.upload-lost': ({ file }) => `The store forgot the upload of ${word(file)}; it begins anew.`,
  'file.upload-aborted': ({ file }) =>
    `An upload of ${word(file)} was given up, and the store told so.`,
  'file.abort-failed': ({ file, message }) =>
    `An upload of ${word(file)} was given up; the store would not hear of it.${because(message)}`,
  'temp.removed': ({ key }) =>
    `Removed ${word(key)} from the temp folder, its copy being verified.`,
  'temp.changed': ({ key }) =>
    `Another file lies at ${word(key)} by now: a second run. It is moved as well, and the first one kept.`,
  'temp.kept': ({ key }) => `${word(key)} lies outside the temp folder, where nothing is removed.`,
  'folder.copying': ({ path, files, total }) =>
    `${word(files)} of ${word(total)} files beside ${word(path)} are copied.`,
  'folder.copied': ({ path, total }) =>
    `All ${word(total)} files beside ${word(path)} have been dealt with.`,
  'folder.removed': ({ path }) =>
    `The temp files beside ${word(path)} are removed, their copies being verified.`,
  'segment.missing': ({ name }) =>
    `The playlist names ${word(name)}, and the bucket has no such file.`,
  'backup.found': ({ sizeBytes }) => `LiveKit’s backup storage has the file${sized(sizeBytes)}.`,
  'backup.pulled': () => 'The file was pulled out of LiveKit’s backup storage.',
  'livekit.unknown': ({ answer }) =>
    `LiveKit, asked for the ${ordinal(answer)} time, does not know this egress.`,
  'livekit.unavailable': ({ message }) => `LiveKit could not be asked.${because(message)}`,
  'catalogue.unavailable': ({ message }) =>
    `The catalogue could not be written.${because(message)}`,
  'registry.unavailable': ({ message }) => `The registry could not be told.${because(message)}`,
  'store.unavailable': ({ message }) => `The store could not be asked.${because(message)}`,
  'recording.concluded': ({ as }) =>
    as === 'ghost'
      ? 'LiveKit never knew this egress, and there is no file: it was a test event, and no recording.'
      : 'LiveKit is silent and there is no file: the recording is lost, unless evidence comes.',
  'start.asked': ({ startId }) => `Started through Roomtape, as ${word(startId)}.`,
  'recording.edited': (fields) => `Somebody changed ${listed(Object.keys(fields))}.`,
  'start.unknown': ({ startId }) =>
    `LiveKit’s request names the start ${word(startId)}, and there was none such.`,
  'start.unavailable': ({ message }) => `The start could not be asked for.${because(message)}`,
  'stop.sent': ({ why }) =>
    why === 'max-duration'
      ? 'Its time is over: LiveKit was told to end it.'
      : 'LiveKit was told to end it.',
  'stop.needless': ({ answer }) =>
    answer === 'gone'
      ? 'LiveKit was told to end it, and does not know the egress.'
      : 'LiveKit was told to end it, and it had ended before.',
  'stop.failed': ({ message }) =>
    `LiveKit was told to end it, in vain; it is told again.${because(message)}`,
  'stop.asked': () => 'Somebody wants the egress stopped.',
  'discard.asked': () => 'Somebody wants it stopped and everything of it thrown away.',
  'delete.asked': () => 'Somebody deleted the recording.',
  'restore.asked': () => 'Somebody took the recording out of the trash.',
  'recording.expired': () => 'Its time was over: it was put into the trash.',
  'recording.erased': ({ objects }) =>
    `Everything of it is removed (${word(objects)} objects), and a second look found nothing.`,
  'removal.failed': ({ message }) =>
    `Not everything could be removed; it is tried again.${because(message)}`,
  'reconcile.asked': () => 'Somebody asked to look at LiveKit and the bucket now.',
}

const witnesses: Record<string, string> = {
  webhook: 'A webhook says',
  livekit: 'LiveKit, asked, says',
  manifest: 'LiveKit’s manifest says',
  object: 'The bucket shows',
  api: 'Somebody says',
}

/** The entry in one sentence. */
export function summaryOf({ source, type, detail }: Omit<Entry, 'atMs'>): string {
  const sentence = sentences[type]
  if (sentence !== undefined) return sentence(detail)
  const witness = witnesses[source]
  if (witness !== undefined) return `${witness}: ${said(type, detail)}.`
  return `${type.replaceAll(/[.-]/g, ' ')}${detail['file'] === undefined ? '' : ` ${word(detail['file'])}`}.${because(detail['message'])}`
}

function said(type: string, { status, error, outputs, objects }: Detail): string {
  const files = [...paths(outputs, 'path'), ...paths(objects, 'key')]
  const parts = [
    typeof status === 'string' ? `${type} ${status}` : type,
    typeof error === 'string' ? error : '',
    files.length > 3 ? `${files.length} files` : files.join(', '),
  ]
  return parts.filter((part) => part !== '').join(', ')
}

function paths(list: unknown, name: string): string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item: Record<string, unknown>) =>
    typeof item[name] === 'string' ? [item[name]] : [],
  )
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}

/** Names of fields, as the API has them. */
function listed(names: string[]): string {
  return names
    .filter((name) => name !== 'id')
    .map((name) => name.replace(/Ms$/, ''))
    .join(', ')
}

function sized(sizeBytes: unknown): string {
  return typeof sizeBytes === 'number' ? ` (${sizeBytes.toLocaleString('en')} bytes)` : ''
}

function because(words: unknown): string {
  return typeof words === 'string' && words !== '' ? ` ${words}` : ''
}

function ordinal(count: unknown): string {
  return count === 1 ? 'first' : 'second'
}
