// Sends a viewer to the store: a presigned URL of one file of one recording. No byte passes through the Worker, and the
// store is not asked for anything. HEAD gets a URL that is signed for HEAD; Range is left to the store. It must never
// redirect to anything but the configured store, so only keys of the recording's own files are signed.
import { create as contentDisposition } from 'content-disposition'
import type { Context } from 'hono'
import { presignedLife } from '../playback/life.ts'
import { problem } from '../problem.ts'
import { isSafeKey } from '../recording/keys.ts'
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
  const file = wantedFile(recording, wanted.name)
  const config = context.get('config')
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

/** A playlist is answered as it is: the names in it are relative, and lead back here under the same link. */
async function answerPlaylist(context: Context<AppEnv>, file: PlayableFile): Promise<Response> {
  const text = await new S3(context.get('config').storage).text(file.key)
  if (text === null)
    throw problem(409, 'not-playable', 'The playlist is not in its folder any more.')
  return context.body(text, 200, {
    'content-type': 'application/vnd.apple.mpegurl',
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
  })
}

type PlayableFile = Pick<RecordingFile, 'name' | 'kind'> & { key: string }

function wantedFile(recording: Recording, name: string | null): PlayableFile {
  const file =
    name === null ? mainFile(recording) : recording.files.find((known) => known.name === name)
  if (file?.state === 'final' && file.key !== null) return { ...file, key: file.key }
  if (name !== null && file === undefined) return besidePlaylist(recording, name)
  const why = whyNotPlayable(recording) ?? {
    code: 'not-final',
    message: 'The file is not in its final folder yet.',
  }
  throw problem(409, 'not-playable', why.message, {
    reason: why.code,
    recordingStatus: recording.status,
  })
}

/** Segments and images are too many to be listed one by one; they lie beside their playlist under the name it gives. */
function besidePlaylist(recording: Recording, name: string): PlayableFile {
  const moved = recording.files.filter((file) => file.state === 'final' && file.key !== null)
  const isImage = recording.files.some((file) => file.kind === 'image' && file.name === name)
  const hasPlaylist = moved.some((file) => file.kind === 'playlist')
  const isSegment = hasPlaylist && /\.(ts|m4s|mp4|aac)$/i.test(name) && !name.includes('/')
  const beside = (moved.find((file) => file.kind === 'playlist') ?? moved[0])?.key
  const key = `${beside?.slice(0, beside.lastIndexOf('/') + 1)}${name}`
  if (!beside || !(isSegment || isImage) || !isSafeKey(key)) {
    throw problem(404, 'file-not-found', 'The recording has no such file.')
  }
  return { name, kind: 'video', key }
}
