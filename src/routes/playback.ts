// GET /play/{token} and /watch/{token}: what a link leads to. The token alone decides what can be reached; nothing that a
// viewer sends becomes part of an address. One catalogue read, no request to the store.
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { readForPlayback } from '../catalog/links.ts'
import { logInfo } from '../log.ts'
import { windowMs } from '../playback/life.ts'
import { verifyPlaybackToken } from '../playback/token.ts'
import type { PlaybackClaims } from '../playback/token.ts'
import { problem } from '../problem.ts'
import { mainFile } from '../recording/recording.ts'
import type { Recording } from '../recording/recording.ts'
import { newRoutes, refusal } from './context.ts'
import type { AppEnv } from './context.ts'
import { redirectToFile } from './redirect.ts'

const responses = {
  302: { description: 'To the store' },
  403: refusal('The link is expired, revoked, used up or not ours'),
  404: refusal('No such recording or file'),
  409: refusal('Not playable yet, or not at all, with the reason'),
}
const DownloadQuery = z.object({ download: z.enum(['0', '1']).optional() })

const play = createRoute({
  method: 'get',
  path: '/play/{token}',
  summary: 'Play the main file of a link',
  request: { params: z.object({ token: z.string() }), query: DownloadQuery },
  responses,
})

const playFile = createRoute({
  method: 'get',
  path: '/play/{token}/{path}',
  summary: 'Play any file of a link’s recording',
  request: { params: z.object({ token: z.string(), path: z.string() }), query: DownloadQuery },
  responses,
})

export const playbackRoutes = newRoutes()
  .openapi(play, (context) =>
    playLink(context, context.req.valid('param').token, null, context.req.valid('query').download),
  )
  .openapi(playFile, (context) => {
    const { token, path } = context.req.valid('param')
    return playLink(context, token, path, context.req.valid('query').download)
  })
  // Segments may lie in folders of their own.
  .get('/play/:token/:path{.+}', (context) => {
    const { token, path } = context.req.param()
    return playLink(context, token, path, undefined)
  })

async function playLink(
  context: Context<AppEnv>,
  token: string,
  name: string | null,
  download: '0' | '1' | undefined,
): Promise<Response> {
  const { claims, recording, maxPlays } = await openLink(context, token)
  const main = name === null ? mainFile(recording) : null
  // Names in a playlist are relative to its own address, so it is asked for by name.
  if (main?.kind === 'playlist') {
    const address = main.name.split('/').map(encodeURIComponent).join('/')
    return context.redirect(`${new URL(context.req.url).pathname}/${address}`)
  }
  const isDownload = download === '1'
  if (isDownload && !claims.download) {
    throw problem(403, 'download-not-allowed', 'This link is for watching only.')
  }
  const redirect = await redirectToFile(context, recording, {
    name,
    isDownload,
    linkExpiresAtMs: claims.expiresAtMs,
  })
  if (claims.linkId !== null && maxPlays !== null && !isPoster(recording, name)) {
    await countPlay(
      context,
      `link:${claims.linkId}`,
      maxPlays,
      isNewPlay(context.req.raw, recording, name),
    )
  }
  logInfo('recording.played', {
    egressId: claims.egressId,
    linkId: claims.linkId,
    viewer: claims.viewer,
    isDownload,
  })
  return redirect
}

/** What a token leads to. @throws 403 for a bad, expired or revoked token, 404 when the recording is not there */
export async function openLink(
  context: Context<AppEnv>,
  token: string,
): Promise<{ claims: PlaybackClaims; recording: Recording; maxPlays: number | null }> {
  const verified = await verifyPlaybackToken(token, context.get('config').playbackSecret)
  if (verified.kind === 'refused') {
    const words =
      verified.code === 'link-expired' ? 'This link has expired.' : 'This link is not valid.'
    throw problem(403, verified.code, words)
  }
  const { claims } = verified
  const found = await readForPlayback(context.env.DB, claims.egressId, claims.linkId)
  if (found === null) throw problem(404, 'recording-not-found', 'There is no such recording.')
  const { revokedAtMs = null, maxPlays = null } = found.link ?? {}
  if (revokedAtMs !== null) throw problem(403, 'link-revoked', 'This link has been revoked.')
  return { claims, recording: found.row.recording, maxPlays }
}

/** @throws 403 when the link has been played as often as it may be */
async function countPlay(
  context: Context<AppEnv>,
  counterName: string,
  maxPlays: number,
  isNew: boolean,
): Promise<void> {
  if (context.req.method === 'HEAD') return
  const counter = context.env.COUNTER.getByName(counterName)
  // Going on with a play is free for as long as the URL lives that the play was given; without one it is a play.
  const lifeMs = context.get('config').playbackTtlSeconds * 1000 + windowMs
  const isFree = !isNew && (await counter.isRecent(lifeMs))
  const isAllowed = isFree || (await counter.add(maxPlays)).isWithin
  if (!isAllowed) {
    throw problem(403, 'link-used-up', 'This link has been played as often as it may be.')
  }
}

/** A seek is no new play: a player asks again with a range that begins further in. Nor is a segment of a playlist. */
function isNewPlay(request: Request, recording: Recording, name: string | null): boolean {
  const isWhole = name === null || recording.files.some((file) => file.name === name)
  const range = request.headers.get('range')
  return isWhole && (range === null || range.startsWith('bytes=0-'))
}

/** What is shown before anything plays, or tells of it. */
function isPoster(recording: Recording, name: string | null): boolean {
  const kind = recording.files.find((file) => file.name === name)?.kind
  return kind === 'image' || kind === 'manifest'
}
