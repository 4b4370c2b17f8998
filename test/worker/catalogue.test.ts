// The catalogue: what the objects write into it and what lists read from it. Written for a catalogue that is away while
// recordings end, for writes that arrive too late, and for pages that rows are inserted between.
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CatalogueRecordings } from '../../src/catalog/recordings.ts'
import { signPlaybackToken } from '../../src/playback/token.ts'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import type { Recording } from '../../src/recording/recording.ts'
import type { Status } from '../../src/recording/status.ts'
import { egressEvent, wholeLife } from '../egress-events.ts'
import { letTimeRun, passMs } from './clock.ts'
import { download, upload } from './outside.ts'
import {
  asAdmin,
  catalogued,
  codeOf,
  eventually,
  listed,
  read,
  readyRecording,
  recorded,
  request,
  rowOf,
  timelineTypes,
  until,
  wake,
  webhook,
  webhooks,
} from './story.ts'

async function loseCatalogue(): Promise<void> {
  await env.DB.exec('ALTER TABLE recordings RENAME TO away')
}

async function healCatalogue(): Promise<void> {
  await env.DB.exec('ALTER TABLE away RENAME TO recordings')
}

/** Counts what D1 charges from now on, whoever asks it. */
function charged(what: 'rows_written' | 'rows_read'): { rows: number } {
  const charge = { rows: 0 }
  const count = (results: D1Result[]) => {
    for (const { meta } of results) charge.rows += meta[what]
  }
  // The database passes its batches on to a session.
  const session = Object.getPrototypeOf(env.DB.withSession()) as object
  const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as object
  const listen = (whose: object, method: string) => {
    const ask = Reflect.get(whose, method) as (...given: unknown[]) => Promise<D1Result>
    vi.spyOn(whose as Record<string, typeof ask>, method).mockImplementation(async function (
      this: unknown,
      ...given
    ) {
      const result = await ask.apply(this, given)
      count([result].flat())
      return result
    })
  }
  listen(session, 'batch')
  listen(statement, 'run')
  listen(statement, 'all')
  return charge
}

async function page(query: string): Promise<{ ids: string[]; nextCursor: string | null }> {
  const response = await asAdmin(`/v1/recordings?${query}`)
  expect(response.status).toBe(200)
  const { recordings, nextCursor } = await response.json<{
    recordings: RecordingJson[]
    nextCursor: string | null
  }>()
  return { ids: recordings.map(({ egressId }) => egressId), nextCursor }
}

afterEach(() => {
  letTimeRun()
  vi.restoreAllMocks()
})

describe('D1: the catalogue is away', () => {
  it('and webhooks are taken, the file is moved, and the catalogue catches up to the last state', async () => {
    const story = recorded()
    const [started, ...rest] = wholeLife(story)
    await webhooks(started)
    await eventually(async () => rowOf(story.egressId)).toMatchObject({ status: 'starting' })
    await loseCatalogue()
    await upload(story.filename, '0123456789')
    for (const event of rest) expect((await webhook(event)).status).toBe(200)
    const finalKey = `recordings/${story.egressId}/video.mp4`
    await eventually(async () => download(finalKey)).toBe('0123456789')
    await eventually(async () => download(story.filename)).toBeNull()
    // One recording can be read all the while: its object knows it.
    expect((await read(story.egressId)).status).toBe('ready')
    expect(await timelineTypes(story.egressId)).toContain('catalogue.unavailable')

    await healCatalogue()
    vi.useFakeTimers({ toFake: ['Date'] })
    passMs(3_600_000)
    await wake(story.egressId)
    expect(await rowOf(story.egressId)).toMatchObject({ status: 'ready', sizeBytes: 10 })
    expect(await listed('?status=ready')).toEqual([story.egressId])
  })

  it('from the very first webhook on, and nothing is lost', async () => {
    await loseCatalogue()
    const story = recorded()
    await upload(story.filename, '0123456789')
    for (const event of wholeLife(story)) expect((await webhook(event)).status).toBe(200)
    await until(story.egressId, ({ status }) => status === 'ready')
    await healCatalogue()
    expect(await listed()).toEqual([])
    vi.useFakeTimers({ toFake: ['Date'] })
    passMs(3_600_000)
    await wake(story.egressId)
    expect(await listed()).toEqual([story.egressId])
  })

  it('and it comes back by itself, without anybody’s help', async () => {
    await loseCatalogue()
    const story = recorded()
    await webhooks(egressEvent('egress_started', 'EGRESS_STARTING', story))
    await eventually(async () => timelineTypes(story.egressId)).toContain('catalogue.unavailable')
    await healCatalogue()
    await eventually(async () => rowOf(story.egressId)).not.toBeNull()
  })

  it('and a list and a link say so, in place of being empty or gone', async () => {
    await loseCatalogue()
    const response = await asAdmin('/v1/recordings')
    expect([response.status, await codeOf(response)]).toEqual([503, 'catalogue-unavailable'])
    const link = await signPlaybackToken(
      {
        egressId: 'EG_a',
        expiresAtMs: Date.now() + 60_000,
        linkId: null,
        download: false,
        viewer: null,
      },
      env.PLAYBACK_SECRET,
    )
    const played = await request(`/play/${link}`)
    expect([played.status, await codeOf(played)]).toEqual([503, 'catalogue-unavailable'])
    await healCatalogue()
  })
})

