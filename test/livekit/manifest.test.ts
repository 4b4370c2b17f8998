// Manifests of both styles into observations. What must not happen: a nanosecond that a double rounds, a name that is
// decoded although nobody encoded it, a stranger's JSON taken for a manifest, or one that makes the reader throw.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { egressIdOfManifest, isManifestName, readManifest } from '../../src/livekit/manifest.ts'

const id = 'EG_2aB3cD4eF5gH'
const bucket = 'https://store.example/recordings/'

function text(more: string): string {
  return `{"egress_id":"${id}","room_id":"RM_x","room_name":"r","started_at":1767225600987654321,"ended_at":1767225665123456789,${more}}\n`
}

function read(more: string, key = `tmp/rec_01/${id}.json`) {
  return readManifest(key, 'etag', text(more), 1_000)
}

function outputsOf(more: string, key?: string) {
  return read(more, key)?.observation.egress?.outputs?.map(({ kind, path }) => `${kind} ${path}`)
}

function signed(key: string): string {
  const path = encodeURIComponent(key).replaceAll('%2F', '/')
  return `${bucket}${path}?X-Amz-Date=1&X-Amz-Signature=2`
}

describe('the name of a manifest', () => {
  it('is the egress id, or the name of the file it stands beside', () => {
    expect(egressIdOfManifest(`tmp/a/${id}.json`)).toBe(id)
    for (const key of [`${id}.json`, 'a/video.mp4.json', 'a/index.m3u8.json', 'a/i.jpeg.json'])
      expect(isManifestName(key), key).toBe(true)
    for (const key of ['a/track.ivf.json', 'a/track.h264.json', 'a/talk.aac.json'])
      expect(isManifestName(key), key).toBe(true)
    for (const key of [
      'a/settings.json',
      'a/EG.json',
      `a/${id}.json.mp4`,
      `a/x${id}.json`,
      'a.mp4',
    ])
      expect(isManifestName(key), key).toBe(false)
  })
})

