// What LiveKit's webhooks do in the wild: they come twice, in any order, or not at all, contradict each other, carry
// secrets, speak of egresses that never were. The recording must end right each time, and its timeline must tell how.
import { env } from 'cloudflare:workers'
import { AccessToken } from 'livekit-server-sdk'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { egressEvent, signed, uploaded, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { playlistText, segmentNames, segmentsInfo } from '../egress-files.ts'
import vectors from '../vectors/livekit-webhooks.json'
import { alarmAtMs, letTimeRun, recordedNow, ring, stopTime } from './clock.ts'
import {
  askedOfLiveKit,
  download,
  keysUnder,
  setLiveKit,
  storeRequests,
  upload,
} from './outside.ts'
import {
  asAdmin,
  codeOf,
  eventually,
  inStorage,
  listed,
  read,
  recorded,
  request,
  rowOf,
  stored,
  timeline,
  until,
  webhook,
  webhooks,
} from './story.ts'

/** Waits until the recording is ready and its temp file is gone: then nothing is left to do. */
async function untilDone(story: Recorded): Promise<RecordingJson> {
  const ready = await until(story.egressId, ({ status }) => status === 'ready')
  await eventually(async () => download(story.filename)).toBeNull()
  return ready
}

async function copies(): Promise<number> {
  return (await storeRequests()).filter(({ copySource }) => copySource !== null).length
}

/** LiveKit's own word in each of the timeline's webhooks, oldest first. */
async function wordsOf(egressId: string): Promise<unknown[]> {
  const items = await timeline(egressId)
  return items.filter(({ source }) => source === 'webhook').map(({ detail }) => detail['status'])
}

/** The end of an egress that went otherwise than well. */
function ended(status: string, story: Recorded, more: Record<string, unknown> = {}) {
  return egressEvent('egress_ended', status, story, more)
}

/** A file of which LiveKit knows the name and the times, and which it never uploaded. */
function notUploaded(story: Recorded): Record<string, unknown> {
  const { location: _, size: __, ...file } = uploaded(story)
  return { fileResults: [file] }
}

/** Two words of LiveKit about one egress, the second a second later. */
function afterwards(story: Recorded, event: Record<string, unknown>): Record<string, unknown> {
  const at = `${story.endedAtMs + 1_000}000000`
  const egressInfo = { ...(event['egressInfo'] as object), updatedAt: at, endedAt: at }
  return { ...event, egressInfo }
}

/** A word of the second attempt, later than the end of the first. */
function attempt(story: Recorded, status: string, more: Record<string, unknown> = {}) {
  const name = status === 'EGRESS_STARTING' ? 'egress_started' : 'egress_updated'
  const at = `${story.endedAtMs + 5_000}000000`
  const info = { retryCount: 1, startedAt: at, updatedAt: at, ...more }
  return egressEvent(name, status, story, info)
}

/** Everything that is written to any log from now on. */
function logged(): () => string {
  const spies = (['log', 'error', 'warn', 'info', 'debug'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => {}),
  )
  return () => JSON.stringify(spies.flatMap((spy) => spy.mock.calls))
}

/** Lets so much time pass; whatever the recording's object has to do meanwhile, it does. */
async function pass(egressId: string, ms: number): Promise<void> {
  const untilMs = Date.now() + ms
  for (;;) {
    const atMs = await alarmAtMs(egressId)
    if (atMs === null || atMs > untilMs) break
    await ring(egressId)
  }
  vi.setSystemTime(untilMs)
}

/** The headers of a body that no serialiser made. */
async function signedBody(body: string): Promise<Record<string, string>> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body))
  const token = new AccessToken(env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET, { ttl: '5m' })
  token.sha256 = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return { authorization: await token.toJwt() }
}

const killed = { error: 'signal: killed', errorCode: 500 }

/** Lets so much time pass in one leap, as if nobody had rung meanwhile, and then whatever is due be done. */
async function awaken(egressId: string, afterMs: number): Promise<void> {
  vi.setSystemTime(Date.now() + afterMs)
  await pass(egressId, 60_000)
}

afterEach(() => {
  letTimeRun()
  vi.restoreAllMocks()
})

describe('W1: the same webhook twice, with the same event id', () => {
  it('is one line of the timeline and one move, also when it comes again after all is done', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    const requests = await Promise.all(
      wholeLife(story).map((event) => signed(event, env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET)),
    )
    const sendAll = async () => {
      for (const sent of requests) {
        const response = await request('/webhooks/livekit', { method: 'POST', ...sent })
        expect([response.status, await response.json()]).toEqual([200, { stored: true }])
      }
    }
    await sendAll()
    await sendAll()
    await untilDone(story)
    const before = { row: await rowOf(story.egressId), items: await timeline(story.egressId) }
    await sendAll()
    expect(await alarmAtMs(story.egressId)).toBeNull()
    const after = { row: await rowOf(story.egressId), items: await timeline(story.egressId) }
    expect(after).toEqual(before)
    expect(await wordsOf(story.egressId)).toHaveLength(4)
    expect(await copies()).toBe(1)
  })

  it('is one line of the timeline when both come at the same moment', async () => {
    const story = recorded()
    const event = egressEvent('egress_started', 'EGRESS_STARTING', story)
    const responses = await Promise.all([webhook(event), webhook(event), webhook(event)])
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await wordsOf(story.egressId)).toEqual(['EGRESS_STARTING'])
  })
})

