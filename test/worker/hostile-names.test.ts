// Row P3 of the fault table: names that strangers choose. A room is named with markup, or is 4 KB long; wherever the name
// appears it is text: in a page it is escaped under a policy that runs no inline script, in JSON it is told to be JSON.
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { wholeLife } from '../egress-events.ts'
import { upload } from './outside.ts'
import { asAdmin, asBearer, liveKitToken, recorded, request, until, webhooks } from './story.ts'

const markup = '<script>alert(1)</script>'
const long = `"><img src=x onerror=alert(1)>${'長い名前 🎥 '.repeat(400)}`.slice(0, 4096)

describe.each([
  ['named with markup', markup],
  ['4 KB long', long],
])('P3: a room %s', (_, roomName) => {
  let egressId: string
  let watchUrl: string

  beforeEach(async () => {
    const story = recorded({ roomName })
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story))
    ;({ egressId } = await until(story.egressId, ({ status }) => status === 'ready'))
    const made = await asAdmin(`/v1/recordings/${egressId}/links`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ viewer: roomName.slice(0, 200) }),
    })
    ;({ watchUrl } = await made.json<{ watchUrl: string }>())
  })

  async function json(path: string, init: RequestInit = {}): Promise<unknown> {
    const response = await asAdmin(path, init)
    expect(response.headers.get('content-type'), path).toMatch(/^application\/(problem\+)?json/)
    expect(response.headers.get('x-content-type-options'), path).toBe('nosniff')
    return response.json()
  }

  it('is the same text in every JSON', async () => {
    const query = new URLSearchParams({ room: roomName })
    expect(await json(`/v1/recordings?${query.toString()}`)).toMatchObject({
      recordings: [{ roomName }],
    })
    expect(await json(`/v1/recordings/${egressId}`)).toMatchObject({ roomName })
    const { items } = (await json(`/v1/recordings/${egressId}/timeline`)) as {
      items: { detail: { roomName?: string } }[]
    }
    expect(JSON.stringify(items)).toContain(JSON.stringify(roomName).slice(1, -1))
    const { links } = (await json(`/v1/recordings/${egressId}/links`)) as { links: unknown }
    expect(links).toMatchObject([{ viewer: roomName.slice(0, 200) }])
  })

  it('is seen and touched by a token of just that room', async () => {
    const token = await liveKitToken({ roomRecord: true, room: roomName })
    expect((await asBearer(token, `/v1/recordings/${egressId}`)).status).toBe(200)
    const other = await liveKitToken({ roomRecord: true, room: `${roomName} ` })
    expect((await asBearer(other, `/v1/recordings/${egressId}`)).status).toBe(404)
  })

  it('is text in the page with the player, under a policy that runs no inline script', async () => {
    const response = await request(new URL(watchUrl).pathname)
    const page = await response.text()
    expect(response.status).toBe(200)
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('<img')
    const escaped = roomName
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
    expect(page).toContain(`${escaped}</h1>`)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain("'unsafe-inline'")
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('may be the name of an API key and its room', async () => {
    const body = JSON.stringify({ name: roomName.slice(0, 100), scopes: ['read'], room: roomName })
    const headers = { 'content-type': 'application/json' }
    const made = await json('/v1/keys', { method: 'POST', headers, body })
    expect(made).toMatchObject({ name: roomName.slice(0, 100), room: roomName })
    const { key } = made as { key: string }
    expect((await asBearer(key, `/v1/recordings/${egressId}`)).status).toBe(200)
  })

  it('is text in the report of a sweep, among the orphans and in what is refused', async () => {
    // A key has 1,024 bytes at most.
    const key = `tmp/${roomName.slice(0, 200)}/video.mp4`
    await upload(key, '0123456789')
    const now = Date.now()
    await env.DB.prepare(
      `INSERT INTO temp_objects (temp_key, etag, size_bytes, last_modified_ms, first_seen_ms)
       VALUES (?1, 'etag', 10, ?2, 0)`,
    )
      .bind(key, now)
      .run()
    expect(await json('/v1/orphans')).toMatchObject({ orphans: [{ key }] })
    await json('/v1/sweeps', { method: 'POST' })
    await json('/v1/sweeps')
    const name = encodeURIComponent(roomName.slice(0, 500).toWellFormed())
    for (const path of [`/v1/recordings/${name}`, `/${name}`, `/v1/recordings?status=${name}`]) {
      expect(await json(path), path).toHaveProperty('code')
    }
    const refused = await request(`/watch/${name}`)
    expect(await refused.text()).not.toContain('<script>alert')
  })
})

describe('P3: the API reference', () => {
  it('runs no inline script, whatever its address says', async () => {
    const response = await request(`/docs?${markup}#${markup}`)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
    const page = await response.text()
    expect(page).not.toContain('alert')
    expect(page.match(/<script[^>]*>/g)).toEqual([
      expect.stringMatching(/src="assets\/swagger-ui-[\d.]+js"/),
      expect.stringContaining('src="assets/docs.js"'),
    ])
    expect(page).not.toMatch(/<style| style=| on\w+=/)
  })
})
