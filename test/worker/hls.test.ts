// HLS: a playlist and its many segments. Exists for readers that see a list of files which are not there yet, for segments
// that never came, for folders too long for one go, and for processes that die anywhere in between.
import { abortAllDurableObjects } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import { put, putOver, watchBucket } from './bucket-safety.ts'
import { passUntil, passUntilQuiet, recordedNow, ring, stopTime } from './clock.ts'
import {
  bytesOf,
  expectWholeWhereListed,
  finalFolder,
  linkTo,
  play,
  playlistEnded,
  playlistStory,
  playlistText,
  putSegments,
  readPlaylistAt,
  ringUntilQuiet,
  segmentNames,
  segmentsInfo,
  tempFolder,
} from './folder-stories.ts'
import {
  breakStore,
  download,
  healStore,
  keysUnder,
  setLiveKit,
  storeHistory,
  storeRequests,
} from './outside.ts'
import { asAdmin, inStorage, objectOf, read, request, rowOf, timeline, webhooks } from './story.ts'
import { sweepNow } from './witness-stories.ts'

watchBucket()
beforeEach(stopTime)

const isReady = ({ status }: { status: string }): boolean => status === 'ready'

/** As LiveKit writes a live playlist: the last segments of all, and which number the first of them has. */
function liveText(names: string[]): string {
  return playlistText(names).replace('PLAYLIST-TYPE:EVENT', 'MEDIA-SEQUENCE:1234567890')
}

describe('W8: nobody said a word of a stream', () => {
  it.each([
    ['and its live playlist', 'live.m3u8'],
    ['and a live playlist whose name comes first', 'a-live.m3u8'],
    ['alone', null],
  ])('its playlist %s in the bucket: it is moved, with its segments', async (_, liveName) => {
    const story = playlistStory()
    const names = segmentNames(8)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    if (liveName !== null) await put(`${tempFolder(story)}${liveName}`, liveText(names.slice(-5)))
    await setLiveKit({ egresses: {} })
    await sweepNow()
    const ready = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(ready).toMatchObject({ recoveredBy: 'object', attention: null, error: null })
    const live = liveName === null ? [] : [[liveName, 'live_playlist', 'final']]
    expect(
      (await read(story.egressId)).files.map(({ name, kind, state }) => [name, kind, state]),
    ).toEqual([['index.m3u8', 'playlist', 'final'], ...live])
    expect(await keysUnder(tempFolder(story))).toEqual([])
    expect(await keysUnder(finalFolder(story))).toHaveLength(names.length + 1 + live.length)
  })

  it('a file beside it had told of the end, and was moved, before the stream was seen', async () => {
    const story = playlistStory()
    const names = segmentNames(4)
    await put(`${tempFolder(story)}video.mp4`, 'bytes of the file')
    await setLiveKit({ egresses: {} })
    await sweepNow()
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    await putSegments(tempFolder(story), names)
    await put(`${tempFolder(story)}live.m3u8`, liveText(names))
    await sweepNow()
    await passUntilQuiet(story.egressId)
    // A live playlist by itself is no stream.
    expect((await read(story.egressId)).files.map(({ name }) => name)).toEqual(['video.mp4'])
    await put(story.filename, playlistText(names))
    await sweepNow()
    await passUntilQuiet(story.egressId)
    const { status, attention, files } = await read(story.egressId)
    expect([status, attention]).toEqual(['ready', null])
    expect(files.map(({ name, state }) => [name, state])).toEqual([
      ['video.mp4', 'final'],
      ['index.m3u8', 'final'],
      ['live.m3u8', 'final'],
    ])
    expect(await keysUnder(tempFolder(story))).toEqual([])
  })
})

