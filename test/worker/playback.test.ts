// Playing: where a viewer is sent, what the store answers there, and what no token, path or header can reach. The store
// is the real one: a presigned URL is only right when it takes it.
import { env } from 'cloudflare:workers'
import { SignJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { windowMs } from '../../src/playback/life.ts'
import type { Recording, RecordingFile } from '../../src/recording/recording.ts'
import type { Status } from '../../src/recording/status.ts'
import { storeRequests, upload } from './outside.ts'
import { asAdmin, catalogued, codeOf, request } from './story.ts'

const storeOrigin = new URL(env.S3_ENDPOINT).origin

/** A recording whose final file is in the store. */
async function playable(more: Partial<Recording> = {}): Promise<string> {
  const { egressId, files } = await catalogued(more)
  for (const { key } of files) if (key !== null) await upload(key, '0123456789')
  return egressId
}

interface Claims {
  [name: string]: unknown
}

/** A playback token as an app mints it. */
async function token(
  egressId: string,
  claims: Claims = {},
  { secret = env.PLAYBACK_SECRET, alg = 'HS256' } = {},
): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 600
  return new SignJWT({ aud: 'roomtape-playback', sub: egressId, exp, ...claims })
    .setProtectedHeader({ alg })
    .sign(new TextEncoder().encode(secret))
}

/** Where a redirect leads to. It must be the store. */
function target(response: Response): URL {
  expect(response.status).toBe(302)
  const url = new URL(response.headers.get('location') ?? '')
  expect(url.origin).toBe(storeOrigin)
  return url
}

interface MadeLink {
  linkId: string
  url: string
  watchUrl: string
  expiresAt: string
}

