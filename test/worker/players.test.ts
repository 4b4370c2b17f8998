// What players of all kinds get: live playlists, conditional requests, other origins, downloads, and how little is asked of
// the catalogue and the store for it.
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { signPlaybackToken } from '../../src/playback/token.ts'
import { rememberedMs } from '../../src/routes/player-memory.ts'
import { egressEvent } from '../egress-events.ts'
import { linkTo, playlistStory, playlistText, segmentNames } from './folder-stories.ts'
import { storeRequests, upload } from './outside.ts'
import { asAdmin, catalogued, codeOf, eventually, request, rowOf, webhooks } from './story.ts'

afterEach(() => {
  vi.useRealTimers()
})

async function token(egressId: string, more: Record<string, unknown> = {}): Promise<string> {
  const claims = { egressId, linkId: null, download: true, viewer: null }
  const expiresAtMs = Date.now() + 600_000
  return signPlaybackToken({ ...claims, expiresAtMs, ...more }, env.PLAYBACK_SECRET)
}

/** The app with a catalogue that counts what it is asked. */
function counted(more: Record<string, unknown> = {}) {
  let reads = 0
  const DB = new Proxy(env.DB, {
    get: (database, name) => {
      if (name === 'prepare') reads += 1
      const value: unknown = Reflect.get(database, name)
      return typeof value === 'function' ? (value.bind(database) as unknown) : value
    },
  })
  const bindings = { ...env, ...more, DB }
  return {
    reads: () => reads,
    get: async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      app.fetch(new Request(`https://roomtape.test${path}`, { method, headers }), bindings),
  }
}

describe('a redirect', () => {
  it('costs one read of the catalogue, then none for a moment, and never a request to the store', async () => {
    const { egressId } = await catalogued()
    const link = await token(egressId)
    const { get, reads } = counted()
    const before = (await storeRequests()).length
    for (let times = 0; times < 5; times += 1) {
      expect((await get(`/play/${link}`)).status).toBe(302)
    }
    expect(reads()).toBe(1)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + rememberedMs })
    expect((await get(`/play/${link}`)).status).toBe(302)
    expect(reads()).toBe(2)
    expect((await storeRequests()).length).toBe(before)
  })

  it('P1: ends within that moment after the link was revoked elsewhere, or the recording deleted', async () => {
    const { egressId } = await catalogued()
    const made = await asAdmin(`/v1/recordings/${egressId}/links`, { method: 'POST' })
    const { url, linkId } = await made.json<{ url: string; linkId: string }>()
    const { pathname } = new URL(url)
    const elsewhere = counted()
    expect((await elsewhere.get(pathname)).status).toBe(302)
    await asAdmin(`/v1/links/${linkId}`, { method: 'DELETE' })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + rememberedMs })
    const refused = await elsewhere.get(pathname)
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'link-revoked'])

    const own = await token(egressId)
    expect((await elsewhere.get(`/play/${own}`)).status).toBe(302)
    await env.DB.prepare('DELETE FROM recordings WHERE egress_id = ?').bind(egressId).run()
    vi.setSystemTime(Date.now() + rememberedMs)
    expect((await elsewhere.get(`/play/${own}`)).status).toBe(404)
  })

  it('P1: of a remembered token ends when the token does', async () => {
    const { egressId } = await catalogued()
    const link = await token(egressId, { expiresAtMs: Math.ceil(Date.now() / 1000) * 1000 + 2_000 })
    expect((await request(`/play/${link}`)).status).toBe(302)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 4_000 })
    const refused = await request(`/play/${link}`)
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'link-expired'])
  })
})