describe('D2: a write that arrives late', () => {
  it('with an older revision is refused after a newer one, whatever it changes', async () => {
    const catalogue = new CatalogueRecordings(env.DB)
    const ready = readyRecording()
    await catalogue.put(ready, 10, [])
    const old: Partial<Recording>[] = [
      { status: 'processing' },
      { status: 'active', roomName: 'another room' },
      { startedAtMs: 1_000, listed: false },
    ]
    for (const [index, changed] of old.entries()) {
      await catalogue.put({ ...ready, ...changed }, 9 - index, [])
    }
    await catalogue.put({ ...ready, status: 'lost' }, 10, [])
    expect(await rowOf(ready.egressId)).toEqual(ready)
    expect(await listed(`?room=${ready.roomName}&status=ready`)).toEqual([ready.egressId])
  })

  it('and a newer one replaces all that lists search by', async () => {
    const catalogue = new CatalogueRecordings(env.DB)
    const recording = readyRecording({ status: 'starting', roomName: 'first' })
    await catalogue.put(recording, 1, [])
    await catalogue.put({ ...recording, status: 'ready', roomName: 'second' }, 2, [])
    expect(await listed('?room=first')).toEqual([])
    expect(await listed('?room=second&status=ready')).toEqual([recording.egressId])
    await catalogue.put({ ...recording, listed: false }, 3, [])
    expect(await listed()).toEqual([])
  })
})

describe('rows that D1 writes for one recording', () => {
  it('are at most twelve, even when each word of LiveKit is written on its own', async () => {
    const written = charged('rows_written')
    const story = recorded()
    const [started, active, ending, ended] = wholeLife(story)
    await webhooks(started)
    await eventually(async () => rowOf(story.egressId)).toMatchObject({ status: 'starting' })
    // The media begins later than the egress, and with it the place in the list changes.
    const mediaAt = `${story.startedAtMs + 3_000}000000`
    const fileResults = [{ filename: story.filename, startedAt: mediaAt }]
    const info = { ...(active?.['egressInfo'] as object), fileResults }
    await webhooks({ ...active, egressInfo: info })
    await eventually(async () => rowOf(story.egressId)).toMatchObject({ status: 'active' })
    await webhooks(ending)
    await eventually(async () => rowOf(story.egressId)).toMatchObject({ status: 'ending' })
    await upload(story.filename, '0123456789')
    await webhooks(ended)
    await eventually(async () => rowOf(story.egressId)).toMatchObject({ status: 'ready' })
    await eventually(async () => download(story.filename)).toBeNull()
    expect(written.rows).toBeGreaterThan(4)
    expect(written.rows).toBeLessThanOrEqual(12)
  })

  it('are none for a change that is late', async () => {
    const catalogue = new CatalogueRecordings(env.DB)
    const ready = readyRecording()
    await catalogue.put(ready, 2, [])
    const written = charged('rows_written')
    await catalogue.put({ ...ready, status: 'processing' }, 1, [])
    expect(written.rows).toBe(0)
  })
})