describe('W2: the same state twice, with different event ids', () => {
  it('is told twice in the timeline, and moved once', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story), ...wholeLife(story))
    const done = await untilDone(story)
    await webhooks(...wholeLife(story))
    await eventually(async () => alarmAtMs(story.egressId)).toBeNull()
    expect(await wordsOf(story.egressId)).toHaveLength(12)
    expect(await copies()).toBe(1)
    const { updatedAt: _, ...same } = await read(story.egressId)
    expect(same).toEqual({ ...same, ...done, updatedAt: undefined })
    expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe('0123456789')
  })
})

describe('W3: started, active, ending and ended in whatever order', () => {
  const orders = ['0123', '3210', '3012', '1302', '30211330', '2222310']
  const endedAtMs = Date.now() - 1_000

  it.each(orders)('end the same: %s', async (order) => {
    const story = recorded({ startedAtMs: endedAtMs - 60_000, endedAtMs })
    await upload(story.filename, '0123456789')
    const life = wholeLife(story)
    await webhooks(...Array.from(order, (index) => life[Number(index)]))
    const { createdAt: _, updatedAt: __, ...recording } = await untilDone(story)
    expect(JSON.parse(JSON.stringify(recording).replaceAll(story.egressId, 'EG_any'))).toEqual({
      egressId: 'EG_any',
      roomId: 'RM_test',
      roomName: 'standup',
      kind: 'room_composite',
      status: 'ready',
      egressStatus: 'EGRESS_COMPLETE',
      title: null,
      metadata: {},
      startedAt: new Date(endedAtMs - 60_000).toISOString(),
      endedAt: new Date(endedAtMs).toISOString(),
      durationMs: 60_000,
      sizeBytes: 10,
      files: [
        {
          name: 'video.mp4',
          kind: 'video',
          contentType: 'video/mp4',
          sizeBytes: 10,
          durationMs: 60_000,
          key: 'recordings/EG_any/video.mp4',
          state: 'final',
        },
      ],
      progress: null,
      error: null,
      partial: false,
      limitReached: false,
      backup: false,
      recoveredBy: null,
      attention: null,
      expiresAt: null,
      legalHold: false,
      removeAt: null,
    })
    expect(await copies()).toBe(1)
  })
})

describe('W3: in whatever order, with all that is due done between any two', () => {
  const orders = [0, 1, 2, 3].flatMap((a) =>
    [0, 1, 2, 3].flatMap((b) =>
      [0, 1, 2, 3].flatMap((c) => {
        const d = 6 - a - b - c
        return new Set([a, b, c, d]).size === 4 && d >= 0 && d <= 3 ? [[a, b, c, d]] : []
      }),
    ),
  )

  it('and the first names are only guesses: the same file, moved once, in all 24 orders', async () => {
    expect(orders).toHaveLength(24)
    stopTime()
    for (const order of orders) {
      const story = recordedNow()
      await upload(story.filename, '0123456789')
      const guess = { fileResults: [{ filename: `tmp/${story.egressId}/guess.mp4` }] }
      const life = [
        egressEvent('egress_started', 'EGRESS_STARTING', story, guess),
        egressEvent('egress_updated', 'EGRESS_ACTIVE', story, guess),
        egressEvent('egress_updated', 'EGRESS_ENDING', story),
        ended('EGRESS_COMPLETE', story),
      ]
      for (const index of order) {
        await webhooks(life[index])
        await pass(story.egressId, 0)
      }
      await pass(story.egressId, 1_000)
      expect(await read(story.egressId), order.join('')).toMatchObject({
        status: 'ready',
        egressStatus: 'EGRESS_COMPLETE',
        startedAt: new Date(story.startedAtMs).toISOString(),
        durationMs: 60_000,
        files: [{ name: 'video.mp4', key: `recordings/${story.egressId}/video.mp4` }],
        error: null,
        attention: null,
        recoveredBy: null,
      })
      expect(await download(story.filename)).toBeNull()
    }
    expect(await copies()).toBe(24)
  })

  it('and of an egress with a file, a playlist and images: the same recording in every order', async () => {
    stopTime()
    const ends: unknown[] = []
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [3, 0, 1, 2],
      [1, 3, 0, 2],
      [2, 0, 3, 1, 3, 0],
    ]) {
      const story = recordedNow()
      const folder = `tmp/${story.egressId}/`
      const playlist = { ...story, filename: `${folder}hls/index.m3u8` }
      const images = { filenamePrefix: `${folder}images/thumb` }
      const names = segmentNames(3)
      await upload(story.filename, '0123456789')
      for (const name of names) await upload(`${folder}hls/${name}`, name)
      await upload(playlist.filename, playlistText(names))
      for (const at of ['00001', '00002']) await upload(`${images.filenamePrefix}_${at}.jpeg`, at)
      const running = {
        segmentResults: [{ playlistName: playlist.filename }],
        imageResults: [images],
      }
      const whole = {
        segmentResults: [{ ...segmentsInfo(playlist), size: undefined }],
        imageResults: [{ ...images, imageCount: '2' }],
      }
      const life = [
        egressEvent('egress_started', 'EGRESS_STARTING', story, running),
        egressEvent('egress_updated', 'EGRESS_ACTIVE', story, running),
        egressEvent('egress_updated', 'EGRESS_ENDING', story, running),
        ended('EGRESS_COMPLETE', story, whole),
      ]
      for (const index of order) {
        await webhooks(life[index])
        await pass(story.egressId, 0)
      }
      await pass(story.egressId, 3_600_000)
      const {
        createdAt: _,
        updatedAt: __,
        startedAt: ___,
        endedAt: ____,
        ...recording
      } = await read(story.egressId)
      const { egressId } = story
      ends.push(JSON.parse(JSON.stringify(recording).replaceAll(egressId, 'EG_any')))
      expect(await keysUnder(folder), order.join('')).toEqual([])
      const moved = await keysUnder(`recordings/${egressId}/`)
      expect(moved, order.join('')).toHaveLength(1 + 1 + names.length + 2)
    }
    expect(ends[0]).toMatchObject({ status: 'ready', attention: null, error: null })
    for (const end of ends) expect(end).toEqual(ends[0])
  })

  it('and with a second attempt: its file is the recording, in any order of both', async () => {
    stopTime()
    const later = (event: Record<string, unknown>, story: Recorded) =>
      afterwards({ ...story, endedAtMs: story.endedAtMs + 60_000 }, event)
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [2, 3, 0, 1],
      [1, 3, 0, 2],
      [3, 0, 2, 1, 3, 0],
    ]) {
      const story = recordedNow()
      await upload(story.filename, '0123456789')
      const life = [
        egressEvent('egress_updated', 'EGRESS_ACTIVE', story),
        ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }),
        attempt(story, 'EGRESS_ACTIVE'),
        later(ended('EGRESS_COMPLETE', story, { retryCount: 1 }), story),
      ]
      for (const index of order) {
        await webhooks(life[index])
        await pass(story.egressId, 0)
      }
      await pass(story.egressId, 60_000)
      expect(await read(story.egressId), order.join('')).toMatchObject({
        status: 'ready',
        egressStatus: 'EGRESS_COMPLETE',
        partial: false,
        error: null,
        attention: null,
        files: [{ name: 'video.mp4' }],
      })
      expect(await download(story.filename)).toBeNull()
    }
  })
})

