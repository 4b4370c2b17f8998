// GET /v1/recordings against a plain program that looks at every recording: random catalogues, random queries, page after
// page, also while recordings are written between the pages. Written for pages that skip or repeat a row, for filters that
// an index answers almost, and for requests that make the Worker fail.
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CatalogueRecordings } from '../../src/catalog/recordings.ts'
import { hash } from '../../src/recording/hash.ts'
import type { Recording } from '../../src/recording/recording.ts'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { addressOf, passes, someQuery, someRecording, sortValue } from './list-model.ts'
import type { Asked } from './list-model.ts'
import { asAdmin, catalogued, codeOf, listed, readyRecording } from './story.ts'

interface Page {
  recordings: RecordingJson[]
  nextCursor: string | null
}

async function pageOf(query: string, cursor: string | null): Promise<Page> {
  const behind = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
  const response = await asAdmin(`/v1/recordings?${query}${behind}`)
  expect(response.status, query).toBe(200)
  return await response.json<Page>()
}

/** Every page, and what happens between them. */
async function walk(
  query: string,
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page: Page = await pageOf(query, cursor)
    seen.push(...page.recordings.map(({ egressId }) => egressId))
    cursor = page.nextCursor
    await between()
  } while (cursor !== null)
  return seen
}

let revision = 0

async function put(...recordings: Recording[]): Promise<void> {
  const catalogue = new CatalogueRecordings(env.DB)
  for (const recording of recordings) {
    revision = Math.max(revision + 1, Date.now())
    await catalogue.put(recording, revision, [])
  }
}

function expected(all: Iterable<Recording>, asked: Asked): Recording[] {
  return [...all]
    .filter((recording) => passes(recording, asked))
    .toSorted((a, b) => sortValue(a, asked.sort) - sortValue(b, asked.sort))
}

/** The same recordings, in an order in which each may stand where it does. */
function expectList(seen: string[], all: Map<string, Recording>, asked: Asked): void {
  const wanted = expected(all.values(), asked)
  expect(seen.toSorted()).toEqual(wanted.map(({ egressId }) => egressId).toSorted())
  const values = (recordings: (Recording | undefined)[]) =>
    recordings.map((recording) => recording && sortValue(recording, asked.sort))
  expect(values(seen.map((id) => all.get(id)))).toEqual(values(wanted))
}

