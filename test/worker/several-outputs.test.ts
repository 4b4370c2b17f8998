// One egress, several outputs: a file and a playlist and images, each kind of file, and some of them missing. Exists for
// recordings of which a part is there: that part must play, and nobody may take it for the whole.
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import vectors from '../vectors/livekit-webhooks.json'
import { put, tenBytes, watchBucket } from './bucket-safety.ts'
import { passUntil, passUntilQuiet, recordedNow, stopTime } from './clock.ts'
import {
  bytesOf,
  finalFolder,
  linkTo,
  playlistText,
  putSegments,
  readPlaylistAt,
  segmentNames,
  segmentsInfo,
  tempFolder,
} from './folder-stories.ts'
import { download, headersOf, keysUnder, upload } from './outside.ts'
import { asAdmin, read, request, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)

const isReady = ({ status }: { status: string }): boolean => status === 'ready'

describe('a file', () => {
  it.each([
    ['video.mp4', 'video', 'video/mp4'],
    ['video.webm', 'video', 'video/webm'],
    ['talk.ogg', 'audio', 'audio/ogg'],
    ['talk.mp3', 'audio', 'audio/mpeg'],
  ])('%s is %s and %s', async (name, kind, contentType) => {
    const story = recordedNow()
    story.filename = `${tempFolder(story)}${name}`
    const bytes = tenBytes()
    // A store, or an uploader, that knows no better.
    await upload(story.filename, bytes, 'application/octet-stream')
    await webhooks(...wholeLife(story))
    const recording = await passUntil(story.egressId, isReady)
    expect(recording.files).toMatchObject([
      { name, kind, contentType, state: 'final', sizeBytes: 10 },
    ])
    const final = `${finalFolder(story)}${name}`
    expect((await headersOf(final)).get('content-type')).toBe(contentType)
    expect(await download(final)).toBe(bytes)
  })
})

describe('several outputs', () => {
  it('as in the golden webhook, with real objects: all of them move, and the video plays', async () => {
    const vector = vectors.vectors.find(({ name }) => name.startsWith('13'))
    const egressId = 'EG_3bC4dE5fG6hJ'
    const folder = 'tmp/rec_02/'
    const names = segmentNames(10)
    const images = Array.from({ length: 6 }, (_, at) => `thumb_0000${at}.jpeg`)
    await upload(`${folder}video.mp4`, new Uint8Array(7_340_032))
    await putSegments(folder, names)
    await put(`${folder}index.m3u8`, playlistText(names))
    await put(`${folder}live.m3u8`, playlistText(names.slice(-5)))
    for (const name of images) await put(`${folder}${name}`, name)
    await put(`${folder}${egressId}.json`, '{}')
    const response = await request('/webhooks/livekit', {
      method: 'POST',
      body: vector?.body ?? '',
      headers: vector?.headers ?? {},
    })
    expect(response.status).toBe(200)
    const recording = await passUntil(egressId, isReady)
    await passUntilQuiet(egressId)
    expect(recording).toMatchObject({ attention: null, error: null, partial: false })
    const finals = await read(egressId)
    expect(finals.files.map(({ name, kind, state }) => [name, kind, state])).toEqual([
      ['video.mp4', 'video', 'final'],
      ['index.m3u8', 'playlist', 'final'],
      ['live.m3u8', 'live_playlist', 'final'],
      [`${egressId}.json`, 'manifest', 'final'],
      ...images.map((name) => [name, 'image', 'final']),
    ])
    expect(await keysUnder(folder)).toEqual([])
    const story = { ...recordedNow(), egressId }
    const path = await linkTo(story)
    const main = await request(path)
    expect(main.headers.get('location')).toContain('video.mp4')
    const { bytes } = await readPlaylistAt(new URL(`https://roomtape.test${path}/index.m3u8`))
    expect([...bytes.values()]).toEqual(names.map((name) => bytesOf(name)))
    expect((await request(`${path}/thumb_00003.jpeg`)).status).toBe(302)
    expect(env.TEMP_PREFIX).toBe('tmp/')
  })

  it('of which one failed to upload: what is there plays, and the recording says that it is partial', async () => {
    const story = recordedNow()
    const names = segmentNames(3)
    await putSegments(tempFolder(story), names)
    const playlist = { ...story, filename: `${tempFolder(story)}index.m3u8` }
    await put(playlist.filename, playlistText(names))
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_FAILED', story, {
        error: 'S3 upload failed: timeout',
        fileResults: [{ filename: story.filename }],
        segmentResults: [segmentsInfo(playlist)],
      }),
    )
    const recording = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(recording).toMatchObject({
      partial: true,
      error: { code: 'egress-failed', message: 'S3 upload failed: timeout' },
    })
    expect((await read(story.egressId)).files.map(({ name }) => name)).toEqual(['index.m3u8'])
    const { bytes } = await readPlaylistAt(
      new URL(`https://roomtape.test${await linkTo(story)}/index.m3u8`),
    )
    expect([...bytes.values()]).toEqual(names.map((name) => bytesOf(name)))
  })

  it('of which the playlist failed: the file plays, and the recording says that it is partial', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await putSegments(tempFolder(story), segmentNames(2))
    const told = { playlistName: `${tempFolder(story)}index.m3u8` }
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_FAILED', story, {
        error: 'S3 upload failed: timeout',
        fileResults: [uploaded(story)],
        segmentResults: [told],
      }),
    )
    const recording = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(recording.partial).toBe(true)
    const redirect = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    expect(await (await fetch(redirect.headers.get('location') ?? '')).text()).toBe(bytes)
    // Nothing lists them, so nothing takes them away.
    expect(await keysUnder(tempFolder(story))).toHaveLength(2)
  })
})