describe('W4: only `egress_ended` arrives', () => {
  it('and the recording is complete, with all that it carries', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(ended('EGRESS_COMPLETE', story))
    expect(await untilDone(story)).toMatchObject({
      roomName: 'standup',
      kind: 'room_composite',
      startedAt: new Date(story.startedAtMs).toISOString(),
      endedAt: new Date(story.endedAtMs).toISOString(),
      durationMs: 60_000,
      recoveredBy: null,
    })
  })

  it('and its location alone says in which folder of the temp folder the file lies', async () => {
    const story = recorded({ filename: 'standup-1.mp4' })
    const key = `tmp/eu/${story.filename}`
    await upload(key, '0123456789')
    const fileResults = [{ ...uploaded(story), location: `https://store.example/bucket/${key}` }]
    await webhooks(ended('EGRESS_COMPLETE', story, { fileResults }))
    expect(await untilDone(story)).toMatchObject({ sizeBytes: 10, attention: null })
    await eventually(async () => download(key)).toBeNull()
  })
})

describe('W10: LiveKit contradicts itself after the end', () => {
  it('COMPLETE and then FAILED, because the process exited badly: ready, and both are told', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    const crash = { ...killed, fileResults: [{ filename: story.filename }] }
    await webhooks(
      ended('EGRESS_COMPLETE', story),
      afterwards(story, ended('EGRESS_FAILED', story, crash)),
    )
    expect(await untilDone(story)).toMatchObject({
      egressStatus: 'EGRESS_COMPLETE',
      partial: false,
      error: null,
      attention: null,
      files: [{ name: 'video.mp4' }],
    })
    expect(await wordsOf(story.egressId)).toEqual(['EGRESS_COMPLETE', 'EGRESS_FAILED'])
  })

  it('FAILED and then COMPLETE with the file: ready, and both are told', async () => {
    const story = recorded()
    await webhooks(ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }))
    await until(story.egressId, ({ status }) => status === 'failed')
    await upload(story.filename, '0123456789')
    await webhooks(afterwards(story, ended('EGRESS_COMPLETE', story)))
    expect(await untilDone(story)).toMatchObject({
      egressStatus: 'EGRESS_COMPLETE',
      partial: false,
      error: null,
      attention: null,
      files: [{ name: 'video.mp4' }],
    })
    expect(await wordsOf(story.egressId)).toEqual(['EGRESS_FAILED', 'EGRESS_COMPLETE'])
    expect(await copies()).toBe(1)
  })
})

describe('W10: LiveKit contradicts itself after the end of a stream that left no file', () => {
  const stream = {
    fileResults: [],
    streamResults: [{ url: 'rtmp://live.example/x', status: 'FINISHED' }],
  }

  it.each(['EGRESS_COMPLETE', 'EGRESS_LIMIT_REACHED'])(
    '%s and FAILED, because the process exited badly, in both orders: no failure',
    async (word) => {
      const events = (story: Recorded) => [
        ended(word, story, stream),
        afterwards(story, ended('EGRESS_FAILED', story, { ...killed, ...stream })),
      ]
      for (const isReversed of [false, true]) {
        const story = recorded({ filename: '' })
        const said = events(story)
        await webhooks(...(isReversed ? said.toReversed() : said))
        expect(await until(story.egressId, ({ status }) => status === 'ready')).toMatchObject({
          egressStatus: word,
          partial: false,
          error: null,
          files: [],
        })
      }
    },
  )
})