describe('Safari, which asks for two bytes first', () => {
  it('uses up one play by that, not two; another viewer uses up another', async () => {
    const { egressId } = await catalogued()
    const body = JSON.stringify({ maxPlays: 2 })
    const made = await asAdmin(`/v1/recordings/${egressId}/links`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    const { pathname } = new URL((await made.json<{ url: string }>()).url)
    const play = async (range: string) => (await request(pathname, { headers: { range } })).status
    for (let viewer = 0; viewer < 2; viewer += 1) {
      expect([await play('bytes=0-1'), await play('bytes=0-'), await play('bytes=4-')]).toEqual([
        302, 302, 302,
      ])
    }
    expect([await play('bytes=0-1'), await play('bytes=0-')]).toEqual([403, 403])
  })
})

describe('players on other origins', () => {
  const origin = 'https://app.example'
  const allowed = 'access-control-allow-origin'

  it('may play by default, and read a refusal', async () => {
    const { egressId } = await catalogued()
    for (const path of [`/play/${await token(egressId)}`, '/play/let-me-in']) {
      expect((await request(path, { headers: { origin } })).headers.get(allowed)).toBe('*')
    }
    const asked = await request('/play/x/y.ts', { method: 'OPTIONS', headers: { origin } })
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-headers')).toContain('range')
  })

  it('may not, where others are named', async () => {
    const { egressId } = await catalogued()
    const path = `/play/${await token(egressId)}`
    const { get } = counted({ CORS_ORIGINS: 'https://app.example, https://b.example:8443' })
    const of = async (from: string) => (await get(path, { origin: from })).headers
    expect((await of(origin)).get(allowed)).toBe(origin)
    expect((await of('https://b.example:8443')).get(allowed)).toBe('https://b.example:8443')
    const refused = await of('https://evil.example')
    expect([refused.get(allowed), refused.get('vary')]).toEqual([null, 'origin'])
  })

  it('and our own page may load a playlist by script, where there is one to choose', async () => {
    const recording = await catalogued()
    const [video] = recording.files
    if (video === undefined) throw new Error('a recording without a file')
    const list = { ...video, name: 'index.m3u8', kind: 'playlist' as const }
    const both = await catalogued({ egressId: 'EG_both', files: [video, list] })
    const policy = async (egressId: string) =>
      (await request(`/watch/${await token(egressId)}`)).headers.get('content-security-policy')
    expect(await policy(recording.egressId)).not.toContain('blob:')
    expect(await policy(both.egressId)).toMatch(/media-src [^;]* blob:.*connect-src 'self' http/)
  })

  it('may show the page in a frame only where they are named', async () => {
    const { egressId } = await catalogued()
    const path = `/watch/${await token(egressId)}`
    const policy = async (more: Record<string, unknown>) =>
      (await counted(more).get(path)).headers.get('content-security-policy')
    expect(await policy({})).toMatch(/frame-ancestors 'self'$/)
    expect(await policy({ EMBED_ORIGINS: origin })).toMatch(
      /frame-ancestors 'self' https:\/\/app\.example$/,
    )
  })
})

describe('a playlist', () => {
  it('has an ETag and is not sent twice; HEAD tells the same', async () => {
    const key = 'recordings/EG_etag/index.m3u8'
    const about = { name: 'index.m3u8', kind: 'playlist', contentType: 'application/x-mpegurl' }
    const file = { ...about, key, sizeBytes: 9, durationMs: null, state: 'final' } as const
    await catalogued({ egressId: 'EG_etag', files: [{ ...file, kind: 'playlist' }] })
    await upload(key, playlistText(segmentNames(2)))
    const path = `/play/${await token('EG_etag')}/index.m3u8`
    const first = await request(path)
    const etag = first.headers.get('etag') ?? ''
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    const again = await request(path, { headers: { 'if-none-match': `"other", W/${etag}` } })
    expect([again.status, await again.text()]).toEqual([304, ''])
    const head = await request(path, { method: 'HEAD' })
    expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, ''])
  })
})