describe('a playlist', () => {
  it('is ready when every segment is moved, and the playlists come last of all', async () => {
    const story = playlistStory()
    const names = segmentNames(20)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await put(`${tempFolder(story)}live.m3u8`, playlistText(names.slice(-5)))
    const { length } = await storeHistory(Number.MAX_SAFE_INTEGER)
    const live = {
      livePlaylistName: `${tempFolder(story)}live.m3u8`,
      livePlaylistLocation: 'https://store.example/live.m3u8',
    }
    await webhooks(playlistEnded(story, { segmentResults: [segmentsInfo(story, live)] }))
    await ringUntilQuiet(story, async () =>
      expectWholeWhereListed(story, ['index.m3u8', 'live.m3u8'], names),
    )
    const recording = await read(story.egressId)
    expect(recording).toMatchObject({ status: 'ready', attention: null, error: null })
    expect(recording.files.map(({ name, kind, state }) => [name, kind, state])).toEqual([
      ['index.m3u8', 'playlist', 'final'],
      ['live.m3u8', 'live_playlist', 'final'],
    ])
    const { requests } = await storeHistory(length)
    const puts = requests.filter(({ method }) => method === 'PUT').map(({ key }) => key)
    expect(puts.slice(-2)).toEqual(
      ['index.m3u8', 'live.m3u8'].map((name) => `${finalFolder(story)}${name}`),
    )
    const lastLookedAt = (key: string): number =>
      requests.findIndex(
        (seen) => seen.method === 'HEAD' && seen.key === key && seen.storeStatus === 200,
      )
    const published = requests.findIndex(
      ({ method, key }) => method === 'PUT' && key.endsWith('.m3u8'),
    )
    for (const name of names) {
      const at = lastLookedAt(`${finalFolder(story)}${name}`)
      expect(at, `the copy of ${name} was looked at`).toBeGreaterThan(-1)
      expect(at).toBeLessThan(published)
    }
    expect(await keysUnder(tempFolder(story))).toEqual([])
    expect(await keysUnder(finalFolder(story))).toHaveLength(names.length + 2)
  })

  it('plays through a link, each segment from the store, and keeps its content type', async () => {
    const story = playlistStory()
    const names = segmentNames(3)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    await passUntil(story.egressId, isReady)
    const played = await play(await linkTo(story))
    expect([...played.bytes]).toEqual(names.map((name) => [name, bytesOf(name)]))
    expect(played.text).toBe(playlistText(names))
    const byName = await asAdmin(`/v1/recordings/${story.egressId}/play?file=index.m3u8`)
    // Whoever plays it has no bearer token, and asks for names beside the address.
    const address = byName.headers.get('location') ?? ''
    expect([byName.status, new URL(address).pathname]).toEqual([
      302,
      expect.stringMatching(/^\/play\/eyJ[^/]+\/index\.m3u8$/),
    ])
    const list = await request(new URL(address).pathname)
    expect(list.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
    const segment = new URL(
      (await list.text()).split('\n').find((line) => line.endsWith('.ts')) ?? '',
      address,
    )
    expect((await request(segment.pathname)).headers.get('location')).toContain('X-Amz-Signature')
  })

  it('S11: segments with any sign in their names, and in folders of their own, are moved and play', async () => {
    const story = playlistStory()
    const names = [
      'a b+c%20d%.ts',
      'what?is#this&that=1.ts',
      `quotes "and' (so) !*.ts`,
      '会议 🎬.ts',
      'parts/seg_00000.ts',
      'u\u0308ber.ts',
      'EXTINF:6.ts',
    ]
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    const recording = await passUntil(story.egressId, isReady)
    expect(recording.attention).toBeNull()
    const played = await play(await linkTo(story))
    expect([...played.bytes.values()]).toEqual(names.map((name) => bytesOf(name)))
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(tempFolder(story))).toEqual([])
  })

  it('never moves or deletes what lies beside it and in no list', async () => {
    const story = playlistStory()
    const names = segmentNames(3)
    const others = ['seg_00003.ts', 'notes.txt', 'other/seg_00000.ts']
    await putSegments(tempFolder(story), [...names, ...others])
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(tempFolder(story))).toEqual(
      others.map((name) => `${tempFolder(story)}${name}`).toSorted(),
    )
  })

  it('that names files of others moves none of them, and plays the rest', async () => {
    const story = playlistStory()
    const victim = recordedNow()
    await put(victim.filename, 'somebody else’s')
    const names = segmentNames(2)
    await putSegments(tempFolder(story), names)
    const foreign = [`../${victim.egressId}/video.mp4`, '/tmp/x.ts', 'https://evil.example/x.ts']
    await put(story.filename, playlistText([...names, ...foreign]))
    await webhooks(playlistEnded(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await download(victim.filename)).toBe('somebody else’s')
    expect(await keysUnder(finalFolder(story))).toEqual(
      ['index.m3u8', ...names].map((name) => `${finalFolder(story)}${name}`).toSorted(),
    )
    const played = await play(await linkTo(story))
    expect(played.text).not.toMatch(/^(https?:|\/|\.\.\/)/m)
    expect(played.text.match(/^elsewhere$/gm)).toHaveLength(foreign.length)
    expect([...played.bytes.values()]).toEqual([...names.map((name) => bytesOf(name)), null])
  })

  it('of an egress that failed has no end: it moves, plays to its end, and a person is told', async () => {
    const story = playlistStory()
    const names = segmentNames(4)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names, false))
    const more = { error: 'S3 upload failed: timeout', errorCode: 400 }
    await webhooks(playlistEnded(story, more, 'EGRESS_FAILED'))
    const recording = await passUntil(story.egressId, isReady)
    expect(recording).toMatchObject({ partial: true, attention: 'open-playlist' })
    expect(recording.error?.message).toBe('S3 upload failed: timeout')
    expect(await download(`${finalFolder(story)}index.m3u8`)).toBe(playlistText(names, false))
    const played = await play(await linkTo(story))
    // A list without an end is a live stream to a player.
    expect(played.text).toBe(playlistText(names))
    expect([...played.bytes.values()]).toEqual(names.map((name) => bytesOf(name)))
  })

  it('of an egress that died without a word of its location is found by its name', async () => {
    const story = playlistStory()
    const names = segmentNames(2)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names, false))
    const told = { playlistName: story.filename }
    await webhooks(
      playlistEnded(story, { segmentResults: [told], error: 'signal: killed' }, 'EGRESS_FAILED'),
    )
    const recording = await passUntil(story.egressId, isReady)
    expect(recording).toMatchObject({ partial: true, attention: 'open-playlist' })
    expect([...(await play(await linkTo(story))).bytes.keys()]).toEqual(names)
  })

  it('W11: of an egress that reached its limit is ready and whole', async () => {
    const story = playlistStory()
    const names = segmentNames(4)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story, { error: 'Session limit reached' }, 'EGRESS_LIMIT_REACHED'))
    const recording = await passUntil(story.egressId, isReady)
    expect(recording).toMatchObject({ limitReached: true, partial: false, attention: null })
  })

  it('that never came leaves its segments and the live playlist where they are, and a person is told', async () => {
    const story = playlistStory()
    const names = segmentNames(2)
    await putSegments(tempFolder(story), names)
    await put(`${tempFolder(story)}live.m3u8`, playlistText(names))
    const live = {
      livePlaylistName: `${tempFolder(story)}live.m3u8`,
      livePlaylistLocation: 'https://store.example/live.m3u8',
    }
    await webhooks(playlistEnded(story, { segmentResults: [segmentsInfo(story, live)] }))
    const recording = await passUntil(story.egressId, ({ status }) => status === 'failed')
    expect(recording).toMatchObject({ attention: 'missing', error: { code: 'missing' } })
    expect(await keysUnder(finalFolder(story))).toEqual([])
    expect(await keysUnder(tempFolder(story))).toHaveLength(3)
  })

  it('that is another one by the time its segments are there is read again before it is shown', async () => {
    const story = playlistStory()
    const names = segmentNames(12)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names.slice(0, 8), false))
    await webhooks(playlistEnded(story))
    await ring(story.egressId)
    await ring(story.egressId)
    expect(await keysUnder(finalFolder(story))).toHaveLength(7)
    await putOver(story.filename, playlistText(names))
    await ringUntilQuiet(story, async () => expectWholeWhereListed(story, ['index.m3u8'], names))
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
    expect(await download(`${finalFolder(story)}index.m3u8`)).toBe(playlistText(names))
    expect(await keysUnder(tempFolder(story))).toEqual([])
  })
})

