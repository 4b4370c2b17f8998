// Image outputs: a picture every few seconds, thousands of them, known only by the beginning of their names. Exists for
// folders that are shared with others, names that meet, and lists that would not fit any answer.
import { beforeEach, describe, expect, it } from 'vitest'
import { egressEvent, uploaded } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { put, tenBytes, watchBucket } from './bucket-safety.ts'
import { passUntil, passUntilQuiet, recordedNow, stopTime } from './clock.ts'
import { finalFolder, linkTo, ringUntilQuiet, tempFolder } from './folder-stories.ts'
import { download, keysUnder, storeRequests, upload } from './outside.ts'
import { asAdmin, codeOf, inStorage, read, request, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)

const isReady = ({ status }: { status: string }): boolean => status === 'ready'
const imageNames = (count: number, prefix = 'thumb'): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}_${String(at).padStart(5, '0')}.jpeg`)

function imagesEnded(story: Recorded, prefixes: string[], more: Record<string, unknown> = {}) {
  const imageResults = prefixes.map((filenamePrefix) => ({ filenamePrefix, imageCount: '3' }))
  return egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
    fileResults: [],
    imageResults,
    ...more,
  })
}

async function putImages(folder: string, names: string[], of = ''): Promise<void> {
  for (let at = 0; at < names.length; at += 20)
    await Promise.all(
      names.slice(at, at + 20).map(async (name) => put(`${folder}${name}`, `image ${of}${name}`)),
    )
}

async function loaded(path: string): Promise<string> {
  const redirect = await request(path)
  expect(redirect.status, path).toBe(302)
  return (await fetch(redirect.headers.get('location') ?? '')).text()
}

describe('W21: a second run of an egress that writes images of the same names', () => {
  it('is kept beside the first, and a person is told', async () => {
    const story = recordedNow()
    const names = imageNames(3)
    await putImages(tempFolder(story), names)
    await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    await putImages(tempFolder(story), names.slice(1), 'the second run ')
    const second = { ...story, endedAtMs: story.endedAtMs + 60_000 }
    await webhooks(imagesEnded(second, [`${tempFolder(story)}thumb`]))
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(tempFolder(story))).toEqual([])
    const folder = finalFolder(story)
    for (const name of names) expect(await download(`${folder}${name}`)).toBe(`image ${name}`)
    for (const name of names.slice(1))
      expect(await download(`${folder}images-2/${name}`)).toBe(`image the second run ${name}`)
    const recording = await read(story.egressId)
    expect(recording).toMatchObject({ status: 'ready', attention: 'duplicate-run' })
    expect(recording.files.map(({ name }) => name)).toEqual([
      ...names,
      ...names.slice(1).map((name) => `images-2/${name}`),
    ])
  })

  it('another end of the same run finds no images, and changes nothing', async () => {
    const story = recordedNow()
    await putImages(tempFolder(story), imageNames(2))
    await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    const before = await read(story.egressId)
    const again = { ...story, endedAtMs: story.endedAtMs + 2_000 }
    await webhooks(imagesEnded(again, [`${tempFolder(story)}thumb`]))
    await passUntilQuiet(story.egressId)
    const { files, attention, status } = await read(story.egressId)
    expect({ files, attention, status }).toEqual({
      files: before.files,
      attention: null,
      status: 'ready',
    })
  })
})

describe('images', () => {
  it('beside a video are moved in bounded steps, listed up to a limit, and each is to be had by its name', async () => {
    const story = recordedNow()
    await put(story.filename, tenBytes())
    const names = imageNames(120)
    await putImages(tempFolder(story), names)
    await webhooks(
      imagesEnded(story, [`${tempFolder(story)}thumb`], { fileResults: [uploaded(story)] }),
    )
    let before = (await storeRequests()).length
    await ringUntilQuiet(story, async () => {
      const now = (await storeRequests()).length
      expect(now - before, 'requests of one go').toBeLessThanOrEqual(45)
      before = now
    })
    const recording = await read(story.egressId)
    expect(recording).toMatchObject({ status: 'ready', attention: null })
    const images = recording.files.filter(({ kind }) => kind === 'image')
    expect(images.map(({ name }) => name)).toEqual(names.slice(0, 100))
    expect(await keysUnder(tempFolder(story))).toEqual([])
    expect(await keysUnder(finalFolder(story))).toHaveLength(121)
    const path = await linkTo(story, { maxPlays: 1 })
    for (const name of [names[0], names[99], names[119]])
      expect(await loaded(`${path}/${name}`)).toBe(`image ${name}`)
    expect(await loaded(path)).toHaveLength(10)
    const stateBytes = await inStorage(
      story.egressId,
      (storage) => storage.sql.exec<{ json: string }>('SELECT json FROM state').one().json.length,
    )
    expect(stateBytes, 'bytes of the state').toBeLessThan(30_000)
  }, 120_000)

  it('alone are a recording, which has nothing to play but its images', async () => {
    const story = recordedNow()
    await putImages(tempFolder(story), imageNames(3))
    await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
    const recording = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(recording).toMatchObject({ error: null, attention: null, partial: false })
    expect(await loaded(`${await linkTo(story)}/thumb_00001.jpeg`)).toBe('image thumb_00001.jpeg')
    const byApi = await asAdmin(`/v1/recordings/${story.egressId}/play?file=thumb_00002.jpeg`)
    expect(byApi.status).toBe(302)
    expect((await asAdmin(`/v1/recordings/${story.egressId}/play`)).status).toBe(409)
  })

  it('that never came leave the recording failed, not waiting for ever', async () => {
    const story = recordedNow()
    await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
    const recording = await passUntil(story.egressId, ({ status }) => status === 'failed')
    expect(recording.error?.code).toBe('no-file')
  })

  it('of two outputs with the same names do not meet: each is kept', async () => {
    const story = recordedNow()
    await putImages(`${tempFolder(story)}left/`, imageNames(3), 'left ')
    await putImages(`${tempFolder(story)}right/`, imageNames(3), 'right ')
    const prefixes = ['left', 'right'].map((side) => `${tempFolder(story)}${side}/thumb`)
    await webhooks(imagesEnded(story, prefixes))
    const recording = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(recording.files.map(({ name }) => name)).toEqual([
      ...imageNames(3),
      ...imageNames(3).map((name) => `images-2/${name}`),
    ])
    const path = await linkTo(story)
    expect(await loaded(`${path}/thumb_00000.jpeg`)).toBe('image left thumb_00000.jpeg')
    expect(await loaded(`${path}/images-2/thumb_00000.jpeg`)).toBe('image right thumb_00000.jpeg')
    expect(await keysUnder(tempFolder(story))).toEqual([])
  })

  it('of others whose names begin alike stay where they are', async () => {
    const story = recordedNow()
    await putImages(tempFolder(story), imageNames(2))
    const others = [
      'thumbnail_00001.jpeg',
      'thumb-of-others/a.jpeg',
      'thumb_00001.jpeg.tmp',
      'thumb.json',
    ]
    for (const name of others) await put(`${tempFolder(story)}${name}`, name)
    await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(tempFolder(story))).toEqual(
      others.map((name) => `${tempFolder(story)}${name}`).toSorted(),
    )
  })

  it.each(['thumb.jpeg', 'thumb_20260101000000123.jpeg', 'thumb_00000.png'])(
    'named as LiveKit names them, like %s, are found',
    async (name) => {
      const story = recordedNow()
      await putImages(tempFolder(story), [name])
      await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
      const recording = await passUntil(story.egressId, isReady)
      expect(recording.files.map((file) => file.name)).toEqual([name])
    },
  )

  it.each(['../../video.mp4', '..%2fother.jpeg', '/etc/passwd', 'notes.txt', 'run-2//x.jpeg'])(
    'do not open a way to %s',
    async (name) => {
      const story = recordedNow()
      await putImages(tempFolder(story), imageNames(1))
      await upload(`recordings/other.jpeg`, 'somebody else’s')
      await webhooks(imagesEnded(story, [`${tempFolder(story)}thumb`]))
      await passUntil(story.egressId, isReady)
      const query = `?file=${encodeURIComponent(name)}`
      const byApi = await asAdmin(`/v1/recordings/${story.egressId}/play${query}`)
      if (byApi.status === 302) {
        const { pathname } = new URL(byApi.headers.get('location') ?? '')
        expect(pathname).toContain(`/recordings/recordings/${story.egressId}/`)
      } else expect([byApi.status, await codeOf(byApi)]).toEqual([404, 'file-not-found'])
      const byLink = await request(`${await linkTo(story)}/${encodeURIComponent(name)}`)
      expect([302, 404]).toContain(byLink.status)
      if (byLink.status === 302)
        expect(new URL(byLink.headers.get('location') ?? '').pathname).toContain(
          `/recordings/recordings/${story.egressId}/`,
        )
      expect(await download('recordings/other.jpeg')).toBe('somebody else’s')
    },
  )
})