describe('W10: LiveKit contradicts itself after the end, in other words', () => {
  it.each([
    ['EGRESS_COMPLETE', 'EGRESS_ABORTED'],
    ['EGRESS_LIMIT_REACHED', 'EGRESS_FAILED'],
    ['EGRESS_FAILED', 'EGRESS_ABORTED'],
    ['EGRESS_COMPLETE', 'EGRESS_ACTIVE'],
    ['EGRESS_COMPLETE', 'EGRESS_ENDING'],
  ])(
    '%s with a file, and later %s without one, in both orders: the file stands',
    async (...words) => {
      for (const order of [words, words.toReversed()]) {
        const story = recorded()
        await upload(story.filename, '0123456789')
        const said = order.map((word) =>
          word === words[0]
            ? ended(word, story)
            : afterwards(story, ended(word, story, { ...killed, ...notUploaded(story) })),
        )
        await webhooks(...said)
        expect(await untilDone(story)).toMatchObject({
          egressStatus: words[0],
          limitReached: words[0] === 'EGRESS_LIMIT_REACHED',
          partial: words[0] === 'EGRESS_FAILED',
          attention: null,
          files: [{ name: 'video.mp4' }],
        })
        expect(await wordsOf(story.egressId)).toEqual(order)
      }
    },
  )
})

describe('W11: the session limit was reached', () => {
  it('and the file is there: ready, with `limitReached`', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    const limit = { error: 'Session limit reached', errorCode: 413 }
    await webhooks(ended('EGRESS_LIMIT_REACHED', story, limit))
    expect(await untilDone(story)).toMatchObject({
      limitReached: true,
      partial: false,
      error: null,
      egressStatus: 'EGRESS_LIMIT_REACHED',
    })
  })
})

describe('W12: the egress failed, and its file was uploaded all the same', () => {
  it.each(['room connection lost', 'Process killed'])(
    '%s: ready, with `partial`',
    async (error) => {
      const story = recorded()
      await upload(story.filename, '0123456789')
      await webhooks(ended('EGRESS_FAILED', story, { error, errorCode: 403 }))
      const ready = await untilDone(story)
      expect(ready).toMatchObject({ partial: true, egressStatus: 'EGRESS_FAILED' })
      expect((await asAdmin(`/v1/recordings/${story.egressId}/play`)).status).toBe(302)
    },
  )

  it('killed, and LiveKit did not even say where the file is: found where it was to be', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(
      ended('EGRESS_FAILED', story, { ...killed, fileResults: [{ filename: story.filename }] }),
    )
    expect(await untilDone(story)).toMatchObject({ partial: true })
  })
})

describe('W13: the egress left no file, whatever name and times LiveKit gives', () => {
  it.each([
    ['EGRESS_ABORTED', 'aborted', 'Start signal not received'],
    ['EGRESS_ABORTED', 'aborted', 'Stop called before pipeline could start'],
    ['EGRESS_FAILED', 'failed', 'S3 upload failed: api error AccessDenied: Access Denied'],
  ])('%s is %s, not playable, and says why: %s', async (egressStatus, status, error) => {
    const story = recorded()
    await webhooks(ended(egressStatus, story, { error, errorCode: 412, ...notUploaded(story) }))
    const recording = await until(story.egressId, (known) => known.status === status)
    expect(recording).toMatchObject({ egressStatus, files: [], error: { message: error } })
    const played = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    expect(played.status).toBe(409)
    expect(await played.json()).toMatchObject({
      code: 'not-playable',
      reason: `egress-${status}`,
      detail: error,
      recordingStatus: status,
    })
  })
})