async function makeLink(egressId: string, wanted?: Record<string, unknown>): Promise<MadeLink> {
  const response = await asAdmin(`/v1/recordings/${egressId}/links`, {
    method: 'POST',
    ...(wanted === undefined
      ? {}
      : { body: JSON.stringify(wanted), headers: { 'content-type': 'application/json' } }),
  })
  expect(response.status).toBe(201)
  return response.json<MadeLink>()
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

function file(name: string, more: Partial<RecordingFile> = {}): RecordingFile {
  return {
    name,
    kind: 'video',
    contentType: 'video/mp4',
    sizeBytes: 10,
    durationMs: null,
    key: null,
    state: 'expected',
    ...more,
  }
}

/** One of the files of `EG_files`, in its place. */
function final(name: string, more: Partial<RecordingFile> = {}): RecordingFile {
  return file(name, { key: `recordings/EG_files/${name}`, state: 'final', ...more })
}

const files = [
  final('sound.ogg', { kind: 'audio', contentType: 'audio/ogg' }),
  final('video.mp4'),
  final('video-2.mp4'),
  final('EG_files.json', { kind: 'manifest', contentType: 'application/json' }),
  file('later.mp4', { state: 'moving', key: 'tmp/later.mp4' }),
]

afterEach(() => {
  vi.useRealTimers()
})

describe('a redirect to the store', () => {
  it('is cached by nobody, tells no other site where it came from, and needs nothing of the store', async () => {
    const egressId = await playable()
    const before = (await storeRequests()).length
    for (const path of [`/v1/recordings/${egressId}/play`, `/play/${await token(egressId)}`]) {
      const response = await asAdmin(path)
      expect(target(response).pathname).toMatch(new RegExp(`/recordings/${egressId}/video.mp4$`))
      expect(response.headers.get('cache-control')).toBe('private, no-store')
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect(await response.text()).toBe('')
    }
    expect((await storeRequests()).length).toBe(before)
  })

  it('plays from any byte on: ranges are answered by the store', async () => {
    const url = target(await request(`/play/${await token(await playable())}`))
    const whole = await fetch(url)
    expect([whole.status, await whole.text()]).toEqual([200, '0123456789'])
    const part = await fetch(url, { headers: { range: 'bytes=4-6' } })
    expect([part.status, await part.text()]).toEqual([206, '456'])
    expect(part.headers.get('content-range')).toBe('bytes 4-6/10')
  })

  it('of a HEAD is signed for HEAD, which a URL signed for GET is not', async () => {
    const path = `/play/${await token(await playable())}`
    const asked = await fetch(target(await request(path, { method: 'HEAD' })), { method: 'HEAD' })
    expect([asked.status, asked.headers.get('content-length')]).toEqual([200, '10'])
    const wrong = await fetch(target(await request(path)), { method: 'HEAD' })
    expect(wrong.status).toBe(403)
  })

  it('is the same URL within one window, so that the browser’s cache holds', async () => {
    const egressId = await playable()
    const at = Math.floor(Date.now() / windowMs) * windowMs
    const urlAt = async (ms: number) => {
      vi.useFakeTimers({ toFake: ['Date'], now: ms })
      return target(await asAdmin(`/v1/recordings/${egressId}/play`)).href
    }
    const first = await urlAt(at)
    expect(await urlAt(at + windowMs - 1)).toBe(first)
    expect(await urlAt(at + windowMs)).not.toBe(first)
    vi.useRealTimers()
    expect((await fetch(first)).status).toBe(200)
  })

  it('ends: the store refuses the URL once its life is over', async () => {
    const egressId = await playable()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * 3_600_000 })
    const url = target(await asAdmin(`/v1/recordings/${egressId}/play`))
    vi.useRealTimers()
    expect((await fetch(url)).status).toBe(403)
  })

  it('lives no longer than the link, give or take a window', async () => {
    const egressId = await playable()
    const exp = Math.floor(Date.now() / 1000) + 60
    const url = target(await request(`/play/${await token(egressId, { exp })}`))
    const signedAt = url.searchParams.get('X-Amz-Date') ?? ''
    const [, day, hour, minute] = /^(\d{8})T(\d\d)(\d\d)00Z$/.exec(signedAt) ?? []
    const date = day?.replace(/(\d{4})(\d\d)(\d\d)/, '$1-$2-$3')
    const endsAtMs =
      Date.parse(`${date}T${hour}:${minute}:00Z`) +
      Number(url.searchParams.get('X-Amz-Expires')) * 1000
    expect(endsAtMs).toBeGreaterThanOrEqual(exp * 1000)
    expect(endsAtMs).toBeLessThan(exp * 1000 + windowMs)
  })

  it('leads to the public endpoint, where one is set', async () => {
    const egressId = await playable()
    const elsewhere = { ...env, S3_PUBLIC_ENDPOINT: 'https://media.example/base' }
    const path = `https://roomtape.test/play/${await token(egressId)}`
    const { headers } = await app.fetch(new Request(path), elsewhere)
    expect(headers.get('location')).toMatch(
      `https://media.example/base/recordings/recordings/${egressId}/video.mp4?`,
    )
  })

  it('asks the store to send the file for download, under its name, when it is asked to', async () => {
    const egressId = await playable()
    const url = target(await asAdmin(`/v1/recordings/${egressId}/play?download=1`))
    expect(url.searchParams.get('response-content-disposition')).toMatch(
      /^attachment; filename="standup \d{4}-\d\d-\d\d \d\d\.\d\d\.mp4"$/,
    )
    expect((await fetch(url)).status).toBe(200)
    const plain = target(await asAdmin(`/v1/recordings/${egressId}/play?download=0`))
    expect(plain.searchParams.has('response-content-disposition')).toBe(false)
  })

  it('signs the strangest of keys as the store reads them', async () => {
    const name = 'a b+c%d#e?f&g=h\'i"j(k)*!,;:@$~ 日本語 😀.mp4'
    const key = `recordings/EG_strange/${name}`
    await playable({
      egressId: 'EG_strange',
      files: [file(name, { key, state: 'final' })],
    })
    const url = target(await asAdmin('/v1/recordings/EG_strange/play?download=1'))
    const response = await fetch(url)
    expect([response.status, await response.text()]).toEqual([200, '0123456789'])
  })
})

