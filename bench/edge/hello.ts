// The floors of the redirect: a bare Hono app that says hello; and one that does no work either, but answers with as many
// bytes as a redirect and writes as long a line into the log, to show what those two cost by themselves.
import { Hono } from 'hono'

const url = `https://store.example/recordings/recordings/EG_bench/video.mp4?${'x'.repeat(330)}`
const line = JSON.stringify({
  level: 'info',
  event: 'recording.played',
  egressId: 'EG_bench100',
  linkId: null,
  viewer: 'v100',
  file: null,
  isDownload: false,
})
const headers = {
  location: url,
  'cache-control': 'private, no-store',
  'referrer-policy': 'no-referrer',
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'content-length, content-range, content-disposition, etag, accept-ranges',
}

const app = new Hono()
  .get('/hello', (context) => context.text('hello'))
  .get('/play/:token', () => new Response(null, { status: 302, headers }))
  .get('/logged/:token', () => {
    // oxlint-disable-next-line no-console -- what it costs is the question
    console.log(line)
    return new Response(null, { status: 302, headers })
  })
// oxlint-disable-next-line import/no-default-export -- the platform's door
export default app