describe('S8: a long folder with a segment missing', () => {
  it('is moved in bounded steps with growing progress, tells of the gap, and plays the rest', async () => {
    const story = playlistStory()
    const names = segmentNames(120)
    const [gap = ''] = names.splice(57, 1)
    await putSegments(tempFolder(story), names)
    const listed = names.toSpliced(57, 0, gap)
    await put(story.filename, playlistText(listed))
    const sizeBytes = names.reduce((sum, name) => sum + bytesOf(name).length, 0)
    await webhooks(
      playlistEnded(story, { segmentResults: [segmentsInfo(story, { size: String(sizeBytes) })] }),
    )
    const done: number[] = []
    const shown = new Set<number>()
    let before = (await storeRequests()).length
    await ringUntilQuiet(story, async () => {
      const now = (await storeRequests()).length
      expect(now - before, 'requests of one go').toBeLessThanOrEqual(45)
      before = now
      const { progress } = (await objectOf(story.egressId).read()) ?? {}
      if (progress) done.push(progress.doneBytes)
      const row = await rowOf(story.egressId)
      if (row?.progress) shown.add(row.progress.doneBytes)
    })
    expect(done.length, 'goes').toBeGreaterThan(15)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(new Set(done).size).toBeGreaterThan(15)
    expect(shown.size, 'times that the catalogue told of it').toBeGreaterThanOrEqual(8)
    expect(shown.size).toBeLessThanOrEqual(12)

    const recording = await read(story.egressId)
    expect(recording).toMatchObject({ status: 'ready', attention: 'missing-segments', error: null })
    expect(recording.files[0]?.missing).toEqual([gap])
    const items = await timeline(story.egressId)
    expect(
      items.filter(({ type }) => type === 'segment.missing').map(({ detail }) => detail['name']),
    ).toEqual([gap])
    expect(items.length, 'items of the timeline').toBeLessThan(60)
    expect(await keysUnder(tempFolder(story))).toEqual([])
    const stateBytes = await inStorage(
      story.egressId,
      (storage) => storage.sql.exec<{ json: string }>('SELECT json FROM state').one().json.length,
    )
    expect(stateBytes, 'bytes of the state').toBeLessThan(10_000)

    const played = await play(await linkTo(story))
    expect([...played.bytes]).toEqual(
      listed.map((name) => [name, name === gap ? null : bytesOf(name)]),
    )
  }, 180_000)

  it.each([
    ['a person has it looked for', 'reconcile'],
    ['the sweep finds it', 'sweep'],
  ])('the segment that comes late is brought home when %s', async (_, by) => {
    const story = playlistStory()
    const names = segmentNames(10)
    const [late = '', ...others] = names
    await putSegments(tempFolder(story), others)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    const lacking = await passUntil(story.egressId, isReady)
    expect(lacking.attention).toBe('missing-segments')
    await passUntilQuiet(story.egressId)
    await putSegments(tempFolder(story), [late])
    if (by === 'sweep') await sweepNow()
    else await asAdmin(`/v1/recordings/${story.egressId}/reconcile`, { method: 'POST' })
    await passUntil(
      story.egressId,
      ({ attention, status }) => attention === null && status === 'ready',
    )
    await passUntilQuiet(story.egressId)
    expect(await download(`${finalFolder(story)}${late}`)).toBe(bytesOf(late))
    expect(await keysUnder(tempFolder(story))).toEqual([])
    expect(await download(`${finalFolder(story)}index.m3u8`)).toBe(playlistText(names))
  })

  it('with more segments missing than anybody reads names a hundred of them and counts on', async () => {
    const story = playlistStory()
    const names = segmentNames(130)
    await putSegments(tempFolder(story), names.slice(0, 2))
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    const recording = await passUntil(story.egressId, isReady)
    expect(recording.attention).toBe('missing-segments')
    expect(recording.files[0]?.missing).toHaveLength(100)
    const items = await timeline(story.egressId)
    expect(items.filter(({ type }) => type === 'segment.missing')).toHaveLength(100)
  }, 60_000)
})

