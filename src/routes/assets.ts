// GET /assets/{name}: the files that browsers load, where this app is mounted under another path. At the root the platform
// serves them before the Worker is asked.
import { problem } from '../problem.ts'
import { assetNames } from '../assets.ts'
import { newRoutes } from './context.ts'

export const assetRoutes = newRoutes().get('/assets/:name', async (context) => {
  const name = context.req.param('name')
  // A Worker that this app is mounted in may have no such binding, whatever the types promise.
  const { ASSETS: files }: { ASSETS?: Fetcher } = context.env
  if (files === undefined || !assetNames.has(name)) {
    throw problem(404, 'no-such-route', `There is nothing at ${context.req.path}.`)
  }
  const url = new URL(`/assets/${name}`, context.req.url)
  return files.fetch(new Request(url, { method: 'GET', headers: context.req.raw.headers }))
})