describe('the file that plays', () => {
  it('is the newest video, when none is named', async () => {
    await playable({ egressId: 'EG_files', files })
    expect(target(await asAdmin('/v1/recordings/EG_files/play')).pathname).toContain('/video-2.mp4')
  })

  it('is the one that is named, whichever it is', async () => {
    await playable({ egressId: 'EG_files', files })
    for (const { name } of files.slice(0, 4)) {
      const byApi = await asAdmin(`/v1/recordings/EG_files/play?file=${name}`)
      const byLink = await request(`/play/${await token('EG_files')}/${name}`)
      expect(target(byApi).pathname).toMatch(new RegExp(`/EG_files/${name}$`))
      expect(target(byLink).pathname).toBe(target(byApi).pathname)
    }
  })

  it('is not one that is still being moved', async () => {
    await playable({ egressId: 'EG_files', files })
    const response = await asAdmin('/v1/recordings/EG_files/play?file=later.mp4')
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ code: 'not-playable', reason: 'not-final' })
  })

  it('is the sound of a recording without pictures', async () => {
    await playable({ egressId: 'EG_files', files: files.slice(0, 1) })
    expect(target(await asAdmin('/v1/recordings/EG_files/play')).pathname).toContain('/sound.ogg')
  })
})

describe('a recording that cannot be played', () => {
  const statuses: [Status, string][] = [
    ['starting', 'has not started yet'],
    ['active', 'still running'],
    ['ending', 'still encoding'],
    ['processing', 'being verified'],
    ['ready', 'no file that plays'],
    ['failed', 'without a playable file'],
    ['aborted', 'never started'],
    ['lost', 'silent'],
    ['deleted', 'was deleted'],
  ]

  it.each(statuses)(
    'because it is %s answers 409 and says so, by every way',
    async (status, words) => {
      const { egressId } = await catalogued({ status, files: [file('video.mp4')] })
      for (const path of [`/v1/recordings/${egressId}/play`, `/play/${await token(egressId)}`]) {
        const response = await asAdmin(path)
        expect(response.status).toBe(409)
        expect(response.headers.get('location')).toBeNull()
        expect(await response.json()).toMatchObject({
          code: 'not-playable',
          reason: status,
          recordingStatus: status,
          detail: expect.stringContaining(words) as unknown,
        })
      }
    },
  )

  it('because of an error answers 409 with that error', async () => {
    const error = { code: 'access-denied', message: 'The store answered AccessDenied.' }
    const { egressId } = await catalogued({ status: 'processing', files: [], error })
    const response = await asAdmin(`/v1/recordings/${egressId}/play`)
    expect(await response.json()).toMatchObject({ reason: error.code, detail: error.message })
  })

  it('because nobody has heard of it answers 404', async () => {
    expect((await asAdmin('/v1/recordings/EG_unknown/play')).status).toBe(404)
    expect((await request(`/play/${await token('EG_unknown')}`)).status).toBe(404)
    const ghost = await catalogued({ listed: false })
    expect((await request(`/play/${await token(ghost.egressId)}`)).status).toBe(404)
  })
})