describe('S9: a final key that is taken', () => {
  it('by somebody else’s segment: it stays, ours stays in the temp folder, and a person is told', async () => {
    const story = playlistStory()
    const names = segmentNames(3)
    await put(`${finalFolder(story)}seg_00001.ts`, 'somebody else’s')
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    const recording = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(recording.attention).toBe('missing-segments')
    expect(await download(`${finalFolder(story)}seg_00001.ts`)).toBe('somebody else’s')
    expect(await keysUnder(tempFolder(story))).toEqual([`${tempFolder(story)}seg_00001.ts`])
  })
})

describe('W21: a second run that writes a playlist and segments of the same names', () => {
  it('gets a folder of its own: the newest plays, the first is kept as it was', async () => {
    const story = playlistStory()
    const names = segmentNames(9)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)

    const again = { ...story, endedAtMs: story.endedAtMs + 120_000 }
    const second = segmentNames(5)
    await putSegments(tempFolder(story), second, 2)
    await put(story.filename, playlistText(second))
    await webhooks(playlistEnded(again))
    const recording = await passUntil(
      story.egressId,
      ({ status, files }) => status === 'ready' && files.length === 2,
    )
    await passUntilQuiet(story.egressId)
    expect(recording.attention).toBe('duplicate-run')
    expect(recording.files.map(({ name }) => name)).toEqual(['index.m3u8', 'run-2/index.m3u8'])
    const path = await linkTo(story)
    const newest = await play(path)
    expect([...newest.bytes.values()]).toEqual(second.map((name) => bytesOf(name, 2)))
    const first = await readPlaylistAt(new URL(`https://roomtape.test${path}/index.m3u8`))
    expect([...first.bytes.values()]).toEqual(names.map((name) => bytesOf(name)))
    expect(await keysUnder(tempFolder(story))).toEqual([])
  })
})

