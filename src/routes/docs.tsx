// GET /docs: the API reference, drawn in the browser from /openapi.json. Nothing of it comes from another host, no script
// or style is inline, and requests that are tried from it go to this Worker alone.
import { raw } from 'hono/html'
import { assets } from '../assets.ts'
import { newRoutes } from './context.ts'

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Icons stand in the style sheet itself.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const docsRoutes = newRoutes().get('/docs', (context) => {
  context.header('content-security-policy', contentSecurityPolicy)
  context.header('referrer-policy', 'no-referrer')
  return context.html(
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>Roomtape API</title>
          <link rel="icon" href="data:," />
          <link rel="stylesheet" href={`assets/${assets.swaggerUiStyle}`} />
          <script defer src={`assets/${assets.swaggerUi}`} />
          <script type="module" src={`assets/${assets.docs}`} />
        </head>
        <body>
          <div id="reference">
            <noscript>
              The reference is drawn by a script; the document itself is{' '}
              <a href="openapi.json">openapi.json</a>.
            </noscript>
          </div>
        </body>
      </html>
    </>,
  )
})
