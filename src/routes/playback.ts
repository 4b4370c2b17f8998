// GET /play/{token}: what a link leads to. The token alone decides what can be reached; nothing that a viewer sends becomes
// part of an address. At most one catalogue read, and no request to the store for anything but a playlist.
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { logInfo } from '../log.ts'
import { firstFile } from '../playback/choice.ts'
import { problem } from '../problem.ts'
import { isList } from '../recording/folders.ts'
import { encodeName } from '../recording/keys.ts'
import { newRoutes, refusal } from './context.ts'
import type { AppEnv } from './context.ts'
import { answerPreflight, playerHeaders } from './cors.ts'
import { openLink } from './open-link.ts'
import { countPlay, kindOf } from './plays.ts'
import { answerFile, fileAnswers } from './redirect.ts'
import { tooManyRefusals } from './refused.ts'

const responses = {
  ...fileAnswers,
  400: refusal('A parameter is malformed'),
  403: refusal('The link is expired, revoked, used up or not ours'),
  429: tooManyRefusals,
  503: refusal('The catalogue or the store does not answer: try again'),
}
const DownloadQuery = z.object({ download: z.enum(['0', '1']).optional() })

const play = createRoute({
  method: 'get',
  path: '/play/{token}',
  operationId: 'playLink',
  tags: ['Playback'],
  summary: 'Play the main file of a link',
  request: { params: z.object({ token: z.string() }), query: DownloadQuery },
  responses,
})

const playFile = createRoute({
  method: 'get',
  path: '/play/{token}/{path}',
  operationId: 'playLinkFile',
  tags: ['Playback'],
  summary: 'Play any file of a link’s recording',
  request: {
    params: z.object({ token: z.string(), path: z.string() }),
    query: DownloadQuery.extend({
      live: z
        .string()
        .optional()
        .openapi({ description: 'What a live playlist puts behind the names in it' }),
    }),
  },
  responses,
})

// Described, and not validated by their schemas: a player asks for hundreds of segments, and both parameters are compared
// with what is known and never used otherwise.
export const playbackRoutes = newRoutes()
for (const route of [play, playFile]) playbackRoutes.openAPIRegistry.registerPath(route)
playbackRoutes
  .get('/play/:token', async (context) => playLink(context, context.req.param('token'), null))
  // Segments may lie in folders of their own.
  .get('/play/:token/:path{.+}', async (context) =>
    playLink(context, context.req.param('token'), context.req.param('path')),
  )
  .options('/play/*', answerPreflight)

async function playLink(
  context: Context<AppEnv>,
  token: string,
  name: string | null,
): Promise<Response> {
  try {
    return await answerLink(context, token, name)
  } catch (error) {
    // A refusal is for the player to read as well.
    const headers = playerHeaders(context)
    for (const [header, value] of Object.entries(headers)) context.header(header, value)
    throw error
  }
}

async function answerLink(
  context: Context<AppEnv>,
  token: string,
  name: string | null,
): Promise<Response> {
  const headers = playerHeaders(context)
  const opened = await openLink(context, token)
  const { claims, recording } = opened
  const isDownload = context.req.query('download') === '1'
  if (isDownload && !claims.download) {
    throw problem(403, 'download-not-allowed', 'This link is for watching only.')
  }
  const main = name === null ? firstFile(recording) : null
  // Names in a playlist are relative to its own address, so it is asked for by name.
  if (main !== null && isList(main.kind)) {
    const location = `${token}/${encodeName(main.name)}`
    const told = { ...headers, location, 'cache-control': 'private, no-store' }
    return new Response(null, { status: 302, headers: told })
  }
  const answered = await answerFile(context, recording, {
    name,
    isDownload,
    linkExpiresAtMs: claims.expiresAtMs,
    signature: context.req.query('live'),
    headers,
  })
  const kind = kindOf(context.req.raw, recording, name)
  try {
    await countPlay(context, opened, kind)
  } catch (error) {
    await answered.body?.cancel()
    throw error
  }
  if (kind === 'new' && context.req.method === 'GET') {
    const { egressId, linkId, viewer } = claims
    logInfo('recording.played', { egressId, linkId, viewer, file: name, isDownload })
  }
  return answered
}