describe('a recording that is still running', () => {
  /** A live playlist and its segments in a folder that others use as well. */
  async function live() {
    const story = playlistStory({ filename: 'tmp/shared/index.m3u8' })
    const names = segmentNames(2, story.egressId)
    for (const name of [...names, 'of_others.ts']) await upload(`tmp/shared/${name}`, name)
    await upload('tmp/shared/live.m3u8', playlistText(names, false))
    const segmentResults = [
      { playlistName: story.filename, livePlaylistName: 'tmp/shared/live.m3u8' },
    ]
    const more = { fileResults: [], segmentResults }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more))
    await eventually(() => rowOf(story.egressId)).toMatchObject({ status: 'active' })
    return { story, names, link: await linkTo(story) }
  }

  it('plays from the temp folder, without an end', async () => {
    const { link, names } = await live()
    const first = await request(link)
    expect(first.status).toBe(302)
    const at = new URL(first.headers.get('location') ?? '', `https://roomtape.test${link}`)
    const list = await request(at.pathname)
    const text = await list.text()
    expect(text).not.toContain('#EXT-X-ENDLIST')
    const entries = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    for (const [index, entry] of entries.entries()) {
      const { pathname, search } = new URL(entry, at)
      const segment = await request(pathname + search)
      const played = await fetch(segment.headers.get('location') ?? '')
      expect(await played.text()).toBe(names[index])
    }
    expect(entries).toHaveLength(2)
  })

  it('P1: gives no other file of the temp folder, signed or not', async () => {
    const { link, names } = await live()
    const list = await (await request(`${link}/live.m3u8`)).text()
    const signature = /live=([\w-]+)/.exec(list)?.[1] ?? ''
    expect(signature.length).toBeGreaterThan(20)
    for (const name of [
      names[0] ?? '',
      'of_others.ts',
      `of_others.ts?live=${signature}`,
      `${names[1]}?live=${signature}`,
      `%2e%2e%2fshared%2f${names[0]}?live=${signature}`,
      `index.m3u8%00.ts?live=${signature}`,
    ]) {
      const response = await request(`${link}/${name}`)
      expect([name, response.status, response.headers.get('location')]).toEqual([name, 404, null])
    }
  })
})

describe('a download that passes through the Worker', () => {
  const text = '0123456789'

  async function streamed() {
    const recording = await catalogued({ title: '周会 🎉 "Q3"' })
    await env.BUCKET.put(`recordings/${recording.egressId}/video.mp4`, text)
    const link = `/play/${await token(recording.egressId)}`
    const { get } = counted({ DOWNLOADS: 'stream' })
    return { link, get }
  }

  it('has the name of the recording, in any script, and goes on where it was cut off', async () => {
    const { link, get } = await streamed()
    const whole = await get(`${link}?download=1`)
    expect([whole.status, await whole.text()]).toEqual([200, text])
    const disposition = whole.headers.get('content-disposition') ?? ''
    expect(disposition).toMatch(/^attachment; /)
    expect(decodeURIComponent(/filename\*=UTF-8''(\S+)/.exec(disposition)?.[1] ?? '')).toMatch(
      /^周会 🎉  ?Q3 .*\.mp4$/,
    )
    const etag = whole.headers.get('etag') ?? ''
    const ranges: [range: string, ifRange: string, status: number, body: string][] = [
      ['bytes=4-', etag, 206, '456789'],
      ['bytes=4-6', etag, 206, '456'],
      ['bytes=-3', etag, 206, '789'],
      ['bytes=4-', '"another"', 200, text],
    ]
    for (const [range, ifRange, status, body] of ranges) {
      const part = await get(`${link}?download=1`, { range, 'if-range': ifRange })
      expect([range, part.status, await part.text()]).toEqual([range, status, body])
    }
    const beyond = await get(`${link}?download=1`, { range: 'bytes=99-' })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    const head = await get(`${link}?download=1`, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '10'])
    const known = await get(`${link}?download=1`, { 'if-none-match': etag })
    expect(known.status).toBe(304)
  })

  it('is for downloads only: playing goes to the store', async () => {
    const { link, get } = await streamed()
    expect((await get(link)).status).toBe(302)
  })
})