describe('GET /v1/recordings', () => {
  const dayMs = 24 * 3_600_000
  const newYearMs = Date.parse('2026-01-01T00:00:00.000Z')

  /** A catalogued recording that started on this day of the year. */
  async function startedOn(day: number, more: Partial<Recording> = {}): Promise<string> {
    const startedAtMs = newYearMs + (day - 1) * dayMs
    return (await catalogued({ startedAtMs, ...more })).egressId
  }

  it('lists the newest first, and a recording that nobody said the start of by when it was heard of', async () => {
    const second = await startedOn(2)
    const fourth = await startedOn(4)
    const untold = await catalogued({ startedAtMs: null, createdAtMs: newYearMs + 2 * dayMs })
    expect(await listed()).toEqual([fourth, untold.egressId, second])
  })

  it('filters by room, exactly', async () => {
    const standup = await startedOn(1, { roomName: 'standup' })
    await startedOn(2, { roomName: 'Standup' })
    await startedOn(3, { roomName: 'standup-2' })
    await startedOn(4, { roomName: null })
    expect(await listed('?room=standup')).toEqual([standup])
    const odd = await startedOn(5, { roomName: 'o\'hara & "sons" % 日本語 😀' })
    expect(await listed(`?room=${encodeURIComponent('o\'hara & "sons" % 日本語 😀')}`)).toEqual([
      odd,
    ])
    expect(await listed(`?room=${encodeURIComponent("' OR 1=1 --")}`)).toEqual([])
  })

  it('filters by one status or by several', async () => {
    const statuses: Status[] = ['ready', 'failed', 'active']
    const [ready, failed, active] = await Promise.all(
      statuses.map((status, index) => startedOn(index + 1, { status })),
    )
    expect(await listed('?status=failed')).toEqual([failed])
    expect(await listed('?status=active&status=ready')).toEqual([active, ready])
    expect(await listed('?status=lost')).toEqual([])
  })

  it('filters by start: from is included, to is not', async () => {
    const [first, second, third] = [await startedOn(1), await startedOn(2), await startedOn(3)]
    expect(await listed('?from=2026-01-02T00:00:00Z')).toEqual([third, second])
    expect(await listed('?to=2026-01-02T00:00:00Z')).toEqual([first])
    expect(await listed('?from=2026-01-02T02:00:00%2B02:00&to=2026-01-03T00:00:00.000Z')).toEqual([
      second,
    ])
  })

  it('filters by all at once', async () => {
    await startedOn(1, { roomName: 'a', status: 'ready' })
    const wanted = await startedOn(2, { roomName: 'a', status: 'ready' })
    await startedOn(2, { roomName: 'a', status: 'failed' })
    await startedOn(2, { roomName: 'b', status: 'ready' })
    expect(
      await listed('?room=a&status=ready&from=2026-01-02T00:00:00Z&to=2026-01-03T00:00:00Z'),
    ).toEqual([wanted])
  })

  it('shows nothing that turned out to be no recording', async () => {
    await startedOn(1, { listed: false })
    expect(await listed()).toEqual([])
  })

  it.each([
    'status=finished',
    'status=ready&status=finished',
    'from=yesterday',
    'from=2026-01-01',
    'to=1767225600',
    'limit=0',
    'limit=201',
    'limit=ten',
    'limit=1.5',
    'cursor=abc',
    `cursor=${btoa('[1]')}`,
    `cursor=${btoa('["x","EG_a"]')}`,
    `cursor=${btoa('{"sortAtMs":"x","egressId":"EG_a"}')}`,
    `cursor=${btoa('{}')}`,
  ])('refuses what it does not understand, naming it: %s', async (query) => {
    const response = await asAdmin(`/v1/recordings?${query}`)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const { detail } = await response.json<{ detail: string }>()
    expect(detail).toContain(/^(\w+)=/.exec(query)?.[1])
  })

  it('has pages without gaps and without doubles, while rows come and go between them', async () => {
    // Five recordings a day: many share the very same millisecond.
    const days = [5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 2, 2, 2, 2, 1]
    const all = await Promise.all(days.map(async (day) => startedOn(day)))
    const whole = await page('limit=200')
    expect(whole.ids.toSorted()).toEqual(all.toSorted())
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { ids, nextCursor } = await page(`limit=3${next}`)
      expect(ids.length).toBeLessThanOrEqual(3)
      seen.push(...ids)
      cursor = nextCursor
      // One that is newer than every page, and one of a page that has been read.
      await startedOn(9)
      if (seen.length < 9)
        await catalogued({ egressId: `EG_zz${seen.length}`, startedAtMs: newYearMs + 4 * dayMs })
    } while (cursor !== null)
    const known = new Set(all)
    expect(seen.filter((id) => known.has(id))).toEqual(whole.ids)
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('has a last page without a cursor, also when it is full', async () => {
    for (const day of [1, 2, 3, 4]) await startedOn(day)
    const first = await page('limit=2')
    const last = await page(`limit=2&cursor=${encodeURIComponent(first.nextCursor ?? '')}`)
    expect([first.ids.length, last.ids.length, last.nextCursor]).toEqual([2, 2, null])
    expect((await page('limit=4')).nextCursor).toBeNull()
  })

  it.each(['', 'room=standup&', 'from=2026-01-01T00:00:00Z&'])(
    'reads no more rows of a great catalogue than of a small one: %s',
    async (filter) => {
      const rows = async () => {
        const charge = charged('rows_read')
        const { nextCursor } = await page(`${filter}limit=5`)
        await page(`${filter}limit=5&cursor=${encodeURIComponent(nextCursor ?? '')}`)
        vi.restoreAllMocks()
        return charge.rows
      }
      for (let count = 0; count < 12; count += 1) await startedOn(count + 1)
      const ofFew = await rows()
      for (let index = 0; index < 400; index += 1) {
        await catalogued({ startedAtMs: newYearMs + index * 1_000 })
      }
      expect(await rows()).toBe(ofFew)
      // A row of the index and the row itself, for each of two pages and the row after it.
      expect(ofFew).toBeLessThanOrEqual(2 * 2 * (5 + 1))
    },
  )
})
