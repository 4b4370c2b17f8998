// /watch/{token}: the page that a link leads people to, what it waits for, and where it tells of a file that did not load.
// No other host but the store; what is wrong with a link is told in words, on a page.
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { WatchPage } from '../console/watch-page.tsx'
import { watchStyle } from '../console/watch-style.ts'
import { firstFile } from '../playback/choice.ts'
import { playableFiles, refusedView, viewOf, views } from '../playback/view.ts'
import type { View } from '../playback/view.ts'
import { isList } from '../recording/folders.ts'
import { newRoutes, refusal as described } from './context.ts'
import type { AppEnv } from './context.ts'
import { lookForFiles } from './missing.ts'
import { openLink } from './open-link.ts'
import type { OpenedLink } from './open-link.ts'
import { openedKey, playerMemory } from './player-memory.ts'
import { isUsedUp } from './plays.ts'

const ViewSchema = z
  .object({
    view: z.enum(views),
    heading: z.string(),
    message: z.string(),
    progress: z
      .number()
      .nullable()
      .openapi({ description: 'Of the move to the final folder, 0 to 1' }),
  })
  .openapi('View')
const params = z.object({ token: z.string() })
const answers = {
  200: {
    description:
      'What the page shows; `refused` for a link that is expired, revoked, used up or not ours',
    content: { 'application/json': { schema: ViewSchema } },
  },
  503: described('The catalogue does not answer: try again'),
}

const state = createRoute({
  method: 'get',
  path: '/watch/{token}/state',
  operationId: 'readView',
  tags: ['Playback'],
  summary: 'What the watch page shows now',
  request: { params },
  responses: answers,
})

const failures = createRoute({
  method: 'post',
  path: '/watch/{token}/failures',
  operationId: 'tellFailure',
  tags: ['Playback'],
  summary: 'A player could not load the recording: look at its files, once in a while at most',
  request: { params },
  responses: answers,
})

export const watchRoutes = newRoutes()
  .openapi(state, async (context) => {
    context.header('cache-control', 'no-store')
    const opened = await open(context, context.req.valid('param').token)
    return context.json(await viewFor(context, opened), 200)
  })
  .openapi(failures, async (context) => {
    context.header('cache-control', 'no-store')
    const { token } = context.req.valid('param')
    const opened = await open(context, token)
    if (opened instanceof HTTPException) return context.json(await viewFor(context, opened), 200)
    const { egressId, linkId } = opened.claims
    await lookForFiles(context, egressId)
    playerMemory(context.get('config')).opened.forget(openedKey(egressId, linkId))
    return context.json(await viewFor(context, await open(context, token)), 200)
  })
  .get('/watch/:token', async (context) => {
    const token = context.req.param('token')
    const opened = await open(context, token)
    const view = await viewFor(context, opened)
    const isRefused = opened instanceof HTTPException
    const recording = isRefused || view.view === 'refused' ? null : opened.recording
    const file =
      recording === null || (view.view !== 'play' && view.view !== 'live')
        ? null
        : firstFile(recording)
    // Any of the files may be chosen on the page.
    const files = recording === null || file === null ? [] : [file, ...playableFiles(recording)]
    await setHeaders(
      context,
      files.some(({ kind }) => isList(kind)),
    )
    const page = WatchPage({
      token,
      view,
      recording,
      file,
      mayDownload: !isRefused && opened.claims.download,
      isCapped: !isRefused && opened.maxPlays !== null,
    })
    return context.html(page, isRefused ? opened.status : view.view === 'refused' ? 403 : 200)
  })

/** What the link leads to, or why it was refused. Outages go up. */
async function open(context: Context<AppEnv>, token: string): Promise<OpenedLink | HTTPException> {
  try {
    return await openLink(context, token)
  } catch (error) {
    if (error instanceof HTTPException) return error
    throw error
  }
}

async function viewFor(
  context: Context<AppEnv>,
  opened: OpenedLink | HTTPException,
): Promise<View> {
  if (opened instanceof HTTPException) return refusedView(codeOf(opened))
  const view = viewOf(opened.recording)
  const isShown = view.view === 'play' || view.view === 'live'
  return isShown && (await isUsedUp(context, opened)) ? refusedView('link-used-up') : view
}

function codeOf(refusal: HTTPException): string {
  const body: unknown = 'body' in refusal ? refusal.body : null
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : null
  return typeof code === 'string' ? code : 'refused'
}

/** @param isHls hls.js may play: it loads by script, and feeds the browser’s player from memory */
async function setHeaders(context: Context<AppEnv>, isHls: boolean): Promise<void> {
  const { embedOrigins } = context.get('config')
  const store = playerMemory(context.get('config')).store.requests.publicOrigin
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'sha256-${await sha256(watchStyle)}'`,
    `img-src 'self' data: ${store}`,
    `media-src 'self' ${store}${isHls ? ' blob:' : ''}`,
    `connect-src 'self'${isHls ? ` ${store}` : ''}`,
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${["'self'", ...embedOrigins].join(' ')}`,
  ]
  context.header('content-security-policy', policy.join('; '))
  context.header('referrer-policy', 'no-referrer')
  context.header('cache-control', 'private, no-store')
  context.header('x-content-type-options', 'nosniff')
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}
