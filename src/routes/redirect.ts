// Answers for one file of one recording: a redirect to a presigned URL, or the text of a playlist. No media byte passes
// through the Worker, and for a redirect the store is not asked for anything. HEAD gets a URL that is signed for HEAD;
// Range is left to the store. It must never redirect to anything but the configured store, so only keys of the
// recording's own files are signed.
import { z } from '@hono/zod-openapi'
import { create as contentDisposition } from 'content-disposition'
import type { Context } from 'hono'
import { choose, firstFile } from '../playback/choice.ts'
import type { PlayableFile } from '../playback/choice.ts'
import { presignedLife, windowMs } from '../playback/life.ts'
import { signPlaybackToken } from '../playback/token.ts'
import { problem } from '../problem.ts'
import { downloadName } from '../recording/download-name.ts'
import { isList } from '../recording/folders.ts'
import { encodeName } from '../recording/keys.ts'
import type { Recording } from '../recording/recording.ts'
import { publicBase, refusal } from './context.ts'
import type { AppEnv } from './context.ts'
import { streamDownload } from './download.ts'
import { playerMemory } from './player-memory.ts'
import { answerLivePlaylist, answerPlaylist, playlistType } from './playlists.ts'

/** The description of every answer for a file. */
export const fileAnswers = {
  200: {
    description: 'A playlist, or a download that passes through the Worker (DOWNLOADS)',
    content: {
      [playlistType]: { schema: z.string() },
      'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) },
    },
  },
  206: { description: 'A part of such a download' },
  302: { description: 'To the store' },
  304: { description: 'The playlist has not changed' },
  404: refusal('No such recording or file'),
  409: refusal('Not playable yet, not any more, or not at all, with the reason'),
  416: refusal('A download that passes through the Worker has no such part'),
}

export interface Wanted {
  /** Name of a file; `null` for the main one. */
  name: string | null
  isDownload: boolean
  /** When the link ends that the viewer came with; `null` for a caller of the API. */
  linkExpiresAtMs: number | null
  /** What a live playlist put behind the name of a segment. */
  signature?: string | undefined
  /** Of every answer to this caller. */
  headers?: Record<string, string>
}

/** @throws 409 while nothing is playable, with the reason; 404 for a name that is none of the recording's files */
export async function answerFile(
  context: Context<AppEnv>,
  recording: Recording,
  wanted: Wanted,
): Promise<Response> {
  const choice = choose(recording, wanted.name, context.get('config'))
  switch (choice.kind) {
    case 'file':
      return answerFinal(context, recording, choice.file, wanted)
    case 'live':
      return answerLivePlaylist(context, recording, choice.keys, wanted.headers)
    case 'live-segment': {
      const { segments } = playerMemory(context.get('config'))
      const { egressId } = recording
      const key = await segments.find(egressId, choice.keys, wanted.signature ?? '')
      if (key === null) throw noSuchFile()
      return redirectTo(context, key, wanted, null)
    }
    case 'no-such-file':
      throw noSuchFile()
    case 'not-playable':
      throw problem(409, 'not-playable', choice.message, {
        reason: choice.code,
        recordingStatus: recording.status,
      })
    default:
      return choice satisfies never
  }
}

/**
 * The same for a caller of the API. A playlist is played through a link of its own: a player has no token to show, and asks
 * for names beside the address of the list.
 */
export async function redirectByApi(
  context: Context<AppEnv>,
  recording: Recording,
  name: string | null,
  isDownload: boolean,
): Promise<Response> {
  const file =
    name === null ? firstFile(recording) : recording.files.find((known) => known.name === name)
  if (file == null || !isList(file.kind) || (file.state !== 'final' && file.path === undefined)) {
    return answerFile(context, recording, { name, isDownload, linkExpiresAtMs: null })
  }
  const { playbackSecret, playbackTtlSeconds } = context.get('config')
  const { egressId } = recording
  const expiresAtMs = Date.now() + playbackTtlSeconds * 1000
  const claims = { egressId, expiresAtMs, linkId: null, download: true, viewer: null }
  const token = await signPlaybackToken(claims, playbackSecret)
  context.header('cache-control', 'private, no-store')
  context.header('referrer-policy', 'no-referrer')
  const address = encodeName(file.name)
  return context.redirect(`${publicBase(context, '/v1/')}/play/${token}/${address}`)
}

async function answerFinal(
  context: Context<AppEnv>,
  recording: Recording,
  file: PlayableFile,
  wanted: Wanted,
): Promise<Response> {
  if (isList(file.kind)) return answerPlaylist(context, recording, file, wanted.headers)
  if (!wanted.isDownload) return redirectTo(context, file.key, wanted, null)
  const name = file.isListed ? downloadName(recording, file) : file.name
  const disposition = contentDisposition(name, { type: 'attachment' })
  return context.get('config').downloads === 'stream'
    ? streamDownload(context, file.key, disposition, wanted.headers)
    : redirectTo(context, file.key, wanted, disposition)
}

async function redirectTo(
  context: Context<AppEnv>,
  key: string,
  { linkExpiresAtMs, headers: told }: Wanted,
  disposition: string | null,
): Promise<Response> {
  const config = context.get('config')
  const method = context.req.method === 'HEAD' ? 'HEAD' : 'GET'
  const life = presignedLife(Date.now(), config.playbackTtlSeconds, linkExpiresAtMs)
  const { urls, store } = playerMemory(config)
  const madeOf = `${method} ${life.signedAtMs} ${life.seconds} ${disposition ?? ''} ${key}`
  let url = urls.get(madeOf, Date.now())
  if (url === undefined) {
    url = await store.requests.presign(
      method,
      key,
      life,
      disposition === null ? undefined : { 'response-content-disposition': disposition },
    )
    urls.set(madeOf, url, life.signedAtMs + windowMs)
  }
  // Not by the context: what is set there would also stand on a refusal that comes after it.
  const headers = {
    ...told,
    location: url,
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
  }
  return new Response(null, { status: 302, headers })
}

function noSuchFile() {
  return problem(404, 'file-not-found', 'The recording has no such file.')
}
