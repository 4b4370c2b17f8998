// GET /watch/{token}: a page with the browser's own player. No script, no other host but the store; everything that a
// stranger may have named is escaped by `html`.
import { html, raw } from 'hono/html'
import { mainFile, whyNotPlayable } from '../recording/recording.ts'
import { newRoutes } from './context.ts'
import { openLink } from './playback.ts'

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem }
  video, audio { width: 100%; background: #000; border-radius: .5rem }
  h1 { font-size: 1.25rem; margin: 1rem 0 .25rem; overflow-wrap: anywhere }
  p { margin: 0; opacity: .75 }`

export const watchRoutes = newRoutes().get('/watch/:token', async (context) => {
  const token = context.req.param('token')
  const { recording } = await openLink(context, token)
  const file = mainFile(recording)
  const title = recording.title ?? recording.roomName ?? 'Recording'
  const { origin } = context.get('config').storage.publicEndpoint
  const styleHash = await sha256(style)
  context.header(
    'content-security-policy',
    `default-src 'none'; style-src 'sha256-${styleHash}'; media-src 'self' ${origin}; base-uri 'none'; form-action 'none'`,
  )
  context.header('referrer-policy', 'no-referrer')
  context.header('cache-control', 'private, no-store')
  context.header('x-content-type-options', 'nosniff')
  const source = `../play/${token}`
  const why = whyNotPlayable(recording)
  const player =
    file?.kind === 'audio'
      ? html`<audio controls preload="metadata" src="${source}"></audio>`
      : html`<video controls playsinline preload="metadata" src="${source}"></video>`
  return context.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          <title>${title}</title>
          <style>
            ${raw(style)}
          </style>
        </head>
        <body>
          ${file === null ? html`<p role="status">${why?.message ?? ''}</p>` : player}
          <h1>${title}</h1>
          <p>${describe(recording.startedAtMs, recording.durationMs)}</p>
        </body>
      </html>`,
  )
})

function describe(startedAtMs: number | null, durationMs: number | null): string {
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
