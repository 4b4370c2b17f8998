// GET /v1/stats against the sum over all recordings. Written for counts that drift: after late writes, doubled ones, ones that
// are refused, recordings that come back to life, and a catalogue that is filled again.
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CatalogueRecordings } from '../../src/catalog/recordings.ts'
import type { Recording } from '../../src/recording/recording.ts'
import { wholeLife } from '../egress-events.ts'
import { someRecording } from './list-model.ts'
import { emptyFolder, upload } from './outside.ts'
import {
  asAdmin,
  asBearer,
  catalogued,
  codeOf,
  liveKitToken,
  recorded,
  until,
  webhooks,
} from './story.ts'

interface Totals {
  recordings: number
  ready: number
  failed: number
  aborted: number
  lost: number
  durationMs: number
  sizeBytes: number
}

interface Stats {
  from: string
  to: string
  total: Totals
  days: (Totals & { day: string })[]
  rooms: (Totals & { roomName: string | null })[]
  roomsFrom: string
}

const dayMs = 86_400_000
const firstDayMs = Date.parse('2026-01-01T00:00:00.000Z')

async function stats(query: string): Promise<Stats> {
  const response = await asAdmin(`/v1/stats?${query}`)
  expect(response.status, query).toBe(200)
  return await response.json<Stats>()
}

/** What the counts have to be, by looking at every recording. */
function totalsOf(recordings: Recording[]): Totals {
  const count = (status: string) =>
    recordings.filter((recording) => recording.status === status).length
  const sum = (numbers: (number | null)[]) =>
    numbers.reduce<number>((all, one) => all + (one ?? 0), 0)
  return {
    recordings: recordings.length,
    ready: count('ready'),
    failed: count('failed'),
    aborted: count('aborted'),
    lost: count('lost'),
    durationMs: sum(recordings.map(({ durationMs }) => durationMs)),
    sizeBytes: sum(recordings.map(({ sizeBytes }) => sizeBytes)),
  }
}

function isCounted({ status, listed }: Recording): boolean {
  return listed && ['ready', 'failed', 'aborted', 'lost'].includes(status)
}

function startDay({ startedAtMs, createdAtMs }: Recording): string {
  return new Date(startedAtMs ?? createdAtMs).toISOString().slice(0, 10)
}

async function rowsOfCatalogue(): Promise<Recording[]> {
  const { results } = await env.DB.prepare('SELECT recording FROM recordings').all<{
    recording: string
  }>()
  return results.map(({ recording }) => JSON.parse(recording) as Recording)
}

async function expectRight(): Promise<void> {
  const counted = (await rowsOfCatalogue()).filter(isCounted)
  const answer = await stats('from=2026-01-01&to=2026-01-31&rooms=100')
  expect(answer.total).toEqual(totalsOf(counted))
  const days = Map.groupBy(counted, startDay)
  expect(answer.days).toEqual(
    [...days]
      .map(([day, recordings]) => ({ day, ...totalsOf(recordings) }))
      .toSorted((a, b) => (a.day < b.day ? -1 : 1)),
  )
  const rooms = Map.groupBy(counted, ({ roomName }) => roomName)
  const known = new Map(answer.rooms.map(({ roomName, ...totals }) => [roomName, totals]))
  expect(known).toEqual(new Map([...rooms].map(([name, of]) => [name, totalsOf(of)])))
  const counts = answer.rooms.map(({ recordings }) => recordings)
  expect(counts).toEqual(counts.toSorted((a, b) => b - a))
  for (const [name, of] of rooms) {
    if (name === null) continue
    const one = await stats(`from=2026-01-01&to=2026-01-31&room=${encodeURIComponent(name)}`)
    expect([one.total, one.days.length]).toEqual([totalsOf(of), new Set(of.map(startDay)).size])
  }
}

/** A few egresses, each written many times, in any order. */
const someWrites = fc.array(
  fc.record({
    recording: someRecording,
    of: fc.integer({ min: 0, max: 4 }),
    revision: fc.integer({ min: 1, max: 12 }),
    day: fc.integer({ min: 0, max: 2 }),
    isMoved: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
)

describe('the counts', () => {
  it('D2: are those of the catalogue, whatever is written late, twice, or refused', async () => {
    await fc.assert(
      fc.asyncProperty(someWrites, async (writes) => {
        await env.DB.exec('DELETE FROM recordings')
        const catalogue = new CatalogueRecordings(env.DB)
        for (const { recording, of, revision, day, isMoved } of writes) {
          const startedAtMs = firstDayMs + day * dayMs + (isMoved ? 1 : 0)
          const sizeBytes = Math.min(recording.sizeBytes ?? 0, 5e9)
          const put = { ...recording, egressId: `EG_${of}`, startedAtMs, sizeBytes }
          await catalogue.put(put, revision, [])
        }
        await expectRight()
      }),
      { numRuns: 30 },
    )
  })

  it('are the same after a catalogue was filled again', async () => {
    // What other tests left there would be found as well.
    await emptyFolder('recordings/')
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story))
    await until(story.egressId, ({ status }) => status === 'ready')
    const before = await stats('')
    expect(before.total).toMatchObject({
      recordings: 1,
      ready: 1,
      sizeBytes: 10,
      durationMs: 60_000,
    })
    expect(before.rooms).toMatchObject([{ roomName: 'standup', recordings: 1 }])
    await env.DB.exec('DELETE FROM recordings')
    expect((await stats('')).total.recordings).toBe(0)
    let cursor: string | null = null
    do {
      const next: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`
      const response = await asAdmin(`/v1/rebuild${next}`, { method: 'POST' })
      cursor = (await response.json<{ nextCursor: string | null }>()).nextCursor
    } while (cursor !== null)
    expect(await stats('')).toEqual(before)
  })

  it('are of one room for a token of that room', async () => {
    await catalogued({ roomName: 'standup', startedAtMs: firstDayMs })
    await catalogued({ roomName: 'board', startedAtMs: firstDayMs })
    const token = await liveKitToken({ roomRecord: true, room: 'standup' })
    const range = 'from=2026-01-01&to=2026-01-02'
    const own = await asBearer(token, `/v1/stats?${range}`)
    expect(await own.json()).toMatchObject({
      total: { recordings: 1 },
      rooms: [{ roomName: 'standup', recordings: 1 }],
    })
    const other = await asBearer(token, `/v1/stats?${range}&room=board`)
    expect([other.status, await codeOf(other)]).toEqual([403, 'other-room'])
  })

  it.each([
    'from=2026-01-02&to=2026-01-01',
    'from=2025-01-01&to=2026-01-02',
    'from=yesterday',
    'from=2026-02-30',
    'rooms=101',
    'rooms=-1',
    'from=2026-01-01&from=2026-01-02',
  ])('of days that make no sense are refused: %s', async (query) => {
    expect((await asAdmin(`/v1/stats?${query}`)).status).toBe(400)
  })

  it('go up to the ends of time', async () => {
    for (const query of ['from=0000-01-01', 'to=9999-12-31', 'from=9999-12-31', 'to=0000-01-01']) {
      expect([200, 400], query).toContain((await asAdmin(`/v1/stats?${query}`)).status)
    }
  })
})
