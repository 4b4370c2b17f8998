// GET /watch/{token}: a page with the browser's own player. No script, no other host but the store; whatever a stranger may
// have named (a room, a title) is escaped by JSX. What is wrong with a link is told in words, on a page.
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { raw } from 'hono/html'
import { mainFile, whyNotPlayable } from '../recording/recording.ts'
import type { Recording } from '../recording/recording.ts'
import { StoreRequests } from '../storage/requests.ts'
import { newRoutes } from './context.ts'
import type { AppEnv } from './context.ts'
import { openLink } from './open-link.ts'

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem }
  video, audio { display: block; width: 100%; border-radius: .5rem }
  video { background: #000; aspect-ratio: 16 / 9 }
  h1 { font-size: 1.25rem; margin: 1rem 0 .25rem; overflow-wrap: anywhere }
  p { margin: 0; opacity: .75 }
  [role=status] { border: 1px solid; border-radius: .5rem; opacity: 1; padding: 3rem 1rem; text-align: center }`

export const watchRoutes = newRoutes().get('/watch/:token', async (context) => {
  const token = context.req.param('token')
  const opened = await open(context, token)
  await setHeaders(context)
  if (opened instanceof HTTPException) {
    return context.html(<Page title="Recording" message={opened.message} />, opened.status)
  }
  const file = mainFile(opened)
  const title = opened.title ?? opened.roomName ?? 'Recording'
  const about = describe(opened)
  // The page's address ends with the token, so the player's address is relative to it.
  const source = `../play/${token}`
  const player =
    file === null ? null : file.kind === 'audio' ? (
      <audio controls preload="metadata" src={source} />
    ) : (
      <video controls playsinline preload="metadata" src={source} />
    )
  const message = player === null ? (whyNotPlayable(opened)?.message ?? '') : null
  return context.html(<Page title={title} about={about} player={player} message={message} />)
})

async function open(context: Context<AppEnv>, token: string): Promise<Recording | HTTPException> {
  try {
    return (await openLink(context, token)).recording
  } catch (error) {
    if (error instanceof HTTPException) return error
    throw error
  }
}

async function setHeaders(context: Context<AppEnv>): Promise<void> {
  const origin = new StoreRequests(context.get('config').storage).publicOrigin
  context.header(
    'content-security-policy',
    `default-src 'none'; style-src 'sha256-${await sha256(style)}'; img-src 'self' data: ${origin}; ` +
      `media-src 'self' ${origin}; base-uri 'none'; form-action 'none'`,
  )
  context.header('referrer-policy', 'no-referrer')
  context.header('cache-control', 'private, no-store')
  context.header('x-content-type-options', 'nosniff')
}

interface PageContent {
  title: string
  about?: string
  player?: unknown
  message?: string | null
}

function Page({ title, about, player, message }: PageContent) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          <title>{title}</title>
          <link rel="icon" href="data:," />
          <style>{raw(style)}</style>
        </head>
        <body>
          {player ?? <p role="status">{message}</p>}
          <h1>{title}</h1>
          <p>{about}</p>
        </body>
      </html>
    </>
  )
}

function describe({ startedAtMs, durationMs }: Recording): string {
  const when =
    startedAtMs === null
      ? null
      : `${new Date(startedAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const seconds = durationMs === null ? null : Math.round(durationMs / 1000)
  const long = seconds === null ? null : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return [when, long].filter((part) => part !== null).join(' · ')
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}