describe('a playlist that something else is given for', () => {
  it.each([
    ['the page of a proxy', '<!DOCTYPE html>\n<html>\nWelcome!\n</html>'],
    ['nothing', ''],
  ])(
    'S3: %s, with status 200: is asked for again, and no line of it is a missing segment',
    async (_, body) => {
      const story = playlistStory()
      const names = segmentNames(3)
      await putSegments(tempFolder(story), names)
      await put(story.filename, playlistText(names))
      await breakStore({
        method: 'GET',
        key: 'index.m3u8',
        times: 3,
        answer: { status: 200, body },
      })
      await webhooks(playlistEnded(story))
      await passUntil(story.egressId, isReady)
      await passUntilQuiet(story.egressId)
      expect(await read(story.egressId)).toMatchObject({ attention: null, error: null })
      expect(await keysUnder(tempFolder(story))).toEqual([])
      expect(await keysUnder(finalFolder(story))).toHaveLength(names.length + 1)
    },
  )
})

describe('S6: a segment that is written again', () => {
  it('between the look and its copy is copied as it is now, and no other', async () => {
    const story = playlistStory()
    const names = segmentNames(2)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    const [first = ''] = names
    await breakStore({
      method: 'PUT',
      key: `recordings/${story.egressId}/${first}`,
      times: 1,
      waits: 'before',
    })
    await webhooks(playlistEnded(story))
    // The first finds the playlist.
    await ring(story.egressId)
    const rung = ring(story.egressId)
    await expect
      .poll(async () =>
        (await storeRequests()).some(({ method, key }) => method === 'PUT' && key.endsWith(first)),
      )
      .toBe(true)
    await putOver(`${tempFolder(story)}${first}`, bytesOf(first, 2))
    await healStore()
    await rung
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ attention: null, error: null })
    expect(await download(`${finalFolder(story)}${first}`)).toBe(bytesOf(first, 2))
    expect(await keysUnder(tempFolder(story))).toEqual([])
  })

  it('after its copy stays in the temp folder: the copy plays, and nothing is lost', async () => {
    const story = playlistStory()
    const names = segmentNames(2)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    const [first = ''] = names
    await breakStore({ method: 'PUT', key: 'index.m3u8', times: 1, answer: { status: 503 } })
    await webhooks(playlistEnded(story))
    await ring(story.egressId)
    await ring(story.egressId)
    expect(await download(`${finalFolder(story)}${first}`)).toBe(bytesOf(first))
    await putOver(`${tempFolder(story)}${first}`, bytesOf(first, 2))
    await healStore()
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await download(`${finalFolder(story)}${first}`)).toBe(bytesOf(first))
    expect(await keysUnder(tempFolder(story))).toEqual([`${tempFolder(story)}${first}`])
  })
})