describe('a manifest', () => {
  it('gives its times to the millisecond and the order of its end to the microsecond', () => {
    const egress = read('"files":[]')?.observation.egress
    expect(egress).toMatchObject({
      startedAtMs: 1_767_225_600_987,
      terminalAtMs: 1_767_225_665_123,
      updatedAtUs: 1_767_225_665_123_456,
      roomId: 'RM_x',
      roomName: 'r',
      kind: 'room_composite',
    })
    expect(JSON.stringify(read('"files":[]')?.observation.raw)).toContain('"1767225665123456789"')
  })

  it('keeps every nanosecond, and every digit in a text that looks like a number', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 10n ** 15n, max: 2n ** 63n - 1n }),
        fc.string(),
        (nanos, words) => {
          const name = `${words}: 1767225600987654321, "\\`
          const body = `{"egress_id":"${id}","room_name":${JSON.stringify(name)},"ended_at":${nanos}}`
          const egress = readManifest('a.json', 'e', body, 0)?.observation.egress
          expect(egress?.updatedAtUs).toBe(Number(nanos / 1000n))
          expect(egress?.roomName).toBe(name)
        },
      ),
    )
  })

  it('names its files as they are stored', () => {
    const files = `"files":[{"filename":"tmp/a b/100%.mp4","location":"${bucket}tmp/a b/100%.mp4"}]`
    expect(outputsOf(files)).toEqual(['video tmp/a b/100%.mp4', `manifest tmp/rec_01/${id}.json`])
  })

  it.each([
    ['plain', `${bucket}tmp/s/index.m3u8`, 'tmp/s/seg_0.ts', 'tmp/s/index.m3u8'],
    ['with signs', `${bucket}tmp/a 50% b?/i.m3u8`, 'tmp/a 50% b?/s.ts', 'tmp/a 50% b?/i.m3u8'],
    ['in another folder than its segments', `${bucket}tmp/p/i.m3u8`, 'tmp/q/s.ts', 'tmp/p/i.m3u8'],
  ])('finds its playlist, %s', (_, location, filename, path) => {
    const segment = { filename, location: `${bucket}${filename}` }
    const playlists = JSON.stringify([{ location, segments: [segment] }])
    expect(outputsOf(`"playlists":${playlists}`)?.[0]).toBe(`playlist ${path}`)
  })

  it('finds a playlist whose locations are presigned', () => {
    const segment = { filename: 'tmp/a b/s.ts', location: signed('tmp/a b/s.ts') }
    const playlists = JSON.stringify([{ location: signed('tmp/a b/i.m3u8'), segments: [segment] }])
    expect(outputsOf(`"playlists":${playlists}`)?.[0]).toBe('playlist tmp/a b/i.m3u8')
  })

  it('names its images by the beginning of their names, once', () => {
    const images = ['t_1.jpeg', 't_00002.jpeg', 'wide_20260101000013120.jpeg'].map((name) => ({
      filename: `tmp/a_b/${name}`,
      location: `${bucket}tmp/a_b/${name}`,
    }))
    expect(outputsOf(`"images":${JSON.stringify(images)}`)).toEqual([
      'image tmp/a_b/t',
      'image tmp/a_b/wide',
      `manifest tmp/rec_01/${id}.json`,
    ])
  })

  it.each([
    ['my_thumb.jpeg', 'my_thumb'],
    ['thumb.jpeg', 'thumb'],
    ['v1.2_3_00001.jpeg', 'v1.2_3'],
  ])('names the output of the image %s', (name, prefix) => {
    const images = [{ filename: `tmp/a_b.c/${name}`, location: `${bucket}tmp/a_b.c/${name}` }]
    expect(outputsOf(`"images":${JSON.stringify(images)}`)?.[0]).toBe(`image tmp/a_b.c/${prefix}`)
  })

  it.each([
    ['tmp/a/video.mp4.json', 'video tmp/a/video.mp4'],
    ['tmp/a/talk.ogg.json', 'audio tmp/a/talk.ogg'],
    ['tmp/a/talk.aac.json', 'audio tmp/a/talk.aac'],
    ['tmp/a/track.ivf.json', 'video tmp/a/track.ivf'],
    ['tmp/a/track.h264.json', 'video tmp/a/track.h264'],
    ['tmp/a/index.m3u8.json', 'playlist tmp/a/index.m3u8'],
    ['tmp/a/thumb.json', 'image tmp/a/thumb'],
  ])('of the old style says by its name what it is of: %s', (key, output) => {
    expect(outputsOf('"segment_count":3', key)).toEqual([output, `manifest ${key}`])
  })

  it.each([
    ['"url":"https://example.com"', 'web'],
    ['"track_id":"TR_1"', 'track'],
    ['"audio_track_id":"TR_1"', 'track_composite'],
    ['"publisher_identity":"ann"', 'participant'],
  ])('tells the kind by what it names: %s', (field, kind) => {
    expect(read(field)?.observation.egress?.kind).toBe(kind)
  })

  it('of twelve hours of segments is kept short enough for one row', () => {
    const segments = Array.from({ length: 10_800 }, (_, index) => ({
      filename: `tmp/${id}/seg_${index}.ts`,
      location: `${bucket}tmp/${id}/seg_${index}.ts`,
    }))
    const playlists = JSON.stringify([{ location: `${bucket}tmp/${id}/index.m3u8`, segments }])
    const { observation } = read(`"playlists":${playlists}`) ?? {}
    expect(JSON.stringify(observation).length).toBeLessThan(5_000)
    expect(JSON.stringify(observation?.raw)).toContain('and 10797 more')
  })

  it('twice is one observation, and changed it is another', () => {
    const untold = (more: string) => readManifest('k.json', '', text(more), 1)?.observation.id
    expect(untold('"files":[]')).toBe(untold('"files":[]'))
    expect(untold('"files":[]')).not.toBe(untold('"files":[],"room_name":"r"'))
    const again = readManifest('k.json', 'other', text('"files":[]'), 1)
    const first = readManifest('k.json', 'etag', text('"files":[]'), 1)
    const later = readManifest('k.json', 'etag', text('"files":[]'), 2)
    expect(later?.observation.id).toBe(first?.observation.id)
    expect(again?.observation.id).not.toBe(first?.observation.id)
  })
})

describe('what is no manifest', () => {
  it.each([
    '',
    'null',
    '[]',
    '12345678901234567890',
    '{}',
    '{"egress_id":""}',
    '{"egress_id":7}',
    '{"egress_id":"../../etc"}',
    '{"egress_id":"EG_1"',
  ])('says nothing: %s', (body) => {
    expect(readManifest('tmp/a.json', 'etag', body, 0)).toBeNull()
  })

  it('never makes the reader throw', () => {
    const anything = fc.record(
      {
        egress_id: fc.constant(id),
        started_at: fc.anything(),
        files: fc.anything(),
        images: fc.anything(),
        playlists: fc.array(
          fc.record({
            location: fc.oneof(fc.string(), fc.webUrl(), fc.anything()),
            segments: fc.array(fc.record({ filename: fc.string(), location: fc.string() })),
          }),
        ),
      },
      { requiredKeys: ['egress_id'] },
    )
    fc.assert(
      fc.property(anything, fc.string(), (manifest, key) => {
        const body = JSON.stringify(manifest, (_, value: unknown) =>
          typeof value === 'bigint' ? value.toString() : value,
        )
        expect(readManifest(key, 'etag', body, 0)?.egressId).toBe(id)
      }),
    )
  })
})