describe('W16: an auto egress that could not start is reported without an id and with secrets', () => {
  const secrets = ['UNREDACTED-KEY', 'UNREDACTED-SECRET', 'UNREDACTED-TOKEN', 'UNREDACTED-STREAM']
  const rawRequest = {
    roomName: 'standup',
    customBaseUrl: `https://app.example/stage?access_token=${secrets[2]}&layout=grid`,
    fileOutputs: [
      {
        filepath: 'tmp/x.mp4',
        s3: {
          accessKey: secrets[0],
          secret: secrets[1],
          sessionToken: secrets[2],
          bucket: 'recordings',
        },
      },
    ],
    streamOutputs: [{ protocol: 'RTMP', urls: [`rtmps://live.example/app/${secrets[3]}`] }],
  }

  it('is answered with 200, counted and logged, and becomes nobody’s recording', async () => {
    const log = logged()
    const before = await stored()
    const vector = vectors.vectors.find(({ name }) => name.startsWith('12'))
    if (vector === undefined) throw new Error('there is no golden webhook 12')
    const { body, headers } = vector
    const response = await request('/webhooks/livekit', { method: 'POST', body, headers })
    expect([response.status, await response.json()]).toEqual([200, { stored: false }])
    expect(await (await asAdmin('/metrics')).text()).toContain(
      '\nroomtape_webhooks_without_egress_total 1\n',
    )
    expect(log()).toContain('no response from servers')
    expect(log()).not.toContain('UNREDACTED')
    expect(await stored()).toEqual(before)
    expect(await listed()).toEqual([])
  })

  it.each([undefined, null, {}, { status: 'EGRESS_FAILED', error: 'no response' }])(
    'is counted when this stands where the egress should: %j',
    async (egressInfo) => {
      const before = await stored()
      for (const event of ['egress_started', 'egress_ended']) {
        const response = await webhook({ event, egressInfo, id: 'EV_x' })
        expect([response.status, await response.json()]).toEqual([200, { stored: false }])
      }
      expect(await (await asAdmin('/metrics')).text()).toContain(
        '\nroomtape_webhooks_without_egress_total 2\n',
      )
      expect(await stored()).toEqual(before)
    },
  )

  it.each(['', ' ', '../EG_x', 'EG/x', 'x'.repeat(100)])(
    'is keyed on no such id: %j',
    async (egressId) => {
      const before = await stored()
      const story = recorded({ egressId })
      expect((await webhook(ended('EGRESS_FAILED', story))).status).toBe(200)
      expect(await stored()).toEqual(before)
    },
  )

  it('and its secrets stand in no log, no row and no timeline, even when it has an id', async () => {
    const log = logged()
    const story = recorded()
    const error = `cannot publish to rtmps://live.example/app/${secrets[3]}`
    const more = { roomComposite: rawRequest, error, details: error, fileResults: [] }
    await webhooks(ended('EGRESS_FAILED', story, more))
    await until(story.egressId, ({ status }) => status === 'failed')
    await eventually(async () => rowOf(story.egressId)).not.toBeNull()
    const kept = [
      log(),
      JSON.stringify(await rowOf(story.egressId)),
      JSON.stringify(await timeline(story.egressId)),
      JSON.stringify(await read(story.egressId)),
      await inStorage(story.egressId, ({ sql }) =>
        ['state', 'journal'].map((table) =>
          JSON.stringify(sql.exec(`SELECT * FROM ${table}`).toArray()),
        ),
      ),
    ].flat()
    expect(kept.join('\n')).toContain('cannot publish to rtmps://live.example/[removed]')
    for (const text of kept) expect(text).not.toContain('UNREDACTED')
  })
})