describe('S1: a store that fails in the middle of a folder', () => {
  it('is tried again with growing pauses, and nothing is shown before it is whole', async () => {
    const story = playlistStory()
    const names = segmentNames(16)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    await ring(story.egressId)
    await breakStore({ method: 'PUT', key: 'seg_00009', times: 3, answer: { status: 503 } })
    await ringUntilQuiet(story, async () => expectWholeWhereListed(story, ['index.m3u8'], names))
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
    const failures = (await timeline(story.egressId)).filter(
      ({ type }) => type === 'folder.copy-files-failed',
    )
    expect(failures).toHaveLength(1)
  })

  it('for good with one segment: a person is told which, and nothing is shown', async () => {
    const story = playlistStory()
    const names = segmentNames(4)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await breakStore({ method: 'PUT', key: 'seg_00002', answer: { status: 503 } })
    await webhooks(playlistEnded(story))
    const recording = await passUntil(story.egressId, ({ attention }) => attention !== null)
    expect(recording).toMatchObject({ status: 'processing', attention: 'store-outage' })
    expect(await keysUnder(finalFolder(story))).not.toContain(`${finalFolder(story)}index.m3u8`)
    await healStore()
    await passUntil(story.egressId, (healed) => isReady(healed) && healed.attention === null)
  })
})

describe('S2: killed in the middle of a folder', () => {
  const requests = Array.from({ length: 34 }, (_, at) => at)
  it.each(
    requests.flatMap((at) => [
      { at, waits: 'after' as const },
      ...(at % 4 === 0 ? [{ at, waits: 'before' as const }] : []),
    ]),
  )('$waits request $at was done: ends the same', async ({ at, waits }) => {
    const story = playlistStory()
    const names = segmentNames(3)
    await putSegments(tempFolder(story), names)
    await put(story.filename, playlistText(names))
    await webhooks(playlistEnded(story))
    await healStore()
    await breakStore({ skip: at, times: 1, waits })
    let isHeld = false
    while (!isHeld) {
      const rung = ring(story.egressId).then(
        (hasRung) => (hasRung ? 'rung' : 'rest'),
        () => 'cut',
      )
      const held = expect
        .poll(async () => (await storeRequests()).length, { interval: 5, timeout: 3_000 })
        .toBeGreaterThan(at)
        .then(
          () => 'held',
          () => 'never',
        )
      const first = await Promise.race([rung, held])
      isHeld = first === 'held' || (await storeRequests()).length > at
      if (!isHeld) expect(first).toBe('rung')
      if (isHeld) {
        await abortAllDurableObjects()
        await healStore()
        await rung
      }
    }
    await ringUntilQuiet(story, async () => expectWholeWhereListed(story, ['index.m3u8'], names))
    expect(await read(story.egressId)).toMatchObject({
      status: 'ready',
      attention: null,
      error: null,
      files: [{ name: 'index.m3u8', state: 'final' }],
    })
    expect(await keysUnder(tempFolder(story))).toEqual([])
    expect(await keysUnder(finalFolder(story))).toEqual(
      ['index.m3u8', ...names].map((name) => `${finalFolder(story)}${name}`),
    )
    for (const name of names)
      expect(await download(`${finalFolder(story)}${name}`)).toBe(bytesOf(name))
  })
})