describe('a list of recordings', () => {
  it('is what a program that looks at every one of them would answer, whatever is asked and in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someRecording, { minLength: 1, maxLength: 60 }),
        fc.array(fc.tuple(someQuery, fc.integer({ min: 1, max: 9 })), {
          minLength: 8,
          maxLength: 16,
        }),
        async (recordings, queries) => {
          await env.DB.exec('DELETE FROM recordings')
          await put(...recordings)
          const all = new Map(recordings.map((recording) => [recording.egressId, recording]))
          for (const [asked, limit] of queries) {
            expectList(await walk(`${addressOf(asked)}&limit=${limit}`), all, asked)
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  it('shows each recording that stays once, while others come, change and go between the pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someRecording, { minLength: 20, maxLength: 40 }),
        fc.array(someRecording, { minLength: 10, maxLength: 20 }),
        fc.array(someRecording, { minLength: 10, maxLength: 20 }),
        someQuery,
        async (staying, leaving, coming, asked) => {
          await env.DB.exec('DELETE FROM recordings')
          await put(...[staying, leaving].flat())
          let step = 0
          const seen = await walk(`${addressOf(asked)}&limit=4`, async () => {
            const [stays, leaves, comes] = [staying[step], leaving[step], coming[step]]
            step += 1
            // A recording that stays gets another title and goes through all of its life meanwhile.
            if (leaves !== undefined) await put({ ...leaves, status: 'deleted' })
            if (comes !== undefined) await put(comes)
            if (stays !== undefined) await put({ ...stays, endedAtMs: Date.now() })
          })
          expect(new Set(seen).size).toBe(seen.length)
          const wanted = expected(staying, asked).map(({ egressId }) => egressId)
          const known = new Set(staying.map(({ egressId }) => egressId))
          expect(seen.filter((id) => known.has(id)).toSorted()).toEqual(wanted.toSorted())
        },
      ),
      { numRuns: 25 },
    )
  })

  it('shows a recording once that ends between two pages', async () => {
    const running = Array.from({ length: 12 }, (_, index) =>
      readyRecording({ status: 'active', startedAtMs: 1_767_225_600_000 + Math.floor(index / 3) }),
    )
    await put(...running)
    const left = [...running]
    const seen = await walk('limit=2', async () => {
      const next = left.splice(5, 2)
      await put(...next.map((recording): Recording => ({ ...recording, status: 'ready' })))
    })
    expect(seen.toSorted()).toEqual(running.map(({ egressId }) => egressId).toSorted())
  })

  it('gives each its own place, where two would have the same one', async () => {
    const startedAtMs = 1_767_225_600_000
    // Ids whose places differ by less than the ids are many: the tie-break is taken from the hash of the id.
    const ids = Array.from({ length: 40_000 }, (_, index) => `EG_${index}`)
    const clashing = ids.filter((id) => Number.parseInt(hash(id).slice(0, 4), 16) % 2048 < 2)
    const same = clashing
      .slice(0, 20)
      .map((egressId, index) =>
        readyRecording({ egressId, startedAtMs, status: index % 3 === 0 ? 'active' : 'ready' }),
      )
    await put(...same)
    const count = 'SELECT count(DISTINCT position) AS places FROM recordings'
    expect(await env.DB.prepare(count).first('places')).toBe(20)
    expect((await walk('limit=3')).toSorted()).toEqual(
      same.map(({ egressId }) => egressId).toSorted(),
    )
    await put(...same.map((recording): Recording => ({ ...recording, status: 'ready' })))
    expect((await walk('limit=3')).toSorted()).toEqual(
      same.map(({ egressId }) => egressId).toSorted(),
    )
  })

  it('shows what an edit changed at once', async () => {
    const recording = await catalogued({ title: 'before', metadata: { customer: 'acme' } })
    const { egressId } = recording
    await put({ ...recording, title: 'after', metadata: { customer: 'other', level: 'gold' } })
    expect(await listed('?q=before')).toEqual([])
    expect(await listed('?q=aft')).toEqual([egressId])
    expect(await listed('?metadata[customer]=acme')).toEqual([])
    expect(await listed('?metadata[customer]=other&metadata[level]=gold')).toEqual([egressId])
  })

  it('shows the deleted ones to who asks for them only', async () => {
    const kept = await catalogued()
    const gone = await catalogued()
    await put({ ...gone, status: 'deleted' })
    expect(await listed()).toEqual([kept.egressId])
    expect(await listed('?status=deleted')).toEqual([gone.egressId])
    expect((await listed('?status=deleted&status=ready')).toSorted()).toEqual(
      [kept.egressId, gone.egressId].toSorted(),
    )
  })
})

describe('a cursor', () => {
  it.each([
    ['another filter', 'limit=1&room=standup', 'limit=1&room=other'],
    ['one filter less', 'limit=1&room=standup', 'limit=1'],
    ['another sort', 'limit=1', 'limit=1&sort=startedAt'],
    ['a sort by size', 'limit=1', 'limit=1&sort=-sizeBytes'],
  ])('that was answered to another query is refused: %s', async (_, first, second) => {
    for (let count = 0; count < 3; count += 1) await catalogued()
    const { nextCursor } = await pageOf(first, null)
    const response = await asAdmin(
      `/v1/recordings?${second}&cursor=${encodeURIComponent(nextCursor ?? '')}`,
    )
    expect([response.status, await codeOf(response)]).toEqual([400, 'cursor-of-another-query'])
  })

  it('goes on with pages of another size', async () => {
    for (let count = 0; count < 5; count += 1) await catalogued()
    const { nextCursor, recordings } = await pageOf('limit=1', null)
    const rest = await pageOf('limit=200', nextCursor)
    expect(rest.nextCursor).toBeNull()
    expect([...recordings, ...rest.recordings]).toHaveLength(5)
  })
})