describe('W17: what LiveKit says is not what we know of its protocol', () => {
  it('an unknown status is kept as it came, and is a sign of life', async () => {
    const story = recorded()
    await webhooks(egressEvent('egress_updated', 'EGRESS_FLOATING', story))
    const recording = await until(story.egressId, ({ status }) => status === 'active')
    expect(recording.egressStatus).toBe('EGRESS_FLOATING')
  })

  it.each([
    ['first', [0, 1]],
    ['second', [1, 0]],
  ])('an unknown status that comes %s never turns back into a beginning', async (_, order) => {
    const story = recorded()
    const said = [
      egressEvent('egress_started', 'EGRESS_STARTING', story),
      // At the same nanosecond, so that nothing but the words tells which is later.
      egressEvent('egress_updated', 'EGRESS_FLOATING', story, {
        updatedAt: `${story.startedAtMs}000000`,
      }),
    ]
    await webhooks(...order.map((index) => said[index]))
    await until(story.egressId, ({ status }) => status === 'active')
  })

  it('an unknown status number is kept as it came', async () => {
    const story = recorded()
    await webhooks(egressEvent('egress_updated', '', story, { status: 42 }))
    const recording = await until(story.egressId, ({ status }) => status === 'active')
    expect(recording.egressStatus).toBe('unknown:42')
  })

  it('an unknown status of an egress that has ended ends it, and its file is the recording', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(ended('EGRESS_DRAINED', story), ...wholeLife(story).slice(0, 3))
    expect(await untilDone(story)).toMatchObject({
      egressStatus: 'EGRESS_DRAINED',
      partial: false,
      error: null,
      recoveredBy: null,
    })
  })

  it.each([
    ['no status and no end', '', { endedAt: undefined, updatedAt: undefined }],
    ['no status', '', {}],
    ['an unknown status and no end', 'EGRESS_DRAINED', { endedAt: undefined }],
  ])('an end with %s is an end, and its file is the recording', async (_, status, more) => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(ended(status, story, more), ...wholeLife(story).slice(0, 3))
    const { egressStatus } = await untilDone(story)
    expect(egressStatus).toBe(status === '' ? 'unknown:none' : status)
  })

  it('an end without a status and without a file fails', async () => {
    const story = recorded()
    await webhooks(ended('', story, notUploaded(story)))
    await until(story.egressId, ({ status }) => status === 'failed')
  })

  it('an unknown event about an egress is kept', async () => {
    const story = recorded()
    await webhooks({
      ...egressEvent('egress_updated', 'EGRESS_ACTIVE', story),
      event: 'egress_paused',
    })
    await until(story.egressId, ({ status }) => status === 'active')
    expect((await timeline(story.egressId))[0]?.type).toBe('egress_paused')
  })

  it.each(['room_finished', 'participant_joined', 'ingress_started', 'job_ended', ''])(
    'an event about something else is taken and leaves nothing behind: %j',
    async (event) => {
      const before = await stored()
      const response = await webhook({ event, id: 'EV_other', room: { name: 'standup' } })
      expect([response.status, await response.json()]).toEqual([200, { stored: false }])
      expect(await stored()).toEqual(before)
    },
  )

  it('fields that nobody knows are kept in the timeline and harm nothing', async () => {
    const story = recorded()
    const more = { hologramResults: [{ depth: '3' }], updatedBy: { node: 'ND_x' } }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more))
    await until(story.egressId, ({ status }) => status === 'active')
    expect(JSON.stringify(await timeline(story.egressId))).toContain('hologramResults')
  })

  it('an egress with nothing but its id is a recording', async () => {
    const { egressId } = recorded()
    await webhooks({ event: 'egress_started', egressInfo: { egressId } })
    const recording = await until(egressId, ({ status }) => status === 'starting')
    expect(recording).toMatchObject({ roomName: null, kind: null, startedAt: null, files: [] })
  })

  it('the file stands in the legacy field, and the list is empty', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(ended('EGRESS_COMPLETE', story, { fileResults: [], file: uploaded(story) }))
    expect(await untilDone(story)).toMatchObject({ sizeBytes: 10, durationMs: 60_000 })
  })

  it('an event without an id names the file that the same word at the same time did not name', async () => {
    const story = recorded()
    const said = (more: Record<string, unknown> = {}) => ({
      ...ended('EGRESS_FAILED', story, more),
      id: undefined,
    })
    await webhooks(said({ fileResults: [] }), said({ fileResults: [] }))
    await until(story.egressId, ({ status }) => status === 'failed')
    await upload(story.filename, '0123456789')
    await webhooks(said(), said())
    expect(await untilDone(story)).toMatchObject({ partial: true })
    expect(await wordsOf(story.egressId)).toEqual(['EGRESS_FAILED', 'EGRESS_FAILED'])
  })

  it('a negative duration is no duration', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    const { endedAt: _, ...file } = uploaded(story)
    const fileResults = [{ ...file, duration: '-1767225603123456789' }]
    await webhooks(ended('EGRESS_COMPLETE', story, { fileResults }))
    // From the start of the file to the end of the egress, which is what is left to go by.
    expect(await untilDone(story)).toMatchObject({ durationMs: 60_000 })
  })

  it('times that are JSON numbers, which no double holds, are times all the same', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    // In the middle of a millisecond: a double tells nanoseconds of our days to some hundreds of them.
    const body = JSON.stringify(ended('EGRESS_COMPLETE', story)).replaceAll(
      /"(\d{13,})\d{6}"/g,
      '$1500000',
    )
    const headers = await signedBody(body)
    expect((await request('/webhooks/livekit', { method: 'POST', body, headers })).status).toBe(200)
    expect(await untilDone(story)).toMatchObject({
      startedAt: new Date(story.startedAtMs).toISOString(),
      endedAt: new Date(story.endedAtMs).toISOString(),
      durationMs: 60_000,
    })
  })

  it('a value that is nested ten thousand times is taken, and not kept to its ground', async () => {
    const story = recorded()
    const deep = `${'['.repeat(10_000)}7${']'.repeat(10_000)}`
    const event = egressEvent('egress_updated', 'EGRESS_ACTIVE', story, { hologram: 'HERE' })
    const body = JSON.stringify(event).replace('"HERE"', deep)
    const headers = await signedBody(body)
    expect((await request('/webhooks/livekit', { method: 'POST', body, headers })).status).toBe(200)
    await until(story.egressId, ({ status }) => status === 'active')
    expect(JSON.stringify(await timeline(story.egressId))).toContain('hologram')
  })

  it.each(['roomName', 'roomId', 'error', 'details', 'status', 'manifestLocation', 'hologram'])(
    'a %s of almost a megabyte is taken, and the recording ends as any other',
    async (name) => {
      const story = recorded()
      await upload(story.filename, '0123456789')
      const huge = '"é'.repeat(250_000)
      await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, { [name]: huge }))
      const end = name === 'status' ? {} : { [name]: huge }
      await webhooks(ended('EGRESS_COMPLETE', story, end))
      await untilDone(story)
      expect((await timeline(story.egressId)).length).toBeGreaterThan(2)
    },
  )

  it.each(['0', '-1', '1767225603123', '9999999999999999999', 'NaN', -7, 0.5, 1e300])(
    'a time of %j brings nothing down',
    async (time) => {
      const story = recorded()
      await upload(story.filename, '0123456789')
      const times = { startedAt: time, endedAt: time, updatedAt: time }
      const file = { ...uploaded(story), ...times, duration: time }
      await webhooks(
        egressEvent('egress_updated', 'EGRESS_ACTIVE', story, times),
        ended('EGRESS_COMPLETE', story, { ...times, fileResults: [file] }),
      )
      await untilDone(story)
      expect(await listed('?status=ready')).toContain(story.egressId)
    },
  )

  it.each([null, 7, 'x', true, [], {}, [null], [[1]], { status: {} }])(
    'no field brings the door down by being %j',
    async (odd) => {
      const names = ['status', 'startedAt', 'updatedAt', 'endedAt', 'roomName', 'error', 'details']
      names.push('fileResults', 'file', 'segmentResults', 'streamResults', 'roomComposite')
      names.push('retryCount', 'manifestLocation', 'backupStorageUsed', 'errorCode')
      for (const name of names) {
        const story = recorded()
        expect((await webhook(ended('EGRESS_COMPLETE', story, { [name]: odd }))).status).toBe(200)
        expect((await read(story.egressId)).egressId).toBe(story.egressId)
      }
      for (const event of [{ event: odd }, { egressInfo: odd }, { id: odd }, { createdAt: odd }]) {
        const whole = egressEvent('egress_updated', 'EGRESS_ACTIVE', recorded())
        expect((await webhook({ ...whole, ...event })).status).toBe(200)
      }
    },
  )
})