describe('P1: a token that is not right leads nowhere', () => {
  const past = 1_767_225_600

  it.each<[string, string, (egressId: string) => Promise<string>]>([
    ['has expired', 'link-expired', (id) => token(id, { exp: past })],
    ['never expires', 'link-invalid', (id) => token(id, { exp: undefined })],
    ['is for another audience', 'link-invalid', (id) => token(id, { aud: 'elsewhere' })],
    ['is for no audience', 'link-invalid', (id) => token(id, { aud: undefined })],
    ['names no recording', 'link-invalid', (id) => token(id, { sub: undefined })],
    ['has another secret', 'link-invalid', (id) => token(id, {}, { secret: 'a'.repeat(32) })],
    ['has another algorithm', 'link-invalid', (id) => token(id, {}, { alg: 'HS512' })],
    ['is not valid yet', 'link-invalid', (id) => token(id, { nbf: past * 2 })],
    [
      'was expired, and got another expiry',
      'link-invalid',
      async (id) => {
        const [header, , signature] = (await token(id, { exp: past })).split('.')
        const claims = { aud: 'roomtape-playback', sub: id, exp: past * 2 }
        return `${header}.${btoa(JSON.stringify(claims)).replaceAll('=', '')}.${signature}`
      },
    ],
    [
      'has no algorithm and no signature',
      'link-invalid',
      async (id) => {
        const parts = [{ alg: 'none' }, { aud: 'roomtape-playback', sub: id, exp: past * 2 }]
        return `${parts.map((part) => btoa(JSON.stringify(part)).replaceAll('=', '')).join('.')}.`
      },
    ],
    ['is no token', 'link-invalid', async () => 'let-me-in'],
    ['is the admin token', 'link-invalid', async () => env.ADMIN_TOKEN],
  ])('when it %s: 403 %s', async (_, code, made) => {
    const egressId = await playable()
    const link = await made(egressId)
    for (const path of [`/play/${link}`, `/play/${link}/video.mp4`]) {
      for (const method of ['GET', 'HEAD']) {
        const response = await request(path, { method })
        expect(response.status).toBe(403)
        expect(response.headers.get('location')).toBeNull()
        if (method === 'GET') expect(await codeOf(response)).toBe(code)
      }
    }
    const page = await request(`/watch/${link}`)
    expect(page.status).toBe(403)
    expect(await page.text()).not.toMatch(/<video|<audio|video\.mp4/)
  })

  it('when it is right for another recording, it plays that one only', async () => {
    const [mine, other] = [await playable(), await playable()]
    const link = await token(mine)
    for (const path of ['', '/video.mp4']) {
      const url = target(await request(`/play/${link}${path}`))
      expect(url.pathname).toContain(mine)
      expect(url.pathname).not.toContain(other)
    }
  })

  const outside = [
    '..%2fEG_other%2fvideo.mp4',
    '..%2f..%2ftmp%2fsecret.mp4',
    '%2e%2e%2f%2e%2e%2fsecret.mp4',
    '%2e%2e%252fsecret.mp4',
    '..%5c..%5csecret.mp4',
    '.',
    '..',
    '%2e%2e',
    '%2frecordings%2fEG_other%2fvideo.mp4',
    'recordings%2fEG_other%2fvideo.mp4',
    'https:%2f%2fevil.example%2fvideo.mp4',
    '%2f%2fevil.example%2fvideo.mp4',
    'video.mp4%00.ts',
    'video.mp4%2f..%2f..%2fEG_other%2fseg_00000.ts',
    '%5c%5cevil.example%5cvideo.ts',
    '%0d%0alocation:%20https:%2f%2fevil.example',
    '%ff',
    'secret.mp4',
    '*',
  ]
  const withSegments = [
    file('video.mp4', { key: 'recordings/EG_mine/video.mp4', state: 'final' }),
    file('index.m3u8', {
      key: 'recordings/EG_mine/index.m3u8',
      kind: 'playlist',
      state: 'final',
      contentType: 'application/x-mpegurl',
    }),
  ]

  it.each(outside)('no path reaches anything but its own recording’s files: %s', async (path) => {
    await playable({ egressId: 'EG_mine', files: withSegments })
    const link = await token('EG_mine')
    const responses = [
      await request(`/play/${link}/${path}`),
      await asAdmin(`/v1/recordings/EG_mine/play?file=${path}`),
    ]
    for (const response of responses) {
      const location = response.headers.get('location')
      if (location === null) {
        expect(response.status).toBeGreaterThanOrEqual(400)
        expect(response.status).toBeLessThan(500)
      } else {
        // A name beside or below a playlist may be one of its segments; the store knows whether it is.
        const url = new URL(location)
        const { pathname } = new URL(`${env.S3_ENDPOINT.replace(/\/$/, '')}/${env.S3_BUCKET}`)
        const own = `${pathname}/recordings/EG_mine/`
        expect([url.origin, url.pathname.slice(0, own.length)]).toEqual([storeOrigin, own])
      }
    }
  })

  it.each(['../../etc', 'EG_mine/../EG_other', '', 'EG mine', 'https://evil.example'])(
    'no subject of a token reaches anything: %j',
    async (subject) => {
      await playable({ egressId: 'EG_mine' })
      const response = await request(`/play/${await token(subject)}`)
      expect([403, 404]).toContain(response.status)
      expect(response.headers.get('location')).toBeNull()
    },
  )
})

