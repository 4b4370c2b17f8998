// Playlists are answered by the Worker, as text: the names in them are relative, and lead back here under the same link. A
// finished one is remembered for a moment and has an ETag; one that LiveKit is still writing is read from the temp folder.
import type { Context } from 'hono'
import type { PlayableFile } from '../playback/choice.ts'
import { problem } from '../problem.ts'
import { directoryOf } from '../recording/folders.ts'
import { liveText, playableText, readPlaylist } from '../recording/playlist.ts'
import type { Recording } from '../recording/recording.ts'
import type { AppEnv } from './context.ts'
import { lookForFiles } from './missing.ts'
import { liveRememberedMs, playerMemory, rememberedMs } from './player-memory.ts'
import type { PlaylistText } from './player-memory.ts'

export const playlistType = 'application/vnd.apple.mpegurl'

export async function answerPlaylist(
  context: Context<AppEnv>,
  recording: Recording,
  file: PlayableFile,
  told?: Record<string, string>,
): Promise<Response> {
  const { playlists, store } = playerMemory(context.get('config'))
  const known = playlists.get(file.key, Date.now())
  if (known !== undefined) return answer(context, known, told)
  const text = await store.text(file.key)
  if (text === null) {
    await lookForFiles(context, recording.egressId)
    throw problem(409, 'not-playable', 'The playlist is not in its folder any more.', {
      reason: 'missing',
      recordingStatus: recording.status,
    })
  }
  const read = await withEtag(playableText(text, new Set(file.missing)))
  playlists.set(file.key, read, Date.now() + rememberedMs)
  return answer(context, read, told)
}

export async function answerLivePlaylist(
  context: Context<AppEnv>,
  recording: Recording,
  keys: string[],
  told?: Record<string, string>,
): Promise<Response> {
  const { egressId } = recording
  const { playlists, store, segments } = playerMemory(context.get('config'))
  for (const key of keys) {
    const remembered = `live ${egressId} ${key}`
    const known = playlists.get(remembered, Date.now())
    if (known !== undefined) return answer(context, known, told)
    const text = await store.text(key)
    if (text === null) continue
    const signatures = new Map<string, string>()
    for (const name of readPlaylist(text).segments) {
      signatures.set(name, await segments.sign(egressId, `${directoryOf(key)}${name}`))
    }
    const read = await withEtag(liveText(text, (name) => `?live=${signatures.get(name) ?? ''}`))
    playlists.set(remembered, read, Date.now() + liveRememberedMs)
    return answer(context, read, told)
  }
  throw problem(409, 'not-playable', 'The recording has begun; there is nothing to play yet.', {
    reason: recording.status,
    recordingStatus: recording.status,
  })
}

async function withEtag(text: string): Promise<PlaylistText> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  const half = btoa(String.fromCharCode(...new Uint8Array(digest, 0, 16)))
  return { text, etag: `"${half.replace(/=+$/, '')}"` }
}

function answer(
  context: Context<AppEnv>,
  { text, etag }: PlaylistText,
  told?: Record<string, string>,
): Response {
  const headers = {
    ...told,
    etag,
    // Kept, but asked for each time: a link may be revoked.
    'cache-control': 'private, no-cache',
    'referrer-policy': 'no-referrer',
  }
  const known = context.req.header('if-none-match') ?? ''
  const isKnown = known.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
  if (isKnown || known.trim() === '*') return new Response(null, { status: 304, headers })
  return new Response(text, { headers: { ...headers, 'content-type': playlistType } })
}