describe('W23: LiveKit Cloud tries an egress again after its end', () => {
  it('and the second attempt stands, in the state that it is in', async () => {
    const story = recorded()
    await webhooks(ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }))
    await until(story.egressId, ({ status }) => status === 'failed')
    await webhooks(attempt(story, 'EGRESS_STARTING'))
    expect(await until(story.egressId, ({ status }) => status === 'starting')).toMatchObject({
      error: null,
      endedAt: null,
    })
    await webhooks(attempt(story, 'EGRESS_ACTIVE'))
    await until(story.egressId, ({ status }) => status === 'active')
  })

  it('and an end of the first attempt that comes late ends nothing', async () => {
    const story = recorded()
    await webhooks(
      attempt(story, 'EGRESS_ACTIVE'),
      ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }),
    )
    await until(story.egressId, ({ status }) => status === 'active')
    expect(await wordsOf(story.egressId)).toEqual(['EGRESS_ACTIVE', 'EGRESS_FAILED'])
  })

  it('and the file of the second attempt is the recording', async () => {
    const story = recorded()
    await webhooks(
      ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }),
      attempt(story, 'EGRESS_STARTING'),
    )
    await upload(story.filename, '0123456789')
    await webhooks(afterwards(story, ended('EGRESS_COMPLETE', story, { retryCount: 1 })))
    expect(await untilDone(story)).toMatchObject({ error: null, partial: false, attention: null })
  })

  it('and the second attempt’s file is waited for, when the first one’s was given up already', async () => {
    stopTime()
    const story = recordedNow()
    await webhooks(ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }))
    while ((await read(story.egressId)).status !== 'failed') await ring(story.egressId)
    // The three looks for a file that nobody promised.
    for (let looks = 0; looks < 4; looks += 1) await ring(story.egressId)
    await webhooks(
      attempt(story, 'EGRESS_STARTING'),
      afterwards(story, ended('EGRESS_COMPLETE', story, { retryCount: 1 })),
    )
    await ring(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'processing', error: null })
    await upload(story.filename, '0123456789')
    while ((await read(story.egressId)).status !== 'ready') {
      expect(await ring(story.egressId)).toBe(true)
    }
  })
})

describe('W23: LiveKit Cloud tries an egress more than twice', () => {
  it('and whatever comes last of the attempts before, the third one stands', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    const third = afterwards(
      { ...story, endedAtMs: story.endedAtMs + 60_000 },
      ended('EGRESS_COMPLETE', story, { retryCount: 2 }),
    )
    await webhooks(
      attempt(story, 'EGRESS_STARTING', { retryCount: 2 }),
      attempt(story, 'EGRESS_FAILED', { retryCount: 1, ...killed, ...notUploaded(story) }),
      third,
      attempt(story, 'EGRESS_ACTIVE', { retryCount: 1 }),
      ended('EGRESS_FAILED', story, { ...killed, ...notUploaded(story) }),
    )
    expect(await untilDone(story)).toMatchObject({
      egressStatus: 'EGRESS_COMPLETE',
      error: null,
      partial: false,
      attention: null,
    })
    expect(await copies()).toBe(1)
  })

  it('and an attempt that fails without a file does not lose the file of the one before', async () => {
    const story = recorded()
    const again = { ...story, filename: `tmp/${story.egressId}/video-1.mp4` }
    await upload(story.filename, '0123456789')
    await webhooks(ended('EGRESS_FAILED', story, killed))
    await untilDone(story)
    await webhooks(
      attempt(again, 'EGRESS_STARTING'),
      afterwards(
        again,
        ended('EGRESS_FAILED', again, { ...killed, retryCount: 1, ...notUploaded(again) }),
      ),
    )
    expect(await until(story.egressId, ({ status }) => status === 'ready')).toMatchObject({
      partial: true,
      files: [{ name: 'video.mp4', state: 'final' }],
    })
    expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe('0123456789')
  })
})