describe('a request that makes no sense', () => {
  const oddTexts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '"',
      '*',
      'NEAR(a b)',
      'a AND',
      'fall:',
      '^a',
      '{terms}: a',
      "'; DROP TABLE recordings; --",
      '\u0000',
      '\ud800',
      '😀😀',
      '会'.repeat(300),
      'x'.repeat(4096),
      'a '.repeat(128),
      '会議'.repeat(128),
    ),
  )
  const oddNumbers = fc.constantFrom(
    '-1',
    '0',
    '1e400',
    '1.5',
    'NaN',
    '9007199254740993',
    '',
    ' 1',
    '0x10',
    '１',
  )
  const oddTimes = fc.constantFrom(
    '2026-01-01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2026-02-30T00:00:00Z',
    '',
    'now',
  )
  const oddQuery = fc.array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom(
          'q',
          'room',
          'metadata[a]',
          'metadata[',
          'metadata[]',
          'metadata',
          'cursor',
        ),
        oddTexts,
      ),
      fc.tuple(
        oddTexts.map((text) => `metadata[${text}]`),
        oddTexts,
      ),
      fc.tuple(fc.constantFrom('minDurationMs', 'maxDurationMs', 'limit'), oddNumbers),
      fc.tuple(fc.constantFrom('from', 'to'), oddTimes),
      fc.tuple(
        fc.constantFrom('status', 'kind', 'attention', 'sort'),
        fc.constantFrom(
          'ready',
          'deleted',
          'track',
          'true',
          'false',
          '-sizeBytes',
          '-durationMs',
          'x',
        ),
      ),
    ),
    { minLength: 1, maxLength: 6 },
  )

  it('is answered or refused, and never fails', async () => {
    await put(...fc.sample(someRecording, { numRuns: 30, seed: 1 }))
    await fc.assert(
      fc.asyncProperty(oddQuery, async (pairs) => {
        const query = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
        const response = await asAdmin(`/v1/recordings?${query}`)
        expect([200, 400]).toContain(response.status)
        await response.arrayBuffer()
      }),
      { numRuns: 300 },
    )
  })

  it('with a cursor that somebody made up is refused', async () => {
    const { nextCursor } = await (async () => {
      for (let count = 0; count < 3; count += 1) await catalogued()
      return pageOf('limit=1', null)
    })()
    const real = JSON.parse(atob(nextCursor ?? '')) as Record<string, unknown>
    for (const forged of [
      { ...real, value: '" OR "' },
      { ...real, value: '0000000000000001' },
      { ...real, position: -1 },
      { ...real, position: 1.5 },
      { ...real, position: '1' },
      { ...real, of: 1 },
      {},
      [],
      null,
    ]) {
      const cursor = encodeURIComponent(btoa(JSON.stringify(forged)))
      const response = await asAdmin(`/v1/recordings?limit=1&cursor=${cursor}`)
      expect(response.status, JSON.stringify(forged)).toBe(400)
    }
  })
})

/** Also what is no text: half of a pair is sent as the bytes that some clients make of it. */
function encode(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80'
}

describe('x-d1-bookmark', () => {
  it('is answered, and a request that carries it sees what was written before', async () => {
    await catalogued()
    const first = await asAdmin('/v1/recordings')
    const bookmark = first.headers.get('x-d1-bookmark') ?? ''
    expect(bookmark).toMatch(/^[0-9a-f-]+$/)
    const again = await asAdmin('/v1/recordings', { headers: { 'x-d1-bookmark': bookmark } })
    expect(again.status).toBe(200)
    expect((again.headers.get('x-d1-bookmark') ?? '') >= bookmark).toBe(true)
  })

  it.each(['garbage', "'", 'a'.repeat(500)])('that is none is refused: %s', async (bookmark) => {
    const response = await asAdmin('/v1/recordings', { headers: { 'x-d1-bookmark': bookmark } })
    expect(response.status).toBe(400)
  })
})
