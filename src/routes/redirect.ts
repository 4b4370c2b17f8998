// Sends a viewer to the store: a presigned URL of one file of one recording. No byte passes through the Worker, and the
// store is not asked for anything. HEAD gets a URL that is signed for HEAD; Range is left to the store. It must never
// redirect to anything but the configured store, so only keys of the recording's own files are signed.
import { create as contentDisposition } from 'content-disposition'
import type { Context } from 'hono'
import { presignedLife } from '../playback/life.ts'
import { problem } from '../problem.ts'
import { directoryOf } from '../recording/folders.ts'
import { finalFolder, isSafeKey } from '../recording/keys.ts'
import { isRelative, playableText } from '../recording/playlist.ts'
import { mainFile, whyNotPlayable } from '../recording/recording.ts'
import type { Recording, RecordingFile } from '../recording/recording.ts'
import { StoreRequests } from '../storage/requests.ts'
import { S3 } from '../storage/s3.ts'
import type { AppEnv } from './context.ts'

export interface Wanted {
  /** Name of a file; `null` for the main one. */
  name: string | null
  isDownload: boolean
  /** When the link ends that the viewer came with; `null` for a caller of the API. */
  linkExpiresAtMs: number | null
}

/** @throws 409 while nothing is playable, with the reason; 404 for a name that is none of the recording's files */
export async function redirectToFile(
  context: Context<AppEnv>,
  recording: Recording,
  wanted: Wanted,
): Promise<Response> {
  const config = context.get('config')
  const file = wantedFile(recording, wanted.name, config.finalPrefix)
  if (isPlaylist(file)) return answerPlaylist(context, file)
  const method = context.req.method === 'HEAD' ? 'HEAD' : 'GET'
  const life = presignedLife(Date.now(), config.playbackTtlSeconds, wanted.linkExpiresAtMs)
  const overrides = wanted.isDownload
    ? { 'response-content-disposition': contentDisposition(file.name, { type: 'attachment' }) }
    : undefined
  const url = await new StoreRequests(config.storage).presign(method, file.key, life, overrides)
  return context.body(null, 302, {
    location: url,
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
  })
}

function isPlaylist({ kind }: PlayableFile): boolean {
  return kind === 'playlist' || kind === 'live_playlist'
}

/** The names in a playlist are relative, and lead back here under the same link. */
async function answerPlaylist(context: Context<AppEnv>, file: PlayableFile): Promise<Response> {
  const text = await new S3(context.get('config').storage).text(file.key)
  if (text === null)
    throw problem(409, 'not-playable', 'The playlist is not in its folder any more.')
  return context.body(playableText(text, new Set(file.missing)), 200, {
    'content-type': 'application/vnd.apple.mpegurl',
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
  })
}

type PlayableFile = Pick<RecordingFile, 'name' | 'kind' | 'missing'> & { key: string }

function wantedFile(recording: Recording, name: string | null, finalPrefix: string): PlayableFile {
  const file =
    name === null ? mainFile(recording) : recording.files.find((known) => known.name === name)
  if (file?.state === 'final' && file.key !== null) return { ...file, key: file.key }
  // Not what LiveKit said, and kept where it is: whoever asks for it by name gets it (faults S4).
  const isKept = name !== null && file?.state === 'quarantined' && (file.sizeBytes ?? 0) > 0
  if (isKept && file.key !== null) return { ...file, key: file.key }
  if (name !== null && (file == null || file.kind === 'image')) {
    const found = listedElsewhere(recording, name, finalPrefix)
    if (found === null) throw problem(404, 'file-not-found', 'The recording has no such file.')
    return found
  }
  const why = whyNotPlayable(recording) ?? {
    code: 'not-final',
    message: 'The file is not in its final folder yet.',
  }
  throw problem(409, 'not-playable', why.message, {
    reason: why.code,
    recordingStatus: recording.status,
  })
}

/**
 * Segments and images are too many to be listed one by one. They lie in the recording's folder under the name that the
 * playlist gives them, seen from there.
 */
function listedElsewhere(
  recording: Recording,
  name: string,
  finalPrefix: string,
): PlayableFile | null {
  const own = finalFolder(finalPrefix, recording.egressId)
  const playlist = recording.files.find(
    (file) => file.kind === 'playlist' && file.state === 'final' && file.key !== null,
  )
  const isOwn = playlist?.key?.startsWith(own) ?? true
  const folder = isOwn ? own : directoryOf(playlist?.key ?? '')
  const hasImages = recording.files.some((file) => file.kind === 'image')
  const isKnown =
    // In a shared folder a name that plays by itself may be another recording.
    (playlist !== undefined && (isOwn ? /\.(ts|m4s|mp4|aac)$/i : /\.(ts|m4s)$/i).test(name)) ||
    (hasImages && /\.(jpe?g|png|webp)$/i.test(name))
  // A folder that is not ours alone may have folders of others in it.
  const isInside = isRelative(name) && (isOwn || !name.includes('/'))
  const key = `${folder}${name}`
  return isKnown && isInside && isSafeKey(key) ? { name, kind: 'video', key } : null
}