describe('W24: a test event of LiveKit Cloud speaks of an egress that never was', () => {
  const hourMs = 3_600_000
  const graceMs = Number(env.GRACE_SECONDS) * 1000

  const synthetic: [string, (story: Recorded) => Record<string, unknown>][] = [
    ['started', (story) => egressEvent('egress_started', 'EGRESS_STARTING', story)],
    [
      'started, without a file',
      (story) => egressEvent('egress_started', 'EGRESS_STARTING', story, { fileResults: [] }),
    ],
    ['updated', (story) => egressEvent('egress_updated', 'EGRESS_ACTIVE', story)],
    ['ended with a file', (story) => ended('EGRESS_COMPLETE', story)],
    ['ended without a file', (story) => ended('EGRESS_COMPLETE', story, { fileResults: [] })],
    ['failed', (story) => ended('EGRESS_FAILED', story, notUploaded(story))],
    ['aborted', (story) => ended('EGRESS_ABORTED', story, notUploaded(story))],
    ['ended at its limit', (story) => ended('EGRESS_LIMIT_REACHED', story)],
    [
      'ended after a stream',
      (story) =>
        ended('EGRESS_COMPLETE', story, {
          fileResults: [],
          streamResults: [{ url: 'rtmp://live.example/x', status: 'FINISHED' }],
        }),
    ],
    [
      'ended with images',
      (story) =>
        ended('EGRESS_COMPLETE', story, {
          fileResults: [],
          imageResults: [{ filenamePrefix: `tmp/${story.egressId}/image`, imageCount: '3' }],
        }),
    ],
    [
      'ended with a playlist',
      (story) =>
        ended('EGRESS_COMPLETE', story, {
          fileResults: [],
          segmentResults: [
            {
              playlistName: `tmp/${story.egressId}/index.m3u8`,
              playlistLocation: `https://store.example/tmp/${story.egressId}/index.m3u8`,
            },
          ],
        }),
    ],
  ]

  it.each(synthetic)(
    'egress %s: it is taken, and in no list once the grace period is over',
    async (_, event) => {
      stopTime()
      const story = recordedNow()
      expect((await webhook(event(story))).status).toBe(200)
      await pass(story.egressId, 60_000)
      expect(await listed()).toEqual([story.egressId])
      await pass(story.egressId, graceMs + hourMs)
      expect(await listed()).toEqual([])
      expect((await asAdmin(`/v1/recordings/${story.egressId}`)).status).toBe(404)
      expect((await asAdmin(`/v1/recordings/${story.egressId}/play`)).status).toBe(404)
      expect(await askedOfLiveKit()).toContain(story.egressId)
      await awaken(story.egressId, 24 * hourMs)
      expect(await listed()).toEqual([])
    },
  )

  it.each(synthetic)(
    'egress %s: the same once more, days later and under the same id, is gone again',
    async (_, event) => {
      stopTime()
      const story = recordedNow()
      await webhooks(event(story))
      await pass(story.egressId, graceMs + hourMs)
      expect(await listed()).toEqual([])
      await awaken(story.egressId, 72 * hourMs)
      const { startedAtMs, endedAtMs } = story
      await webhooks(
        event({
          ...story,
          startedAtMs: startedAtMs + 73 * hourMs,
          endedAtMs: endedAtMs + 73 * hourMs,
        }),
      )
      await pass(story.egressId, graceMs + hourMs)
      await pass(story.egressId, hourMs)
      expect(await listed()).toEqual([])
    },
  )

  it('one of each type under one id: they are taken for a whole life, and in no list either', async () => {
    stopTime()
    const story = recordedNow()
    await webhooks(...wholeLife(story))
    await pass(story.egressId, 60_000)
    expect(await listed()).toEqual([story.egressId])
    await pass(story.egressId, graceMs + hourMs)
    expect(await listed()).toEqual([])
    expect((await asAdmin(`/v1/recordings/${story.egressId}`)).status).toBe(404)
  })

  it('a real egress that failed without a file stays listed, because LiveKit still knows it', async () => {
    stopTime()
    const story = recordedNow()
    await setLiveKit({
      egresses: {
        [story.egressId]: {
          egress_id: story.egressId,
          room_name: 'standup',
          status: 'EGRESS_FAILED',
          updated_at: `${story.endedAtMs}000000`,
          ended_at: `${story.endedAtMs}000000`,
          error: 'page load error',
        },
      },
    })
    const more = { error: 'page load error', ...notUploaded(story) }
    await webhooks(ended('EGRESS_FAILED', story, more))
    await pass(story.egressId, graceMs + hourMs)
    await awaken(story.egressId, 24 * hourMs)
    expect(await askedOfLiveKit()).toContain(story.egressId)
    expect(await listed('?status=failed')).toEqual([story.egressId])
    expect((await read(story.egressId)).error?.message).toBe('page load error')
  })

  it.each(synthetic.filter(([name]) => /^(started|ended with a file|failed)$/.test(name)))(
    'egress %s, and LiveKit cannot be asked: nothing is hidden',
    async (_, event) => {
      stopTime()
      await setLiveKit({ fault: { status: 503, body: '{"code":"unavailable","msg":"away"}' } })
      const story = recordedNow()
      await webhooks(event(story))
      await pass(story.egressId, graceMs + hourMs)
      await awaken(story.egressId, 24 * hourMs)
      expect(await askedOfLiveKit()).toContain(story.egressId)
      expect(await listed()).toEqual([story.egressId])
    },
  )

  it('and comes back to the lists when LiveKit speaks of it after all', async () => {
    stopTime()
    const story = recordedNow()
    await webhooks(egressEvent('egress_started', 'EGRESS_STARTING', story))
    await pass(story.egressId, graceMs + hourMs)
    expect(await listed()).toEqual([])
    await upload(story.filename, '0123456789')
    await webhooks(ended('EGRESS_COMPLETE', story))
    await pass(story.egressId, 60_000)
    expect(await listed('?status=ready')).toEqual([story.egressId])
  })

  it('a single answer that LiveKit does not know it hides nothing', async () => {
    stopTime()
    const story = recordedNow()
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story))
    while (!(await askedOfLiveKit()).includes(story.egressId)) await ring(story.egressId)
    await setLiveKit({ fault: { status: 500, body: 'Redis' } })
    await pass(story.egressId, graceMs + hourMs)
    expect(await listed('?status=active')).toEqual([story.egressId])
  })
})

describe('an egress id that a recording’s folder cannot hold', () => {
  it('is asked for like any other that does not exist', async () => {
    const response = await asAdmin('/v1/recordings/..%2f..%2fsecret')
    expect([response.status, await codeOf(response)]).toEqual([404, 'recording-not-found'])
  })
})