describe('a link that the API made', () => {
  it('plays, and its page shows the player', async () => {
    const made = await makeLink(await playable())
    expect(target(await request(pathOf(made.url))).pathname).toContain('/video.mp4')
    const page = await request(pathOf(made.watchUrl))
    expect(page.status).toBe(200)
    expect(await page.text()).toMatch(/<video[^>]* controls/)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  it.each([
    { S3_URL_STYLE: 'path', S3_PUBLIC_ENDPOINT: '' },
    { S3_URL_STYLE: 'path', S3_PUBLIC_ENDPOINT: 'https://media.example/base' },
    { S3_URL_STYLE: 'virtual', S3_PUBLIC_ENDPOINT: 'https://media.example' },
    { S3_URL_STYLE: 'virtual', S3_ENDPOINT: 'https://s3.example:9000' },
  ])('has a page that lets the browser load what the link leads to: %j', async (changes) => {
    const link = await token(await playable())
    const get = async (path: string) =>
      app.fetch(new Request(`https://roomtape.test${path}`), { ...env, ...changes })
    const { origin } = new URL((await get(`/play/${link}`)).headers.get('location') ?? '')
    const policy = (await get(`/watch/${link}`)).headers.get('content-security-policy') ?? ''
    const [, media] = /media-src ([^;]*)/.exec(policy) ?? []
    expect(media?.split(' ')).toEqual(["'self'", origin])
  })

  it('needs no body, and lasts an hour then', async () => {
    const { expiresAt } = await makeLink(await playable())
    const leftSeconds = (Date.parse(expiresAt) - Date.now()) / 1000
    expect(leftSeconds).toBeGreaterThan(3595)
    expect(leftSeconds).toBeLessThanOrEqual(3600)
  })

  it('is listed, newest first, with what it allows and without the token', async () => {
    const egressId = await playable()
    await makeLink(egressId)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1_000 })
    const second = await makeLink(egressId, {
      expiresInSeconds: 60,
      download: true,
      viewer: 'ada',
      maxPlays: 3,
    })
    const response = await asAdmin(`/v1/recordings/${egressId}/links`)
    const text = await response.text()
    const { links } = JSON.parse(text) as { links: Record<string, unknown>[] }
    expect(links).toHaveLength(2)
    expect(links[0]).toEqual({
      linkId: second.linkId,
      egressId,
      download: true,
      viewer: 'ada',
      maxPlays: 3,
      createdAt: expect.any(String) as unknown,
      expiresAt: second.expiresAt,
      revokedAt: null,
    })
    expect(text).not.toContain('eyJ')
  })

  it('is only for watching, unless it was made for download', async () => {
    const egressId = await playable()
    const watch = await makeLink(egressId)
    const refused = await request(`${pathOf(watch.url)}?download=1`)
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'download-not-allowed'])
    const download = await makeLink(egressId, { download: true })
    expect(
      target(await request(pathOf(download.url))).searchParams.get('response-content-disposition'),
    ).toContain('attachment')
  })

  it('P1: plays no more once it is revoked; revoked twice is revoked, and what is not there is 404', async () => {
    const egressId = await playable()
    const [kept, made] = [await makeLink(egressId), await makeLink(egressId)]
    const revoke = async () => asAdmin(`/v1/links/${made.linkId}`, { method: 'DELETE' })
    expect((await revoke()).status).toBe(204)
    expect((await revoke()).status).toBe(204)
    for (const path of [pathOf(made.url), `${pathOf(made.url)}/video.mp4`]) {
      const response = await request(path)
      expect([response.status, await codeOf(response)]).toEqual([403, 'link-revoked'])
    }
    expect((await request(pathOf(made.watchUrl))).status).toBe(403)
    expect((await request(pathOf(kept.url))).status).toBe(302)
    const { links } = await (
      await asAdmin(`/v1/recordings/${egressId}/links`)
    ).json<{ links: { linkId: string; revokedAt: string | null }[] }>()
    expect(links.find(({ linkId }) => linkId === made.linkId)?.revokedAt).toMatch(/^20/)
    const unknown = await asAdmin('/v1/links/none', { method: 'DELETE' })
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'link-not-found'])
  })

  it('P1: plays as often as it may be played, also when all come at once', async () => {
    const made = await makeLink(await playable(), { maxPlays: 3 })
    const path = pathOf(made.url)
    const responses = await Promise.all(Array.from({ length: 12 }, async () => request(path)))
    const played = responses.filter(({ status }) => status === 302)
    const refused = responses.filter(({ status }) => status === 403)
    expect([played.length, refused.length]).toEqual([3, 9])
    for (const response of refused) {
      expect(await codeOf(response)).toBe('link-used-up')
      expect(response.headers.get('location')).toBeNull()
    }
    expect((await request(`${path}/video.mp4`)).status).toBe(403)
  })

  it('is not used up by looking, seeking, or playing what is not ready yet', async () => {
    const egressId = await playable()
    const path = pathOf((await makeLink(egressId, { maxPlays: 1 })).url)
    expect((await request(path, { method: 'HEAD' })).status).toBe(302)
    const early = await catalogued({ status: 'active', files: [] })
    const waiting = await makeLink(early.egressId, { maxPlays: 1 })
    expect((await request(pathOf(waiting.url))).status).toBe(409)
    await playable({ egressId: early.egressId })
    expect((await request(pathOf(waiting.url))).status).toBe(302)
    expect((await request(path, { headers: { range: 'bytes=0-' } })).status).toBe(302)
    expect((await request(path, { headers: { range: 'bytes=5-' } })).status).toBe(302)
    expect((await request(path)).status).toBe(403)
  })

  it('is used up by a range that begins further in when nothing is being played', async () => {
    const path = pathOf((await makeLink(await playable(), { maxPlays: 1 })).url)
    expect((await request(path, { headers: { range: 'bytes=1-' } })).status).toBe(302)
    expect((await request(path)).status).toBe(403)
  })

  it('is used up by a playlist once, and not by each of its segments', async () => {
    const folder = 'recordings/EG_live/'
    await catalogued({
      egressId: 'EG_live',
      files: [
        file('index.m3u8', {
          key: `${folder}index.m3u8`,
          kind: 'playlist',
          state: 'final',
          contentType: 'application/x-mpegurl',
        }),
      ],
    })
    await upload(`${folder}index.m3u8`, '#EXTM3U\nseg_00000.ts\nseg_00001.ts\n')
    await upload(`${folder}seg_00001.ts`, 'segment')
    const path = pathOf((await makeLink('EG_live', { maxPlays: 1 })).url)
    const playlist = await request(`${path}/index.m3u8`)
    expect([playlist.status, await playlist.text()]).toEqual([
      200,
      '#EXTM3U\nseg_00000.ts\nseg_00001.ts\n#EXT-X-ENDLIST\n',
    ])
    for (const name of ['seg_00000.ts', 'seg_00001.ts']) {
      expect(target(await request(`${path}/${name}`)).pathname).toContain(name)
    }
    expect((await request(`${path}/index.m3u8`)).status).toBe(403)
  })

  it.each([
    { expiresInSeconds: 0 },
    { expiresInSeconds: -5 },
    { expiresInSeconds: 1e9 },
    { expiresInSeconds: '60' },
    { expiresInSeconds: 1.5 },
    { maxPlays: 0 },
    { viewer: '' },
    { viewer: 'x'.repeat(201) },
    { download: 'yes' },
    { maxplays: 3 },
    [],
    'x',
  ])('is not made of what is not understood: %j', async (wanted) => {
    const { egressId } = await catalogued()
    const response = await asAdmin(`/v1/recordings/${egressId}/links`, {
      method: 'POST',
      body: JSON.stringify(wanted),
      headers: { 'content-type': 'application/json' },
    })
    expect([response.status, await codeOf(response)]).toEqual([400, 'bad-request'])
  })

  it('is not made without its limits, because the body had no content type', async () => {
    const { egressId } = await catalogued()
    const response = await asAdmin(`/v1/recordings/${egressId}/links`, {
      method: 'POST',
      body: '{"maxPlays":1}',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(response.status).toBe(415)
    const list = await asAdmin(`/v1/recordings/${egressId}/links`)
    expect(await list.json()).toEqual({ links: [] })
  })

  it('is not made for a recording that does not exist', async () => {
    const response = await asAdmin('/v1/recordings/EG_unknown/links', { method: 'POST' })
    expect([response.status, await codeOf(response)]).toEqual([404, 'recording-not-found'])
  })

  it('has the public address, where one is set', async () => {
    const { egressId } = await catalogued()
    const path = `https://internal.test/v1/recordings/${egressId}/links`
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` }
    const response = await app.fetch(new Request(path, { method: 'POST', headers }), {
      ...env,
      PUBLIC_URL: 'https://rec.example/base/',
    })
    const { url, watchUrl } = await response.json<MadeLink>()
    expect(url).toMatch(/^https:\/\/rec\.example\/base\/play\/eyJ/)
    expect(watchUrl).toMatch(/^https:\/\/rec\.example\/base\/watch\/eyJ/)
  })
})
