// Files that browsers load beside the pages: served wherever the app is mounted, and nothing but them.
import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { app } from '../../src/app.ts'
import { assetNames } from '../../src/assets.ts'
import { request } from './story.ts'

const mounted = new Hono().route('/recordings', app)

async function mountedAt(path: string, bindings: unknown = env): Promise<Response> {
  return mounted.request(`https://roomtape.test${path}`, {}, bindings)
}

describe('an asset', () => {
  it.each([...assetNames])('%s is there at the root and where the app is mounted', async (name) => {
    const script = expect.stringMatching(/^text\/(javascript|css)/) as unknown
    for (const response of [
      await request(`/assets/${name}`),
      await mountedAt(`/recordings/assets/${name}`),
    ]) {
      expect([response.status, response.headers.get('content-type')]).toEqual([200, script])
      expect((await response.text()).length).toBeGreaterThan(20)
    }
  })

  it('of another name is a 404, as it is in a Worker that has no assets', async () => {
    for (const name of ['_headers', '..%2f_headers', 'watch.ts', '%2e%2e%2f', 'watch.js%00']) {
      expect((await mountedAt(`/recordings/assets/${name}`)).status).toBe(404)
    }
    const { ASSETS: _, ...without } = env
    expect((await mountedAt('/recordings/assets/watch.js', without)).status).toBe(404)
  })
})
