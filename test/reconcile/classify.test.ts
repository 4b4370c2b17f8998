// Whose an object of the temp folder is, and whether it is news. Two mistakes would be bad: to take a file that is still
// being written for a finished one, and to tell the same thing again in every run.
import { describe, expect, it } from 'vitest'
import type { Claim, KnownObject } from '../../src/catalog/temp-objects.ts'
import { claimKeysOf, classify } from '../../src/reconcile/classify.ts'
import type { Status } from '../../src/recording/status.ts'

const nowMs = Date.UTC(2026, 0, 1)
const youngForMs = 120_000

function object(key: string, ageMs = 3_600_000) {
  return { key, etag: 'a', sizeBytes: 10, lastModifiedMs: nowMs - ageMs }
}

function claims(...list: [key: string, egressId: string, status: Status | null][]) {
  return new Map<string, Claim>(list.map(([key, egressId, status]) => [key, { egressId, status }]))
}

function look(key: string, known: ReadonlyMap<string, Claim> = new Map(), noted?: KnownObject) {
  return classify(object(key), known, noted, nowMs, youngForMs)
}

describe('the keys under which a claim may be noted', () => {
  it('are the key itself and every folder above it', () => {
    expect(claimKeysOf('tmp/a/b.mp4')).toEqual(['tmp/a/b.mp4', 'tmp/a/', 'tmp/'])
    expect(claimKeysOf('b.mp4')).toEqual(['b.mp4'])
    expect(claimKeysOf('/tmp/b.mp4')).toEqual(['/tmp/b.mp4', '/tmp/', '/'])
  })
})

describe('an object of the temp folder', () => {
  it('that is young is nobody’s business yet, whatever it is', () => {
    for (const key of ['tmp/a.mp4', 'tmp/EG_aaaaaaaaaaaa.json', 'tmp/EG_aaaaaaaaaaaa/v.mp4']) {
      expect(
        classify(object(key, youngForMs - 1), new Map(), undefined, nowMs, youngForMs),
      ).toEqual({ kind: 'none' })
    }
    expect(look('tmp/a.mp4')).toEqual({ kind: 'unclaimed' })
  })

  it.each(['tmp/', 'tmp/standup/', 'tmp/EG_aaaaaaaaaaaa/'])(
    'that marks a folder is no file, and no orphan: %s',
    (key) => {
      expect(look(key)).toEqual({ kind: 'none' })
      expect(look(key, claims([key, 'EG_1', 'ready']))).toEqual({ kind: 'none' })
    },
  )

  it('that was told before is not told again, unless it is another one by now', () => {
    const noted = { ...object('tmp/EG_aaaaaaaaaaaa/v.mp4'), egressId: 'EG_aaaaaaaaaaaa' }
    expect(look(noted.key, new Map(), noted)).toEqual({ kind: 'none' })
    expect(look(noted.key, new Map(), { ...noted, etag: 'b' }).kind).toBe('claimed')
    // The same bytes, written once more.
    expect(look(noted.key, new Map(), { ...noted, lastModifiedMs: 1 }).kind).toBe('claimed')
  })

  it('that was nobody’s is somebody’s once it is claimed, and else stays what it is', () => {
    const noted = { ...object('tmp/a/v.mp4'), egressId: null }
    expect(look(noted.key, new Map(), noted)).toEqual({ kind: 'none' })
    expect(look(noted.key, claims(['tmp/a/v.mp4', 'EG_1', 'failed']), noted)).toMatchObject({
      kind: 'claimed',
      egressId: 'EG_1',
    })
  })

  it('that a claim names by its key belongs to the one who made it, before any claim on a folder', () => {
    const both = claims(['tmp/a/', 'EG_folder', 'ready'], ['tmp/a/v.mp4', 'EG_key', 'ready'])
    expect(look('tmp/a/v.mp4', both)).toMatchObject({ egressId: 'EG_key' })
    expect(look('tmp/a/w.mp4', both)).toMatchObject({ egressId: 'EG_folder' })
  })

  it.each<Status>(['starting', 'active', 'ending', 'processing'])(
    'that belongs to a recording which is %s is left alone, unless it plays by itself',
    (status) => {
      const own = claims(['tmp/a/', 'EG_1', status], ['tmp/a/index.m3u8', 'EG_1', status])
      for (const name of ['seg_00001.ts', 'index.m3u8', 'live.m3u8', 'thumb_00001.jpeg']) {
        expect(look(`tmp/a/${name}`, own), name).toEqual({ kind: 'none' })
      }
      expect(look('tmp/a/video.mp4', own).kind).toBe('claimed')
    },
  )

  it.each<Status>(['ready', 'failed', 'aborted', 'lost'])(
    'that stayed behind when its recording is %s is told, but its segments are not told one by one',
    (status) => {
      const own = claims(['tmp/a/', 'EG_1', status])
      expect(look('tmp/a/index.m3u8', own).kind).toBe('claimed')
      expect(look('tmp/a/seg_00001.ts', own)).toEqual({ kind: 'none' })
    },
  )

  it('that is named as a manifest is read as one, of either style', () => {
    for (const name of ['EG_aaaaaaaaaaaa.json', 'video.mp4.json', 'index.m3u8.json', 'thumb.json'])
      expect(look(`tmp/a/${name}`), name).toEqual({ kind: 'manifest' })
    const running = claims(['tmp/a/', 'EG_aaaaaaaaaaaa', 'active'])
    expect(look('tmp/a/EG_aaaaaaaaaaaa.json', running)).toEqual({ kind: 'manifest' })
  })

  it('that lies in a folder named after an egress belongs to that egress', () => {
    expect(look('tmp/EG_aaaaaaaaaaaa/video.mp4')).toMatchObject({ egressId: 'EG_aaaaaaaaaaaa' })
    expect(look('tmp/EG_aaaaaaaaaaaa/seg_00001.ts')).toEqual({ kind: 'none' })
    for (const key of ['tmp/EG_a b/video.mp4', 'tmp/EG_/video.mp4', 'tmp/EG_aaaaaaaaaaaa.mp4'])
      expect(look(key), key).toEqual({ kind: 'unclaimed' })
  })
})
